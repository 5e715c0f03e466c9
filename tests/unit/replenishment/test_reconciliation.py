"""The provider's list against the books: each class of difference, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from payments.reconcile import compare
from rtbill.domain.errors import Unavailable
from rtbill.domain.money import Money
from rtbill.domain.payment import ListedPayment
from rtbill.domain.provider_balance import MovementKind
from rtbill.domain.reconciliation import OurPayment
from tests.fakes.environment import NOON
from tests.fakes.fake_gateway import Loss, a_movement
from tests.fakes.pay_office import a_pay_office

DAY = timedelta(days=1)
TEN = Money(10_000_000, "EUR")
FROM, UNTIL = "2026-10-05", "2026-10-06"


def listed(number: str = "1", hours: float = 0, **fields: object) -> ListedPayment:
    values = {"reference": number, "money": TEN, "is_refund": False} | fields
    at = NOON + timedelta(hours=hours)
    return ListedPayment(provider_id=f"pay_{number}", at=at, **values)  # type: ignore[arg-type]


def ours(number: str = "1", hours: float = 0, money: Money = TEN) -> OurPayment:
    return OurPayment(
        reference=number,
        provider_id=f"pay_{number}",
        account="room-1",
        money=money,
        at=NOON + timedelta(hours=hours),
    )


def kinds(ours_: list[OurPayment], theirs: list[ListedPayment]) -> tuple[int, list[str]]:
    midnight = NOON - timedelta(hours=12)
    found = compare(ours_, theirs, midnight, midnight + DAY)
    return found.agreeing, [str(each.kind) for each in found.differences]


def test_what_both_have_agrees() -> None:
    assert kinds([ours()], [listed()]) == (1, [])


def test_a_payment_is_known_by_the_providers_id_where_it_does_not_name_us() -> None:
    assert kinds([ours()], [listed(reference="")]) == (1, [])


def test_each_class_of_difference() -> None:
    assert kinds([], [listed()]) == (0, ["missing here"])
    assert kinds([ours()], []) == (0, ["missing there"])
    assert kinds([ours()], [listed(money=Money(9_990_000, "EUR"))]) == (0, ["amount differs"])
    assert kinds([ours()], [listed(money=Money(10_000_000, "USD"))]) == (0, ["amount differs"])
    assert kinds([], [listed(reference="")]) == (0, ["unexplained"])


def test_a_refund_is_not_the_payment_it_goes_back_from() -> None:
    assert kinds([ours()], [listed(is_refund=True)]) == (0, ["missing here", "missing there"])


def test_two_of_the_same_reference_are_one_too_many() -> None:
    assert kinds([ours()], [listed(), listed()]) == (1, ["missing here"])


def test_over_midnight_the_two_clocks_may_differ() -> None:
    assert kinds([ours(hours=13)], [listed(hours=11.5)]) == (1, [])
    assert kinds([ours(hours=11.5)], [listed(hours=13)]) == (0, [])


def test_what_lies_outside_of_the_day_is_another_days() -> None:
    assert kinds([ours(hours=20)], [listed("2", hours=-20)]) == (0, [])


async def test_a_success_that_is_missing_here_is_credited_by_the_normal_step() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["confirm"] = [Loss.AFTER]
        paying.provider.losses["find"] = [Loss.UNREACHABLE] * 100
        await paying.spend("6.00")
        assert await paying.states() == ["unknown"]
        answer = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})

        [found] = answer["differences"]
        assert (found["kind"], found["settled"], answer["open"]) == ("missing here", True, 0)
        assert await paying.balance() == "14.00"
        again = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})
        assert (again["agreeing"], again["differences"]) == (1, [])
        assert paying.office.alarm_kinds() == []


async def test_another_amount_is_not_credited_but_a_persons() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["create"] = [Loss.AFTER]
        paying.provider.losses["find"] = [Loss.UNREACHABLE] * 100
        await paying.spend("6.00")
        [row] = await paying.rows()
        now, nine = paying.clock.now(), Money(9_000_000, "EUR")
        paying.provider.others = [ListedPayment(f"pay_{row.reference}", row.reference, nine, now)]
        answer = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})

        assert answer["open"] == 1
        assert await paying.balance() == "4.00"
        assert "reconciliation" in paying.office.alarm_kinds()


async def test_what_is_missing_there_and_what_is_unexplained_are_alarms_with_a_table() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        [row] = await paying.rows()
        del paying.provider.payments[row.reference]
        paying.provider.others = [ListedPayment("pay_shop", "", TEN, paying.clock.now())]
        answer = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})

        assert {each["kind"] for each in answer["differences"]} == {"missing there", "unexplained"}
        assert await paying.balance() == "14.00"
        assert paying.office.alarm_kinds() == ["reconciliation"]


async def test_refunds_are_compared_too() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        await paying.order("pay.settings", account="room-1", on=False)
        [row] = await paying.rows()
        await paying.order("pay.refund", reference=row.reference, amount="4.00", reason="moved out")
        span = {"from": FROM, "until": UNTIL}
        missing = await paying.order("pay.reconcile", **span)
        assert [each["kind"] for each in missing["differences"]] == ["missing there"]

        [made] = paying.provider.payments[row.reference].refunded
        back = ListedPayment(made.refund_id, "", made.money, paying.clock.now(), is_refund=True)
        paying.provider.others = [back]
        assert (await paying.order("pay.reconcile", **span))["differences"] == []


async def test_each_day_the_one_before_is_compared_by_itself() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["confirm"] = [Loss.AFTER]
        paying.provider.losses["find"] = [Loss.UNREACHABLE] * 1000
        await paying.spend("6.00")
        paying.clock.step(-timedelta(hours=1).total_seconds())
        await paying.service._reconciliation._day("fake", NOON - DAY / 2, NOON + DAY / 2)

        assert await paying.balance() == "14.00"


async def test_a_provider_whose_list_cannot_be_had_is_an_alarm_until_it_can() -> None:
    async with a_pay_office("10.00") as paying:
        gateway = paying.service.gateways.named("fake")
        listing, failures = gateway.listed, [1]

        async def failing(since: object, until: object) -> object:
            if failures:
                failures.pop()
                raise TimeoutError
            return await listing(since, until)  # type: ignore[arg-type]

        gateway.listed = failing  # type: ignore[method-assign,assignment]
        async with asyncio.TaskGroup() as group:
            day = paying.service._reconciliation._day("fake", NOON - DAY / 2, NOON + DAY / 2)
            group.create_task(day)
            await paying.clock.advance(1)
            assert paying.office.alarm_kinds() == ["gateway"]
            await paying.clock.advance(1800)
        assert paying.office.alarm_kinds() == []


# ------------------------------------------------------------------ what the provider holds


async def test_what_the_provider_holds_is_told_by_currency_with_its_fees_and_payouts() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.keeps_balance = True
        await paying.spend("6.00")
        out = Money(-9_600_000, "EUR")
        kind, now = MovementKind.PAYOUT, paying.clock.now()
        paying.provider.movements = [a_movement("txn_out", kind, money=out, at=now)]
        answer = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})

        [sums] = answer["balance"]
        assert (answer["open"], sums["currency"], sums["unexplained"]) == (0, "EUR", "0.00")
        assert (sums["payments"], sums["fees"], sums["payouts"]) == ("10.00", "-0.40", "-9.60")
        assert sums["change"] == "0.00"
        assert paying.office.alarm_kinds() == []


async def test_a_movement_that_nobody_can_explain_is_an_alarm() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.keeps_balance = True
        await paying.spend("6.00")
        gone, now = Money(-2_000_000, "EUR"), paying.clock.now()
        paying.provider.movements = [a_movement("txn_x", MovementKind.OTHER, money=gone, at=now)]
        answer = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})

        assert [each["kind"] for each in answer["differences"]] == ["unexplained"]
        assert answer["balance"][0]["unexplained"] == "-2.00"
        assert paying.office.alarm_kinds() == ["reconciliation"]


async def test_of_a_provider_that_keeps_no_balance_none_is_told() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        answer = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})

        assert (answer["open"], answer["balance"]) == (0, [])


async def test_where_the_balance_cannot_be_had_payments_are_compared_and_that_is_an_alarm() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.keeps_balance = True
        await paying.spend("6.00")
        gateway = paying.service.gateways.named("fake")
        movements = gateway.movements

        async def forbidden(*_span: object) -> object:
            raise Unavailable("the key may not read balances")

        gateway.movements = forbidden  # type: ignore[method-assign,assignment]
        answer = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})
        assert (answer["agreeing"], answer["open"], answer["balance"]) == (1, 0, [])
        assert "may not read balances" in answer["balance_problem"]
        assert paying.office.alarm_kinds() == ["gateway"]

        gateway.movements = movements  # type: ignore[method-assign]
        answer = await paying.order("pay.reconcile", **{"from": FROM, "until": UNTIL})
        assert answer["balance_problem"] is None
        assert paying.office.alarm_kinds() == []
