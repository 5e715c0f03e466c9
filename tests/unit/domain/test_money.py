"""Money: exact text both ways, roundings that do what their names say."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import (
    Money,
    decimal_text,
    divide_rounding_half_up,
    divide_rounding_up,
    known_currency,
    parse_micros,
    parse_money,
    round_half_up,
)

_EXACT = Context(prec=60)
micros = st.integers(-(10**18) + 1, 10**18 - 1)


@given(micros)
def test_text_of_an_amount_reads_back_as_the_same_amount(amount: int) -> None:
    assert parse_micros(decimal_text(amount)) == amount


@given(micros)
def test_text_of_an_amount_is_its_exact_decimal_value(amount: int) -> None:
    assert Decimal(decimal_text(amount)) == _EXACT.scaleb(Decimal(amount), Decimal(-6))


@given(st.integers(0, 10**18), st.integers(1, 10**12))
def test_dividing_up_and_half_up_agree_with_decimal(dividend: int, divisor: int) -> None:
    exact = _EXACT.divide(Decimal(dividend), Decimal(divisor))
    assert divide_rounding_up(dividend, divisor) == int(exact.to_integral_value(ROUND_CEILING))
    assert divide_rounding_half_up(dividend, divisor) == int(exact.to_integral_value(ROUND_HALF_UP))


@given(st.integers(0, 10**15), st.integers(0, 6))
def test_rounding_to_digits_agrees_with_decimal(amount: int, digits: int) -> None:
    exact = Decimal(amount).scaleb(-6).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    assert round_half_up(amount, digits) == int(exact.scaleb(6))


@pytest.mark.parametrize(
    ("amount", "digits", "text"),
    [
        (1_250_000, 2, "1.25"),
        (12_500, 2, "0.0125"),
        (-200_000, 2, "-0.20"),
        (5_000_000, 0, "5"),
        (1_500, 3, "0.0015"),
        (0, 2, "0.00"),
        (1, 2, "0.000001"),
    ],
)
def test_an_amount_is_written_exactly(amount: int, digits: int, text: str) -> None:
    assert decimal_text(amount, digits) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1,50",
        "NaN",
        "sNaN",
        "Infinity",
        "1e3",
        "1e999999",
        "1_000",
        "\u0661",
        "0x10",
        "1.",
        ".5",
        "--1",
    ],
)
def test_what_is_not_plain_digits_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadRecord, match="is not an amount"):
        parse_micros(text)


@pytest.mark.parametrize("text", ["0.0000001", "1." + "0" * 40 + "1"])
def test_an_amount_finer_than_a_millionth_is_refused_however_many_digits(text: str) -> None:
    with pytest.raises(BadRecord, match="millionths"):
        parse_micros(text)


def test_zeros_beyond_the_millionth_change_nothing() -> None:
    assert parse_micros("0012.5000000000") == 12_500_000


def test_an_amount_that_could_overflow_the_books_is_refused() -> None:
    with pytest.raises(BadRecord, match="too large"):
        parse_micros("1000000000000")


def test_an_unknown_currency_is_refused_by_name() -> None:
    with pytest.raises(BadRecord, match="'EURO'"):
        known_currency("EURO")
    with pytest.raises(BadRecord, match="'XXX'"):
        parse_money("1", "XXX")


def test_money_of_two_currencies_never_meets() -> None:
    with pytest.raises(AssertionError):
        Money(1, "EUR") + Money(1, "CHF")
    with pytest.raises(AssertionError):
        Money(1, "EUR") - Money(1, "CHF")


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(1_250_000, "EUR"), "1.25 EUR"),
        (-Money(500_000_000, "JPY"), "-500 JPY"),
        (Money(1_234_500, "KWD"), "1.2345 KWD"),
    ],
)
def test_money_is_shown_with_the_digits_of_its_currency(money: Money, text: str) -> None:
    assert str(money) == text
