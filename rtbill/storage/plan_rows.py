"""Price plans to rows and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import Discount, Markup, PricePlan, Tax
from rtbill.domain.tariff import Rounding
from rtbill.storage.bulk import Row

PLAN_COLUMNS = "name, version, currency, valid_from, body"


def plan_row(plan: PricePlan) -> Row:
    """As in PLAN_COLUMNS."""
    rounding = plan.rounding
    body = {
        "tariffs": plan.tariffs,
        "is_at_cost": plan.is_at_cost,
        "markups": [_markup(each) for each in plan.markups],
        "discounts": [_discount(each) for each in plan.discounts],
        "charge_min_micros": plan.charge_min_micros,
        "rounding": [rounding.mode.value, rounding.digits],
        "tax": [plan.tax.name, plan.tax.percent_ppm] if plan.tax else None,
    }
    return (plan.name, plan.version, plan.currency, epoch_us(plan.valid_from), json.dumps(body))


def plan_from(row: Row) -> PricePlan:
    """From PLAN_COLUMNS."""
    body: dict[str, Any] = json.loads(row[4])
    mode, digits = body["rounding"]
    return PricePlan(
        name=row[0],
        version=row[1],
        currency=row[2],
        valid_from=from_epoch_us(row[3]),
        tariffs=tuple(body["tariffs"]),
        is_at_cost=body["is_at_cost"],
        markups=tuple(
            Markup(**each | {"prefixes": tuple(each["prefixes"])}) for each in body["markups"]
        ),
        discounts=tuple(_discount_from(each) for each in body["discounts"]),
        charge_min_micros=body["charge_min_micros"],
        rounding=Rounding(RoundingMode(mode), digits),
        tax=Tax(*body["tax"]) if body["tax"] else None,
    )


def _markup(markup: Markup) -> dict[str, Any]:
    return {
        "percent_ppm": markup.percent_ppm,
        "per_minute_micros": markup.per_minute_micros,
        "per_call_micros": markup.per_call_micros,
        "prefixes": markup.prefixes,
    }


def _discount(discount: Discount) -> dict[str, Any]:
    return {
        "name": discount.name,
        "percent_ppm": discount.percent_ppm,
        "prefixes": discount.prefixes,
        "accounts": sorted(discount.accounts),
        "pbxs": sorted(discount.pbxs),
        "since": _us(discount.since),
        "until": _us(discount.until),
    }


def _discount_from(written: dict[str, Any]) -> Discount:
    return Discount(
        name=written["name"],
        percent_ppm=written["percent_ppm"],
        prefixes=tuple(written["prefixes"]),
        accounts=frozenset(written["accounts"]),
        pbxs=frozenset(written["pbxs"]),
        since=_instant(written["since"]),
        until=_instant(written["until"]),
    )


def _us(instant: datetime | None) -> int | None:
    return None if instant is None else epoch_us(instant)


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_epoch_us(microseconds)
