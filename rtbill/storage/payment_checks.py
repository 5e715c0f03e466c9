"""What must hold before facts about payments are written. Pure: every store asks the same."""

from __future__ import annotations

from datetime import datetime

from rtbill.domain.account import AccountState
from rtbill.domain.errors import Conflict, Refused
from rtbill.domain.money import Money, too_fine
from rtbill.domain.rated import Facts
from rtbill.domain.replenishment import (
    KeptMethod,
    PayLink,
    Replenishment,
)
from rtbill.domain.top_up import PaymentState, TopUp
from rtbill.domain.work import TopUpStep
from rtbill.storage.checks import check_moves


def check_reference(step: TopUpStep, known: TopUp | None) -> None:
    """Conflict when the reference is another account's."""
    if known is not None and known.account != step.account:
        raise Conflict(
            f"top-up {step.reference} is of account {known.account}; "
            f"nothing was done for {step.account}"
        )


def check_payment(row: TopUp, known: TopUp | None) -> None:
    """Conflict when the provider's payment is another top-up's; `known` is the one that has it."""
    if known is not None and known.reference != row.reference:
        raise Conflict(
            f"payment {row.provider_id} at {row.gateway} is of top-up {known.reference} already; "
            f"nothing was done for {row.reference}"
        )


def check_top_up(before: AccountState, books: PaymentState, step: TopUpStep, facts: Facts) -> None:
    """Assert that the facts follow from the state and the row: one step, money only for a payment
    that settled or went back, one credit at most.
    """
    paying = facts.paying
    assert paying is not None, "a step of a top-up says what it decided"
    assert facts.call is None
    assert not facts.repriced
    assert not facts.holds
    check_moves(before, facts)
    assert (paying.event is None) or (paying.top_up is not None)
    if paying.event is None:
        assert not facts.transfers, "money moves with a step that is kept"
        assert not paying.reversals
        return
    assert paying.top_up is not None
    _check_row(books, step, paying.top_up)
    was_paid = books.top_up is not None and books.top_up.was_paid
    booked = {each.key: each.booked_micros for each in books.reversals}
    after = booked | {each.key: each.booked_micros for each in paying.reversals}
    credit = paying.top_up.money.micros if paying.top_up.was_paid and not was_paid else 0
    due = credit + sum(booked.values()) - sum(after.values())
    assert facts.state.balance_micros - before.balance_micros == due, (
        "the account is due another amount"
    )
    if paying.top_up.was_paid:
        assert paying.top_up.reversed_micros == sum(after.values())


def _check_row(books: PaymentState, step: TopUpStep, row: TopUp) -> None:
    known = books.top_up
    assert (row.reference, row.account) == (step.reference, step.account)
    assert row.steps == (1 if known is None else known.steps + 1), "a step is one step"
    if known is None:
        assert books.in_flight is None, "one top-up in flight (RP-11)"
        return
    fixed = ("money", "gateway", "method", "asked_by", "wanted_at", "vat_point", "attempt")
    for name in fixed:
        assert getattr(row, name) == getattr(known, name), f"{name} of a top-up never changes"
    assert row.was_paid or not known.was_paid, "what was paid stays paid"
    assert row.is_final or not known.is_final, "what is over does not begin again"


def check_method(known: KeptMethod | None, new: KeptMethod) -> None:
    """Conflict when it is another account's."""
    if known is not None and known.account != new.account:
        raise Conflict(
            f"{new.method.label or new.method.reference} belongs to account {known.account}"
        )


def check_replenishment(
    known: Replenishment | None, new: Replenishment, currency: str, method: KeptMethod | None
) -> None:
    """Refused when the account could not buy so: amounts that no coins make, nothing to pay from,
    or nobody agreed to as much as that (RP-03).
    """
    _check_amounts(new, currency)
    if not new.is_on:
        return
    if method is None or not method.is_kept or method.account != new.account:
        raise Refused(f"account {new.account} has nothing to pay from")
    if new.agreement is None:
        raise Refused(f"nobody has agreed that account {new.account} buys by itself")
    if known is not None and known.agreement == new.agreement and _asks_more(known, new):
        raise Refused("more than was agreed to needs a new agreement")


def _check_amounts(new: Replenishment, currency: str) -> None:
    amounts = {"an increment": new.increment_micros, "the largest purchase": new.charge_max_micros}
    for what, micros in amounts.items():
        if fine := too_fine(Money(micros, currency)):
            raise Refused(f"{what} cannot be {fine}")
    if new.increment_micros <= 0:
        raise Refused("an increment is more than nothing")
    if min(new.threshold_micros, new.day_max_micros, new.month_max_micros) < 0:
        raise Refused("threshold and ceilings are not below zero")
    if new.charge_max_micros < new.increment_micros:
        raise Refused("the largest purchase is no less than one increment")


def _asks_more(known: Replenishment, new: Replenishment) -> bool:
    return (
        new.charge_max_micros > known.charge_max_micros
        or new.day_max_micros > known.day_max_micros
        or new.month_max_micros > known.month_max_micros
        or new.increment_micros > known.increment_micros
        or new.threshold_micros > known.threshold_micros
    )


def check_link(link: PayLink | None, at: datetime) -> None:
    """Refused when the link cannot be used; why, an outsider is not told."""
    if link is None or link.used_at is not None or at >= link.expires_at:
        raise Refused("this link is not good any more; ask for a new one")
