"""Values of the books as JSON: instants in UTC, money as exact decimal text beside its currency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtbill.domain.money import EXPONENTS, decimal_text

if TYPE_CHECKING:
    from datetime import datetime

    from rtbill.app.holdings import Drawn
    from rtbill.config import Config
    from rtbill.domain.account import Membership
    from rtbill.domain.adjustment import Adjustment
    from rtbill.domain.bundle import Draw
    from rtbill.domain.observation import PostedObservation
    from rtbill.domain.payer_key import Binding
    from rtbill.domain.rated import Price, RatedCall
    from rtbill.ports import PostedTransfer


def instant_json(at: datetime | None) -> str | None:
    """UTC with microseconds, such as 2026-12-01T10:00:00.000000Z."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z") if at else None


def money_json(micros: int, currency: str) -> str:
    """The exact amount; its currency stands in a field beside it."""
    return decimal_text(micros, EXPONENTS.get(currency, 2))


def membership_json(membership: Membership) -> dict[str, Any]:
    """Who holds an extension, and when."""
    return {
        "account": membership.account,
        "extension": str(membership.extension),
        "person": membership.person,
        "from": instant_json(membership.valid_from),
        "until": instant_json(membership.valid_until),
    }


def binding_json(binding: Binding) -> dict[str, Any]:
    """What finds an account beside its extensions, and when; a PIN is not told."""
    key = binding.key
    place = f"{key.pbx}/" if key.pbx else ""
    return {
        "account": binding.account,
        "kind": str(key.kind),
        "value": None if key.kind.value == "pin" else f"{place}{key.value}",
        "person": binding.person,
        "from": instant_json(binding.valid_from),
        "until": instant_json(binding.valid_until),
    }


def transfer_json(posted: PostedTransfer) -> dict[str, Any]:
    """A movement of one account; negative pays, positive receives."""
    transfer = posted.transfer
    return {
        "key": transfer.key,
        "version": transfer.version,
        "kind": str(transfer.kind),
        "amount": money_json(transfer.change_micros, transfer.currency),
        "balance_after": money_json(transfer.balance_after_micros, transfer.currency),
        "currency": transfer.currency,
        "event_at": instant_json(transfer.event_at),
        "posted_at": instant_json(posted.posted_at),
        "call": transfer.call,
        "reason": transfer.reason,
        "reverses": transfer.reverses,
    }


def observation_json(posted: PostedObservation) -> dict[str, Any]:
    """What would have been done, at one exchange."""
    seen = posted.observation
    money = None
    if seen.beyond_micros is not None and seen.currency is not None:
        money = money_json(seen.beyond_micros, seen.currency)
    return {
        "key": seen.key,
        "kind": str(seen.kind),
        "at": instant_json(seen.at),
        "posted_at": instant_json(posted.posted_at),
        "pbx": seen.pbx,
        "account": seen.account,
        "extension": seen.extension,
        "call": seen.call,
        "beyond_s": seen.beyond_us / 1_000_000,
        "beyond": money,
        "currency": seen.currency,
        "text": seen.text,
    }


def call_json(call: RatedCall, config: Config) -> dict[str, Any]:
    """A call of the books with its price and why."""
    record, price = call.record, call.price
    return {
        "call": str(record.id),
        "pbx": record.id.pbx,
        "leg": record.id.leg,
        "payer": record.payer,
        "account": call.account,
        "person": call.person,
        "dialled": record.dialled,
        "number": call.number,
        "kind": str(call.kind),
        "trunk": record.trunk,
        "trunk_title": config.trunk_title(record.id.pbx, record.trunk),
        "in_trunk": record.origin.in_trunk or None,
        "in_trunk_title": config.trunk_title(record.id.pbx, record.origin.in_trunk),
        "account_code": record.origin.code or None,
        "answered_at": instant_json(record.answered_at),
        "ended_at": instant_json(record.ended_at),
        "talk_s": record.talk_us / 1_000_000,
        "cause": record.cause,
        "outcome": str(record.outcome),
        "source": str(record.source),
        "cut_by": str(record.cut_by) if record.cut_by else None,
        "status": str(call.status),
        "price": money_json(price.micros, price.currency) if price else None,
        "currency": price.currency if price else None,
        "debit": money_json(call.debit_micros, price.currency) if price else None,
        "bundles": [_draw_json(each) for each in call.draws],
        "tax": money_json(price.tax_micros, price.currency) if price else None,
        "carrier": _carrier_json(price),
        "plan": (price.plan or None) if price else None,
        "plan_version": price.plan_version if price else None,
        "tariff": price.tariff if price else None,
        "tariff_version": price.tariff_version if price else None,
        "prefix": price.prefix if price else None,
        "destination": price.destination if price else None,
        "billed_s": price.billed_s if price else None,
        "adjustment": adjustment_json(price.adjustment) if price else None,
        "note": call.note,
        "evidence": record.evidence,
    }


def adjustment_json(adjustment: Adjustment | None) -> str | None:
    """What the site's hook changed about the price, in words."""
    from rtbill.domain.adjustment import adjustment_text

    if adjustment is None:
        return None
    return f"{adjustment.reason} ({adjustment_text(adjustment)})"


def _draw_json(draw: Draw) -> dict[str, Any]:
    """Seconds as a number, money as decimal text."""
    is_money = draw.unit == "money"
    return {
        "allowance": draw.pool.allowance,
        "unit": str(draw.unit),
        "amount": decimal_text(draw.amount) if is_money else draw.amount,
    }


def drawn_json(drawn: Drawn) -> dict[str, Any]:
    """What calls took of one allowance; seconds as a number, money as decimal text."""
    is_money = drawn.bundle.unit == "money"
    return {
        "allowance": drawn.allowance,
        "bundle": drawn.bundle.name,
        "title": drawn.bundle.title,
        "unit": str(drawn.bundle.unit),
        "amount": decimal_text(drawn.amount) if is_money else drawn.amount,
        "calls": drawn.calls,
    }


def _carrier_json(price: Price | None) -> str | None:
    """What the carrier takes, where that is known."""
    if price is None or price.cost_micros is None:
        return None
    return money_json(price.cost_micros, price.currency)
