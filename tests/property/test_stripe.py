"""Whatever Stripe sends, money is exact, and nothing but what is proven is believed."""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from payments.secret_text import shown
from payments.stripe_amounts import minor_units, money_of
from payments.stripe_declines import DeclineTable, read_codes
from payments.stripe_events import TOLERANCE_S, read_webhook
from payments.stripe_intents import outcome_of
from rtbill.domain.errors import BadRecord, OutcomeUnknown, Refused
from rtbill.domain.money import EXPONENTS, Money
from rtbill.domain.payment import Approved, DeclineClass
from tests.fakes.environment import NOON

SECRET = "whsec_one"
STRIPES_DIGITS = EXPONENTS | {"ISK": 2, "UGX": 2, "MGA": 0}
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(some.integers(1, 10**15), some.sampled_from(sorted(EXPONENTS)))
def test_an_amount_is_sent_exactly_or_refused(micros: int, currency: str) -> None:
    money = Money(micros, currency)
    try:
        units = minor_units(money)
    except Refused:
        return
    sent = Decimal(units).scaleb(-STRIPES_DIGITS[currency])
    assert sent == Decimal(micros).scaleb(-6)
    assert money_of(units, currency.lower()) == money


@given(some.integers(1, 10**6 - 1), some.sampled_from(sorted(EXPONENTS)))
def test_whole_coins_below_a_million_can_be_charged(coins: int, currency: str) -> None:
    coin = 10 ** (6 - min(EXPONENTS[currency], 2))
    if currency == "MGA":
        coin = 10**6
    money = Money(coins * coin, currency)
    assert money_of(minor_units(money), currency) == money


@given(some.dictionaries(some.sampled_from(["advice_code", "decline_code", "code"]), JSON))
def test_any_code_has_a_class_and_what_is_kept_of_it_is_harmless(error: dict[str, Any]) -> None:
    codes = read_codes(error)
    assert DeclineTable().sort(codes) in DeclineClass
    assert codes.told.isascii()
    assert len(codes.told) <= 64


def proof(raw: bytes, at: int) -> str:
    return hmac.new(SECRET.encode(), b"%d." % at + raw, hashlib.sha256).hexdigest()


@given(some.binary(max_size=200), some.text(max_size=200))
def test_what_is_not_signed_is_refused_as_such(raw: bytes, header: str) -> None:
    headers = {"Stripe-Signature": header}
    try:
        read_webhook(raw, headers, secrets=(SECRET,), is_live=False, now=NOON)
    except BadRecord:
        return
    raise AssertionError("an unsigned webhook was believed")


@given(JSON | some.dictionaries(some.sampled_from(["id", "type", "created", "data"]), JSON))
def test_what_is_signed_but_makes_no_sense_is_refused_as_such(content: object) -> None:
    raw, at = json.dumps(content).encode(), int(NOON.timestamp())
    headers = {"Stripe-Signature": f"t={at},v1={proof(raw, at)}"}
    with suppress(BadRecord):
        read_webhook(raw, headers, secrets=(SECRET,), is_live=False, now=NOON)
        raise AssertionError("no event was read as one")


@given(some.integers(-(10**6), 10**6))
def test_a_webhook_is_believed_within_five_minutes_of_its_signature_only(away_s: int) -> None:
    at = int(NOON.timestamp())
    content = {"id": "evt_1", "type": "x", "created": at, "livemode": False}
    raw = json.dumps({**content, "data": {"object": {"id": "x_1"}}}).encode()
    headers = {"Stripe-Signature": f"t={at},v1={proof(raw, at)}"}
    now = NOON + timedelta(seconds=away_s)
    try:
        read_webhook(raw, headers, secrets=(SECRET,), is_live=False, now=now)
    except BadRecord:
        assert abs(away_s) > TOLERANCE_S
    else:
        assert abs(away_s) <= TOLERANCE_S


INTENTS = some.fixed_dictionaries(
    {},
    optional={
        "id": some.just("pi_1") | JSON,
        "status": some.sampled_from(
            ["succeeded", "canceled", "processing", "requires_action", "requires_payment_method"]
        )
        | JSON,
        "amount": some.just(1000) | JSON,
        "amount_received": some.just(1000) | JSON,
        "currency": some.just("eur") | JSON,
        "next_action": JSON,
        "last_payment_error": JSON,
    },
)


@given(INTENTS)
def test_an_intent_is_approved_only_when_all_that_was_asked_was_received(
    intent: dict[str, Any],
) -> None:
    try:
        outcome = outcome_of(intent, DeclineTable())
    except OutcomeUnknown:
        return
    if isinstance(outcome, Approved):
        assert intent["status"] == "succeeded"
        assert intent["amount_received"] == intent["amount"]


@given(some.text(alphabet="0123456789 -a", max_size=40))
def test_no_card_number_survives_in_words(words: str) -> None:
    assert "4242424242424242" not in shown(f"{words}x4242424242424242 {words}")
