"""Stripe's webhooks: proof that one is genuine, and the little of it that is believed.

    POST /webhooks/stripe
    Stripe-Signature: t=1795356000,v1=5257a8...,v1=...,v0=...

    {"id": "evt_1", "type": "payment_intent.succeeded", "created": 1795356000, "livemode": false,
     "data": {"object": {"id": "pi_1", ...}}}

Each `v1` is HMAC-SHA256 of `t.` and the raw body under one secret of the endpoint; while a secret
is being changed there are two. `v0` is for tests of Stripe's own and proves nothing. What stands in
`data` beyond the id is never used: it may be old by the time it is read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from payments.stripe_objects import YEAR_10000_S
from rtbill.domain.errors import BadRecord
from rtbill.domain.payment import GatewayEvent
from rtbill.gateway import WrongMode

BODY_BYTES_MAX = 1024 * 1024
TOLERANCE_S = 300
"""Between the signature and now, both ways: a recording is not played again, and a sender whose
clock is ahead cannot sign for next year.
"""
SIGNATURES_MAX = 20
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
_KIND = re.compile(r"[a-z0-9_.]{1,120}")


def read_webhook(
    raw: bytes,
    headers: Mapping[str, str],
    *,
    secrets: Sequence[str],
    is_live: bool,
    now: datetime,
) -> GatewayEvent:
    """The event of a genuine webhook; BadRecord says in one sentence why it is none, WrongMode
    that it is genuine but of the other mode.
    """
    if len(raw) > BODY_BYTES_MAX:
        raise BadRecord(f"the webhook has {len(raw)} bytes; {BODY_BYTES_MAX} are the most")
    header = next((v for k, v in headers.items() if k.lower() == "stripe-signature"), "")
    _verify(raw, header, secrets, now)
    try:
        written = json.loads(raw)
    except (ValueError, RecursionError):
        # The parser's own words repeat the body.
        raise BadRecord("the webhook is signed but no JSON") from None
    return read_event(written, is_live=is_live)


def _verify(raw: bytes, header: str, secrets: Sequence[str], now: datetime) -> None:
    signed_at, signatures = _parse(header)
    payload = signed_at.encode() + b"." + raw
    is_genuine = False
    for secret in secrets:
        expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
        for signature in signatures:
            is_genuine |= hmac.compare_digest(expected, signature)
    if not is_genuine:
        raise BadRecord(
            "no signature of the webhook fits any of our secrets; compare them with the endpoint's "
            "at Stripe"
        )
    away_s = int(signed_at) - now.timestamp()
    if abs(away_s) > TOLERANCE_S:
        raise BadRecord(
            f"the webhook was signed {abs(away_s):.0f} s {'ahead' if away_s > 0 else 'ago'}; "
            f"{TOLERANCE_S} s are the most, so set the clock if this is Stripe's"
        )


def _parse(header: str) -> tuple[str, list[str]]:
    """When it was signed, in text, and every v1 signature."""
    pairs = [part.strip().partition("=")[::2] for part in header.split(",", 2 * SIGNATURES_MAX)]
    instants = [value for name, value in pairs if name == "t"]
    signatures = [value for name, value in pairs if name == "v1" and _SIGNATURE.fullmatch(value)]
    if len(instants) != 1 or not _SECONDS.fullmatch(instants[0]) or not signatures:
        raise BadRecord("the webhook has no Stripe-Signature header with one t and a v1")
    return instants[0], signatures[:SIGNATURES_MAX]


def read_event(written: object, *, is_live: bool) -> GatewayEvent:
    """An event object as Stripe writes it, in a webhook or in a list; BadRecord or WrongMode."""
    event: Mapping[str, Any] = written if isinstance(written, dict) else {}
    content = event.get("data")
    about = content.get("object") if isinstance(content, dict) else None
    about_id = about.get("id") if isinstance(about, dict) else None
    kind, created = event.get("type"), event.get("created")
    if not (
        _is(_ID, event.get("id"))
        and _is(_KIND, kind)
        and _is(_ID, about_id)
        and isinstance(created, int)
        and 0 <= created < YEAR_10000_S
        and isinstance(event.get("livemode"), bool)
    ):
        raise BadRecord("this is no Stripe event with id, type, created, livemode and an object")
    if event["livemode"] is not is_live:
        raise WrongMode(
            f"event {event['id']} is of {'live' if event['livemode'] else 'test'} mode, and we are "
            f"not; give each mode its own endpoint and secret"
        )
    return GatewayEvent(event["id"], str(kind), str(about_id), datetime.fromtimestamp(created, UTC))


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
