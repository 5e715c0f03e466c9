"""Webhooks: which are believed, and how little of them (rules RP-40 to RP-43)."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from payments.stripe_events import BODY_BYTES_MAX, read_webhook
from rtbill.domain.errors import BadRecord
from rtbill.domain.payment import GatewayEvent
from rtbill.gateway import WrongMode
from tests.fakes.environment import NOON

SECRET, NEXT_SECRET = "whsec_one", "whsec_two"
AT = int(NOON.timestamp())


def a_body(**fields: Any) -> bytes:
    event = {
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "created": AT - 7,
        "livemode": False,
        "data": {"object": {"id": "pi_1", "amount": 1000}},
        **fields,
    }
    return json.dumps(event).encode()


def proof(raw: bytes, secret: str = SECRET, at: int = AT) -> str:
    return hmac.new(secret.encode(), b"%d." % at + raw, hashlib.sha256).hexdigest()


def signed(raw: bytes, secret: str = SECRET, at: int = AT) -> dict[str, str]:
    return {"Stripe-Signature": f"t={at},v1={proof(raw, secret, at)}"}


def read(
    raw: bytes,
    headers: dict[str, str],
    *secrets: str,
    now: datetime = NOON,
    is_live: bool = False,
) -> GatewayEvent:
    return read_webhook(raw, headers, secrets=secrets or (SECRET,), is_live=is_live, now=now)


def test_a_genuine_webhook_says_what_happened_to_what_and_when() -> None:
    raw = a_body()
    expected = GatewayEvent(
        "evt_1", "payment_intent.succeeded", "pi_1", NOON - timedelta(seconds=7)
    )
    assert read(raw, signed(raw)) == expected


def test_a_signature_reckoned_by_another_program_is_accepted() -> None:
    """By `printf '%s' "1791201600.$body" | openssl dgst -sha256 -hmac whsec_one`."""
    raw = (
        b'{"id":"evt_1","type":"charge.refunded","created":1791201600,"livemode":false,'
        b'"data":{"object":{"id":"ch_1"}}}'
    )
    signature = "a130611fe4caa5e4ae06d3f187c554ec6a645e29a757dbd3f1487ba38f7855c2"
    header = {"Stripe-Signature": f"t=1791201600,v1={signature}"}
    assert read(raw, header).about == "ch_1"


@pytest.mark.parametrize("name", ["stripe-signature", "STRIPE-SIGNATURE"])
def test_the_header_is_found_however_it_is_written(name: str) -> None:
    raw = a_body()
    assert read(raw, {name: signed(raw)["Stripe-Signature"]}).id == "evt_1"


def test_any_of_several_secrets_and_any_of_several_signatures_will_do() -> None:
    raw = a_body()
    assert read(raw, signed(raw, NEXT_SECRET), SECRET, NEXT_SECRET).id == "evt_1"
    both = f"t={AT},v1={proof(raw, 'whsec_old')},v1={proof(raw)},v0={proof(raw)}"
    assert read(raw, {"Stripe-Signature": both}).id == "evt_1"


@pytest.mark.parametrize("bit", range(0, 8 * 40, 7))
def test_one_changed_bit_of_the_body_is_a_forgery(bit: int) -> None:
    raw = a_body()
    forged = bytearray(raw)
    forged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadRecord, match="no signature"):
        read(bytes(forged), signed(raw))


def test_the_same_event_written_in_another_order_is_a_forgery() -> None:
    raw = a_body()
    other = json.dumps(dict(reversed(json.loads(raw).items()))).encode()
    with pytest.raises(BadRecord, match="no signature"):
        read(other, signed(raw))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"t={AT}",
        f"v1={'0' * 64}",
        f"t=,v1={'0' * 64}",
        f"t={AT},t={AT},v1={'0' * 64}",
        f"t=-1,v1={'0' * 64}",
        f"t={'9' * 400},v1={'0' * 64}",
        f"t={AT},v1={'g' * 64}",
        f"t={AT},v1=" + "\u0661" * 64,
    ],
)
def test_a_header_that_proves_nothing_is_refused_in_words(header: str) -> None:
    with pytest.raises(BadRecord, match="no Stripe-Signature header with one t and a v1"):
        read(a_body(), {"Stripe-Signature": header})
    with pytest.raises(BadRecord, match="no Stripe-Signature header"):
        read(a_body(), {})


def test_a_signature_of_the_test_scheme_proves_nothing() -> None:
    raw = a_body()
    with pytest.raises(BadRecord, match="no Stripe-Signature header with one t and a v1"):
        read(raw, {"Stripe-Signature": f"t={AT},v0={proof(raw)}"})


@pytest.mark.parametrize(
    ("away_s", "said"), [(301, "301 s ago"), (-301, "301 s ahead"), (86_400, "86400 s ago")]
)
def test_a_signature_too_far_from_now_is_refused_both_ways(away_s: int, said: str) -> None:
    raw = a_body()
    with pytest.raises(BadRecord, match=said):
        read(raw, signed(raw), now=NOON + timedelta(seconds=away_s))


@pytest.mark.parametrize("away_s", [300, -300])
def test_five_minutes_either_way_are_allowed(away_s: int) -> None:
    raw = a_body()
    assert read(raw, signed(raw), now=NOON + timedelta(seconds=away_s)).id == "evt_1"


def test_a_body_over_a_mebibyte_is_refused_before_anything_is_reckoned() -> None:
    raw = b" " * (BODY_BYTES_MAX + 1)
    with pytest.raises(BadRecord, match="1048577 bytes"):
        read(raw, signed(raw))


@pytest.mark.parametrize("raw", [b"no json", b"[" * 100_000, b"\xff\xfe", b""])
def test_what_is_signed_but_no_json_is_refused_without_repeating_it(raw: bytes) -> None:
    with pytest.raises(BadRecord, match="signed but no JSON"):
        read(raw, signed(raw))


@pytest.mark.parametrize(
    "fields",
    [
        {"id": None},
        {"id": "evt 1"},
        {"id": "x" * 256},
        {"type": 7},
        {"created": "now"},
        {"created": 10**15},
        {"created": -1},
        {"livemode": None},
        {"data": None},
        {"data": {"object": None}},
        {"data": {"object": {"id": "../v1/x"}}},
        {"data": {"object": {}}},
    ],
)
def test_what_is_signed_but_no_event_is_refused(fields: dict[str, Any]) -> None:
    raw = a_body(**fields)
    with pytest.raises(BadRecord, match="no Stripe event"):
        read(raw, signed(raw))


def test_an_event_of_the_other_mode_is_told_apart_from_a_forgery() -> None:
    real, test = a_body(livemode=True), a_body(livemode=False)
    with pytest.raises(WrongMode, match="evt_1 is of live mode"):
        read(real, signed(real), is_live=False)
    with pytest.raises(WrongMode, match="evt_1 is of test mode"):
        read(test, signed(test), is_live=True)
    assert read(real, signed(real), is_live=True).id == "evt_1"


def test_the_last_second_of_all_years_can_be_read() -> None:
    raw = a_body(created=253_402_300_799)
    assert read(raw, signed(raw)).at == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
