"""Each step of a top-up with its answer lost, and success told by several at once."""

from __future__ import annotations

import asyncio
from itertools import permutations, product

import pytest

from rtbill.domain.account import Service
from rtbill.domain.money import Money
from rtbill.domain.payment import (
    Absent,
    Approved,
    Cancelled,
    DeclineClass,
    Declined,
    Disputed,
    DisputeState,
    Refunded,
    RefundState,
    Settled,
)
from rtbill.domain.top_up import Asker
from rtbill.domain.work import Committed, TopUpStep
from tests.fakes.fake_gateway import Loss
from tests.fakes.pay_office import PayOffice, a_pay_office
from tests.fakes.virtual_clock import settle

TEN = Money(10_000_000, "EUR")


async def one_under_way(paying: PayOffice) -> str:
    """It is sent, and the provider is still at it; its reference."""
    paying.provider.verdicts = ["pending"]
    await paying.spend("6.00")
    [row] = await paying.rows()
    assert row.state == "sent"
    return row.reference


@pytest.mark.parametrize("loss", list(Loss))
@pytest.mark.parametrize("what", ["create", "confirm", "find", "cancel"])
async def test_a_lost_answer_is_settled_by_looking_and_charges_once(what: str, loss: Loss) -> None:
    async with a_pay_office("10.00", answer_max_s=0.05) as paying:
        if what in ("find", "cancel"):
            paying.provider.losses["confirm"] = [Loss.AFTER]
        paying.provider.losses[what] = [loss]
        await paying.spend("6.00")
        await wait_for_answers(loss)
        await paying.clock.advance(150)
        await wait_for_answers(loss)
        await paying.clock.advance(150)
        if what == "create" and loss is Loss.BEFORE:
            await paying.clock.advance(3600)  # the provider never heard of it: called off

        expected = ["cancelled"] if what == "create" and loss is Loss.BEFORE else ["approved"]
        assert (await paying.states())[:1] == expected
        credited = sum(10_000_000 for row in await paying.rows() if row.was_paid)
        assert paying.provider.moved.get("room-1", 0) == credited
        assert await paying.office.balance() == 4_000_000 + credited


async def wait_for_answers(loss: Loss) -> None:
    """A deadline is of the event loop's own clock."""
    if loss is Loss.SILENT:
        await asyncio.sleep(0.1)
        await settle()


async def by_webhook(paying: PayOffice, reference: str, number: str) -> None:
    await paying.hear(paying.provider.happen(number, about=reference))


async def by_janitor(paying: PayOffice, reference: str, _number: str) -> None:
    [row] = [row for row in await paying.rows() if row.reference == reference]
    if row.next_look is not None:
        ahead = (row.next_look - paying.clock.now()).total_seconds()
        await paying.clock.advance(max(0.0, ahead) + 1.5)


async def by_answer(paying: PayOffice, reference: str, _number: str) -> None:
    paid = paying.provider.payments[reference]
    [row] = [row for row in await paying.rows() if row.reference == reference]
    await paying.service.driver.heard(row, Approved(paid.id, TEN))


BRINGERS = {"webhook": by_webhook, "janitor": by_janitor, "answer": by_answer}


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("order", list(permutations(BRINGERS)))
async def test_whoever_tells_of_success_in_whatever_order_it_is_credited_once(
    order: tuple[str, ...], times: int
) -> None:
    async with a_pay_office("10.00") as paying:
        reference = await one_under_way(paying)
        paying.provider.settle(reference)
        for number, name in enumerate(order):
            for repeat in range(times):
                await BRINGERS[name](paying, reference, f"evt_{number}_{repeat}")
                assert await paying.balance() == "14.00"

        await by_webhook(paying, reference, "evt_late")
        assert await paying.states() == ["approved"]
        assert await paying.balance() == "14.00"


async def test_the_same_webhook_twice_is_looked_into_once() -> None:
    async with a_pay_office("10.00") as paying:
        reference = await one_under_way(paying)
        paying.provider.settle(reference)
        body = paying.provider.happen("evt_1", about=reference)
        await paying.hear(body)
        await paying.hear(body)

        assert paying.provider.count("look_up") == 1


async def test_a_webhook_unlocks_in_the_same_instant() -> None:
    async with a_pay_office("10.00") as paying:
        reference = await one_under_way(paying)
        await paying.spend("4.00")
        assert paying.office.wanted() != Service()
        paying.provider.settle(reference)
        before = paying.clock.monotonic()
        await paying.hear(paying.provider.happen("evt_1", about=reference))

        assert paying.office.wanted() == Service()
        assert paying.clock.monotonic() == before


@pytest.mark.parametrize("wrong", [Money(1_000_000, "EUR"), Money(10_000_000, "USD")])
async def test_another_amount_than_asked_for_is_never_credited(wrong: Money) -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.wrong = wrong
        await paying.spend("6.00")

        [row] = await paying.rows()
        assert row.state == "unknown"
        assert "odd answer" in row.alarm
        assert paying.office.alarm_kinds() == ["top-up"]
        assert await paying.balance() == "4.00"
        assert paying.meter.counts["rtbill_topup_oddities_total"] >= 1


async def test_one_of_which_the_provider_knows_nothing_is_called_off_after_three_looks() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["create"] = [Loss.BEFORE]
        await paying.spend("6.00")
        await paying.clock.advance(200)

        assert paying.provider.count("find") == 3
        assert paying.provider.count("cancel") == 1
        assert (await paying.states())[0] == "cancelled"


async def test_where_nobody_can_be_asked_a_person_settles_it() -> None:
    async with a_pay_office("10.00", finds=False) as paying:
        paying.provider.losses["confirm"] = [Loss.AFTER]
        await paying.spend("6.00")
        await paying.clock.advance(1200)
        [row] = await paying.rows()
        assert (row.state, row.needs_person) == ("unknown", True)
        assert paying.office.alarm_kinds() == ["top-up"]

        await paying.order(
            "pay.resolve", reference=row.reference, reason="their list", **{"as": "paid"}
        )
        assert await paying.balance() == "14.00"
        assert paying.office.alarm_kinds() == []


async def test_credit_that_comes_during_a_call_extends_it() -> None:
    async with a_pay_office("6.00") as paying:
        await paying.office.hear("12:00:01 start 1\n12:00:03 answer 1")
        await paying.clock.advance(120)
        first = paying.office.control.running()[0].wanted_s
        assert first is not None
        await paying.spend("3.00")
        await paying.clock.advance(300)

        later = paying.office.control.running()[0].wanted_s
        assert later is not None
        assert await paying.states() == ["approved"]
        assert later > 3_00 > first


async def test_two_partial_refunds_at_the_provider_take_their_own_amounts_once() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        [row] = await paying.rows()
        for number, micros in (("re_1", 3_000_000), ("re_2", 1_000_000), ("re_1", 3_000_000)):
            money = Money(micros, "EUR")
            told = Refunded(number, row.provider_id, money, RefundState.DONE)
            await paying.service.driver.heard(row, told)

        assert await paying.balance() == "10.00"


async def test_a_dispute_takes_the_money_halts_the_account_and_gives_it_again() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        [row] = await paying.rows()
        for state, balance in (
            (DisputeState.WITHDRAWN, "4.00"),
            (DisputeState.REINSTATED, "14.00"),
        ):
            told = Disputed("dp_1", row.provider_id, TEN, state)
            body = paying.provider.happen(f"evt_{state}", "dispute", told, about=f"dp_{state}")
            await paying.hear(body)
            assert await paying.balance() == balance

        assert paying.office.alarm_kinds() == ["top-up"]
        await paying.clock.advance(60)
        assert len(await paying.rows()) == 1


@pytest.mark.parametrize(
    "outcome",
    [
        Declined("pay_x", DeclineClass.VAGUE, "do_not_honor"),
        Cancelled("pay_x"),
        Absent(),
    ],
)
async def test_news_of_payments_that_are_not_ours_changes_nothing(
    outcome: Declined | Cancelled | Absent,
) -> None:
    async with a_pay_office("10.00") as paying:
        told = Settled("17900000000000000000", outcome)
        await paying.hear(paying.provider.happen("evt_1", "payment", told))

        [event] = paying.office.store._payments.inbox.values()
        assert event.result == "not of ours"
        assert await paying.rows() == []


REFUND_LOSSES = [Loss.UNREACHABLE, Loss.BEFORE, Loss.AFTER]


@pytest.mark.parametrize("losses", list(product(REFUND_LOSSES, repeat=2)))
async def test_a_refund_whose_answer_is_lost_is_asked_for_again_and_made_once(
    losses: tuple[Loss, Loss],
) -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        await paying.order("pay.settings", account="room-1", on=False)
        [row] = await paying.rows()
        paying.provider.losses["refund"] = list(losses)
        await paying.order("pay.refund", reference=row.reference, amount="4.00", reason="moved out")
        assert await paying.balance() == "10.00"
        await paying.clock.advance(500)

        [reversal] = await paying.office.store.reversals(row.reference)
        assert reversal.stage == "done"
        assert paying.provider.moved == {"room-1": 6_000_000}
        assert await paying.balance() == "10.00"


async def test_a_poison_refund_does_not_hold_up_another() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        await paying.order("pay.settings", account="room-1", on=False)
        [row] = await paying.rows()
        paying.provider.losses["refund"] = [Loss.BEFORE, Loss.SILENT]
        await paying.order("pay.refund", reference=row.reference, amount="1.00", reason="first")
        await paying.clock.advance(62)
        await paying.order("pay.refund", reference=row.reference, amount="2.00", reason="second")

        stages = {
            str(each.money): each.stage
            for each in await paying.office.store.reversals(row.reference)
        }
        assert stages == {"1.00 EUR": "wanted", "2.00 EUR": "done"}


async def test_a_refund_that_the_provider_refuses_gives_the_account_its_money_again() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        await paying.order("pay.settings", account="room-1", on=False)
        [row] = await paying.rows()
        paying.provider.verdicts = ["refuse refunds"]
        await paying.order("pay.refund", reference=row.reference, amount="4.00", reason="moved out")

        assert await paying.balance() == "14.00"
        [reversal] = await paying.office.store.reversals(row.reference)
        assert reversal.stage == "failed"


async def test_who_gives_up_waiting_does_not_undo_what_is_durable() -> None:
    async with a_pay_office("10.00", is_on=False) as paying:
        await paying.spend("10.00")
        assert paying.office.wanted() != Service()
        wanted = await paying.service.driver.want("room-1", Asker.HOLDER, TEN)
        assert wanted.top_up is not None
        store = paying.office.store
        commit = store.take_step
        on_its_way: list[tuple[TopUpStep, asyncio.Future[Committed]]] = []

        def slowly(step: TopUpStep) -> asyncio.Future[Committed]:
            future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
            on_its_way.append((step, future))
            return future

        store.take_step = slowly  # type: ignore[method-assign]
        told = Approved("pay_x", TEN)
        async with asyncio.TaskGroup() as group:
            page = group.create_task(paying.service.driver.heard(wanted.top_up, told))
            await settle()
            page.cancel()
        for step, future in on_its_way:
            future.set_result(await commit(step))
        await settle()

        assert paying.office.directory.state("room-1").balance_micros == 10_000_000
        assert paying.office.wanted() == Service()
