"""Webhooks: kept first and looked into after, whatever they say and in whatever order they come."""

from __future__ import annotations

from itertools import permutations

import pytest

from rtbill.domain.errors import BadRecord, Refused, Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import Refunded, RefundState
from rtbill.replenishment.gateway_inbox import BODY_BYTES_MAX
from tests.fakes.fake_gateway import Loss
from tests.fakes.pay_office import a_pay_office


async def test_a_forged_webhook_is_refused_and_not_kept() -> None:
    async with a_pay_office() as paying:
        body = paying.provider.happen("evt_1")
        with pytest.raises(BadRecord, match="signature"):
            await paying.hear(body, {"signature": "forged"})

        assert paying.office.store._payments.inbox == {}
        assert paying.provider.count("look_up") == 0


async def test_one_that_is_too_large_is_refused_before_it_is_read() -> None:
    async with a_pay_office() as paying:
        with pytest.raises(BadRecord, match="at most"):
            await paying.hear(b"x" * (BODY_BYTES_MAX + 1))


async def test_one_of_a_gateway_that_is_not_there_is_refused() -> None:
    async with a_pay_office() as paying:
        with pytest.raises(Refused, match="no payment gateway"):
            await paying.service.inbox.hear("other", b"{}", {})


async def test_its_body_is_not_kept() -> None:
    async with a_pay_office() as paying:
        await paying.hear(paying.provider.happen("evt_1"))

        [event] = paying.office.store._payments.inbox.values()
        assert (event.id, event.kind, event.raw) == ("evt_1", "payment", "")
        assert event.processed_at is not None


async def test_a_store_that_is_busy_has_it_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtbill.replenishment.gateway_inbox.KEEP_MAX_S", 0.01)
    async with a_pay_office() as paying:
        body = paying.provider.happen("evt_1")

        async def busy(_change: object) -> None:
            await paying.clock.sleep(3600)

        with monkeypatch.context() as patched:
            patched.setattr(paying.office.store, "change", busy)
            with pytest.raises(Unavailable, match="tell it again"):
                await paying.hear(body)


async def test_one_that_cannot_be_looked_into_is_tried_again_and_holds_no_other_up() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = ["pending"]
        await paying.spend("6.00")
        [row] = await paying.rows()
        paying.provider.settle(row.reference)
        paying.provider.losses["look_up"] = [Loss.UNREACHABLE]
        await paying.hear(paying.provider.happen("evt_poison", about="elsewhere"))
        await paying.hear(paying.provider.happen("evt_2", about=row.reference))
        assert await paying.balance() == "14.00"
        await paying.clock.advance(5)

        inbox = paying.office.store._payments.inbox
        assert inbox["fake", "evt_poison"].tries == 2
        assert inbox["fake", "evt_poison"].result == "does not concern us"


async def test_one_that_fails_again_and_again_is_an_alarm() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["look_up"] = [Loss.UNREACHABLE] * 6
        await paying.hear(paying.provider.happen("evt_1"))
        await paying.clock.advance(60)
        assert paying.office.alarm_kinds() == ["gateway"]
        await paying.clock.advance(60)
        assert paying.office.alarm_kinds() == []


async def test_what_was_told_while_nobody_listened_is_asked_for_at_the_start() -> None:
    async with a_pay_office("10.00") as paying:
        assert paying.provider.count("events") == 1
        paying.provider.verdicts = ["pending"]
        await paying.spend("6.00")
        [row] = await paying.rows()
        paying.provider.settle(row.reference)
        paying.provider.happen("evt_missed", about=row.reference)
        await paying.service.inbox._poll_one(paying.service.gateways.named("fake"))
        await paying.clock.advance(1)

        assert await paying.balance() == "14.00"


async def test_it_is_asked_for_again_every_hour() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.clock.advance(3_610)
        assert paying.provider.count("events") == 2


async def test_a_provider_that_does_not_say_is_asked_again_after_a_minute() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["events"] = [Loss.UNREACHABLE]
        await paying.clock.advance(3_610)
        assert paying.office.alarm_kinds() == ["gateway"]
        await paying.clock.advance(70)
        assert paying.office.alarm_kinds() == []
        assert paying.provider.count("events") == 3


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_refunds_and_success_in_any_order_and_twice_come_to_the_same(
    order: tuple[int, ...],
) -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = ["pending"]
        await paying.spend("6.00")
        [row] = await paying.rows()
        paid = paying.provider.payments[row.reference]
        paying.provider.settle(row.reference)
        first = Refunded("re_1", paid.id, Money(3_000_000, "EUR"), RefundState.DONE)
        second = Refunded("re_2", paid.id, Money(1_000_000, "EUR"), RefundState.DONE)
        bodies = [
            paying.provider.happen("evt_0", about=row.reference),
            paying.provider.happen("evt_1", "refund", first, about="re_1"),
            paying.provider.happen("evt_2", "refund", second, about="re_2"),
        ]
        for number in (*order, *order):
            await paying.hear(bodies[number])
        await paying.clock.advance(10)

        assert (await paying.rows())[0].state == "approved"
        reversed_micros = (await paying.rows())[0].reversed_micros
        assert reversed_micros == 4_000_000
