"""What follows from a movement of money: who is told, and what service is wanted; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from balance import ledger, thresholds
from rtbill.domain.account import HOUSE, OPEN_SERVICE, SUSPENSE, AccountState, Service
from rtbill.domain.money import Money
from rtbill.domain.notice import Notice
from rtbill.domain.rated import CallStatus, Facts, RatedCall
from rtbill.enforcement import Policy, decide

STANDARD = "standard"
SITE_POLICY = Policy(exhausted=OPEN_SERVICE, low_balance_micros=0)


class Policies:
    """The policy of each account class; an unknown class falls back to `standard`."""

    def __init__(self, policies: Mapping[str, Policy]) -> None:
        self._policies = dict(policies)
        self._standard = self._policies.setdefault(STANDARD, Policy())

    def names(self) -> list[str]:
        """The account classes that have a policy."""
        return sorted(self._policies)

    def of(self, state: AccountState) -> Policy:
        """The policy that holds for this account; the site's own accounts are never locked."""
        if state.account.id in (HOUSE, SUSPENSE):
            return SITE_POLICY
        return self._policies.get(state.account.account_class, self._standard)


def settle(state: AccountState, call: RatedCall, policies: Policies, at: datetime) -> Facts:
    """The call enters the books, with all that follows from it."""
    facts = with_consequences(state, ledger.post_call(state, call), policies, at)
    notices = call_notices(call, at)
    return replace(facts, notices=facts.notices + notices) if notices else facts


def credited(  # noqa: PLR0913 - the facts of one credit
    state: AccountState, micros: int, key: str, reason: str, policies: Policies, at: datetime
) -> Facts:
    """Money received or corrected, with all that follows from it."""
    return with_consequences(state, ledger.credit(state, micros, key, at, reason), policies, at)


def reassessed(state: AccountState, policies: Policies, at: datetime) -> Facts:
    """The service that the present policy wants, though no money moved."""
    return with_consequences(state, Facts(state), policies, at)


def with_consequences(
    before: AccountState, facts: Facts, policies: Policies, at: datetime
) -> Facts:
    """The facts, and beside them the service wanted now and the notices of thresholds crossed."""
    after = facts.state
    policy = policies.of(after)
    service = decide(after, policy)
    notices: list[Notice] = []
    low = policy.low_balance_micros
    if low and after.account.is_limited and thresholds.fell_below(before, after, low):
        notices.append(_balance_notice("balance.low", after, at))
    if service == before.service:
        if notices:
            return replace(facts, notices=facts.notices + tuple(notices))
        return facts
    notices.append(_service_notice(after, service, at))
    return replace(
        facts,
        state=replace(after, service=service),
        notices=facts.notices + tuple(notices),
        service_before=before.service,
    )


def call_notices(call: RatedCall, at: datetime) -> tuple[Notice, ...]:
    """What somebody must hear about this call: nothing, for most."""
    subject = str(call.record.id)
    if call.status is CallStatus.UNRATED:
        return (Notice("call.unrated", subject, call.note, at),)
    if call.status is CallStatus.UNCONFIRMED:
        return (Notice("call.unconfirmed", subject, call.note, at),)
    return ()


def _balance_notice(kind: str, state: AccountState, at: datetime) -> Notice:
    account = state.account
    available = Money(state.available_micros, account.currency)
    return Notice(kind, account.id, f"{available} left", at)


def _service_notice(state: AccountState, after: Service, at: datetime) -> Notice:
    account = state.account
    kind = "service.opened" if after == OPEN_SERVICE else "service.locked"
    available = Money(state.available_micros, account.currency)
    text = f"outgoing {after.outgoing}, incoming {after.incoming}; {available} left"
    return Notice(kind, account.id, text, at)
