"""The provider's balance proven: each movement is of something, and each payment moved it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from payments.provider_balance import Proof, prove
from rtbill.domain.money import Money
from rtbill.domain.payment import ListedPayment
from rtbill.domain.provider_balance import BalanceMovement, MovementKind
from tests.fakes.environment import NOON
from tests.fakes.fake_gateway import a_movement

TEN = Money(10_000_000, "EUR")
MIDNIGHT = NOON - timedelta(hours=12)
DAY = timedelta(days=1)


def listed(number: str = "1", money: Money = TEN, at: datetime = NOON) -> ListedPayment:
    return ListedPayment(f"pi_{number}", number, money, at, movement=f"txn_{number}")


def moved(
    number: str = "1",
    micros: int = 10_000_000,
    kind: MovementKind = MovementKind.PAYMENT,
    currency: str = "EUR",
    at: datetime = NOON,
    about: str = "",
) -> BalanceMovement:
    money = Money(micros, currency)
    return a_movement(f"txn_{number}", kind, money=money, at=at, about=about or f"ch_{number}")


def proof(
    movements: list[BalanceMovement],
    payments: list[ListedPayment],
    reversals: dict[str, Money] | None = None,
) -> Proof:
    return prove(movements, payments, reversals or {}, MIDNIGHT, MIDNIGHT + DAY)


def kinds(found: Proof) -> list[str]:
    return [str(each.kind) for each in found.differences]


def test_a_payment_that_moved_the_balance_by_its_amount_is_accounted_for() -> None:
    found = proof([moved()], [listed()])

    assert found.differences == ()
    [sums] = found.sums
    assert (sums.payments, sums.fees, sums.change) == (10_000_000, -400_000, 9_600_000)
    assert sums.unexplained == 0


def test_a_day_with_everything_adds_up_to_the_change_of_the_balance() -> None:
    back = ListedPayment("re_2", "2", Money(3_000_000, "EUR"), NOON, is_refund=True)
    found = proof(
        [
            moved(),
            moved("2", -3_000_000, MovementKind.REFUND, about="re_2"),
            moved("3", -10_000_000, MovementKind.DISPUTE, about="du_3"),
            moved("4", -2_000_000, MovementKind.FEE),
            moved("5", -50_000_000, MovementKind.PAYOUT),
        ],
        [listed(), back],
        {"du_3": TEN},
    )

    assert found.differences == ()
    [sums] = found.sums
    assert (sums.payments, sums.refunds, sums.disputes) == (10_000_000, -3_000_000, -10_000_000)
    assert (sums.fees, sums.payouts) == (-2_400_000, -50_000_000)
    assert sums.change == -55_400_000


@pytest.mark.parametrize(
    "kind",
    [MovementKind.PAYMENT, MovementKind.REFUND, MovementKind.DISPUTE, MovementKind.OTHER],
)
def test_a_movement_that_is_of_nothing_is_unexplained(kind: MovementKind) -> None:
    found = proof([moved("9", -7_000_000, kind)], [])

    assert kinds(found) == ["unexplained"]
    assert found.sums[0].unexplained == -7_000_000


def test_a_movement_of_another_amount_differs() -> None:
    found = proof([moved(micros=9_000_000)], [listed()])

    assert kinds(found) == ["amount differs"]
    assert found.sums[0].unexplained == 9_000_000


def test_a_payment_that_moved_nothing_is_missing_there() -> None:
    assert kinds(proof([], [listed()])) == ["missing there"]


def test_a_payment_that_is_settled_in_another_currency_is_known_by_its_movement() -> None:
    found = proof([moved(micros=9_400_000, currency="CHF")], [listed()])

    assert found.differences == ()
    assert [each.currency for each in found.sums] == ["CHF"]


def test_a_refund_that_failed_is_accounted_for_by_our_books_both_ways() -> None:
    out = moved("6", -3_000_000, MovementKind.REFUND, about="re_6")
    again = moved("7", 3_000_000, MovementKind.REFUND, about="re_6")
    found = proof([out, again], [], {"re_6": Money(3_000_000, "EUR")})

    assert found.differences == ()
    assert found.sums[0].refunds == 0


def test_what_lies_outside_of_the_day_is_only_there_to_be_matched() -> None:
    late = MIDNIGHT + DAY + timedelta(seconds=1)
    assert proof([moved(at=late)], [listed()]) == Proof((), ())
    assert kinds(proof([moved()], [listed(at=late)])) == []
