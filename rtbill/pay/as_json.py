"""Payments as plain JSON values: instants are ISO 8601 in UTC, money is decimal text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rtbill.domain.money import EXPONENTS, Money, decimal_text
from rtbill.domain.provider_balance import BalanceSums
from rtbill.domain.reconciliation import PaymentDifference, Reconciled
from rtbill.domain.replenishment import Agreement, GatewayStop, KeptMethod, Replenishment
from rtbill.domain.top_up import TopUp, TopUpState
from rtbill.gateway import PaymentGateway

Json = dict[str, Any]


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _amount(micros: int, currency: str) -> str:
    return decimal_text(micros, EXPONENTS[currency])


def _money(money: Money | None) -> Json | None:
    if money is None:
        return None
    return {"amount": _amount(money.micros, money.currency), "currency": money.currency}


def top_up_json(row: TopUp) -> Json:
    """One top-up as it is."""
    return {
        "reference": row.reference,
        "account": row.account,
        "amount": _amount(row.money.micros, row.money.currency),
        "currency": row.money.currency,
        "state": str(row.state),
        "asked_by": str(row.asked_by),
        "gateway": row.gateway,
        "method": row.method,
        "wanted_at": _instant(row.wanted_at),
        "moved_at": _instant(row.moved_at),
        "paid_at": _instant(row.paid_at),
        "next_look": _instant(row.next_look),
        "decline": str(row.decline) if row.decline else None,
        "given_back": _amount(row.reversed_micros, row.money.currency),
        "needs_person": row.needs_person,
        "alarm": row.alarm or None,
    }


def kept_json(kept: KeptMethod) -> Json:
    """What an account pays from; the provider's name for it is no secret, and no card number."""
    expires = kept.method.expires
    return {
        "account": kept.account,
        "gateway": kept.method.gateway,
        "method": kept.method.reference,
        "kind": str(kept.method.kind),
        "label": kept.method.label,
        "expires": f"{expires[0]:04d}-{expires[1]:02d}" if expires else None,
        "kept_at": _instant(kept.kept_at),
        "agreed": _agreed(kept.agreement),
        "barred": kept.barred_reason or None if kept.barred_at else None,
    }


def settings_json(settings: Replenishment, currency: str) -> Json:
    """When and how an account buys by itself."""
    return {
        "account": settings.account,
        "on": settings.is_on,
        "stopped": settings.stopped or None,
        "currency": currency,
        "threshold": _amount(settings.threshold_micros, currency),
        "increment": _amount(settings.increment_micros, currency),
        "charge_max": _amount(settings.charge_max_micros, currency),
        "day_max": _amount(settings.day_max_micros, currency),
        "month_max": _amount(settings.month_max_micros, currency),
        "gateway": settings.gateway or None,
        "method": settings.method or None,
        "agreed": _agreed(settings.agreement),
        "changed_at": _instant(settings.changed_at),
        "changed_by": settings.changed_by or None,
    }


def _agreed(agreement: Agreement | None) -> Json | None:
    if agreement is None:
        return None
    return {
        "text_version": agreement.text_version,
        "at": _instant(agreement.at),
        "address": agreement.address,
    }


def gateway_json(gateway: PaymentGateway, stop: GatewayStop | None) -> Json:
    """A provider, and whether anything is begun at it."""
    return {
        "name": gateway.name,
        "stopped": stop.reason if stop else None,
        "since": _instant(stop.since) if stop else None,
        "sets_up_by_page": gateway.abilities.sets_up_by_page,
    }


def in_flight_json(rows: Sequence[TopUp]) -> Json:
    """What is under way: how many stand where, and those in doubt one by one."""
    states = Counter(row.state for row in rows)
    doubtful = (TopUpState.UNKNOWN, TopUpState.CALLED_OFF)
    return {
        "in_flight": {str(state): count for state, count in sorted(states.items())},
        "in_doubt": [top_up_json(row) for row in rows if row.state in doubtful],
        "needs_person": [row.reference for row in rows if row.needs_person],
    }


def reconciled_json(result: Reconciled) -> Json:
    """A comparison with a provider's list."""
    return {
        "gateway": result.gateway,
        "from": _instant(result.since),
        "until": _instant(result.until),
        "agreeing": result.compared,
        "open": len(result.open),
        "differences": [_difference_json(each) for each in result.differences],
        "balance": [_sums_json(each) for each in result.balance],
        "balance_problem": result.balance_problem or None,
    }


def _sums_json(sums: BalanceSums) -> Json:
    def text(micros: int) -> str:
        return _amount(micros, sums.currency)

    return {
        "currency": sums.currency,
        "payments": text(sums.payments),
        "refunds": text(sums.refunds),
        "disputes": text(sums.disputes),
        "fees": text(sums.fees),
        "payouts": text(sums.payouts),
        "others": text(sums.others),
        "change": text(sums.change),
        "unexplained": text(sums.unexplained),
    }


def _difference_json(found: PaymentDifference) -> Json:
    return {
        "kind": str(found.kind),
        "at": _instant(found.at),
        "reference": found.reference or None,
        "provider_id": found.provider_id or None,
        "account": found.account or None,
        "ours": _money(found.ours),
        "theirs": _money(found.theirs),
        "refund": found.is_refund,
        "settled": found.is_settled,
        "note": found.note or None,
    }
