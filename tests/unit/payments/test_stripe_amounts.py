"""Money as Stripe counts it."""

from __future__ import annotations

import pytest

from payments.stripe_amounts import minor_units, money_of
from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.money import parse_money


@pytest.mark.parametrize(
    ("money", "units"),
    [
        ("10.00 EUR", 1000),
        ("0.01 EUR", 1),
        ("999999.99 EUR", 99_999_999),
        ("500 JPY", 500),
        ("1 KRW", 1),
        ("5.000 KWD", 5000),
        ("5.010 KWD", 5010),
        ("0.10 TND", 100),
        ("7 ISK", 700),
        ("7 UGX", 700),
        ("1200 MGA", 1200),
        ("120000.00 IDR", 12_000_000),
        ("5000000000.00 IDR", 500_000_000_000),
    ],
)
def test_an_amount_is_sent_in_stripes_units_and_read_back_unchanged(money: str, units: int) -> None:
    amount, currency = money.split()
    asked = parse_money(amount, currency)
    assert minor_units(asked) == units
    assert money_of(units, currency.lower()) == asked


@pytest.mark.parametrize(
    ("money", "said"),
    [
        ("10.005 EUR", "10.005 EUR: it takes EUR in steps of 0.01"),
        ("0.000001 EUR", "steps of 0.01"),
        ("500.5 JPY", "500.5 JPY: it takes JPY in steps of 1;"),
        ("5.001 KWD", "5.001 KWD: it takes KWD in steps of 0.01"),
        ("7.5 ISK", "7.5 ISK: it takes ISK in steps of 1;"),
        ("7.01 MGA", "7.01 MGA: it takes MGA in steps of 1;"),
        ("0 EUR", "above zero"),
        ("-1 EUR", "above zero"),
        ("1000000.00 EUR", "more than Stripe charges at once"),
    ],
)
def test_an_amount_that_stripe_cannot_take_is_refused_in_words(money: str, said: str) -> None:
    amount, currency = money.split()
    with pytest.raises(Refused, match=said):
        minor_units(parse_money(amount, currency))


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(1000, "xxx"), ("1000", "eur"), (None, "eur"), (10.0, "eur"), (True, "eur"), (1000, None)],
)
def test_what_is_no_money_is_not_taken_for_some(amount: object, currency: object) -> None:
    with pytest.raises(BadRecord, match="is no money"):
        money_of(amount, currency)
