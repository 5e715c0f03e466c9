"""What follows from a movement of money: who is told, and what service is wanted; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from balance import holds, ledger, thresholds
from rtbill.domain.account import HOUSE, OPEN_SERVICE, SUSPENSE, AccountState, Service
from rtbill.domain.call import epoch_us
from rtbill.domain.hold import HoldStep
from rtbill.domain.money import Money
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation, ObservationKind
from rtbill.domain.rated import CallStatus, Facts, RatedCall, Repriced
from rtbill.domain.rerating import Difference
from rtbill.domain.stance import Stance
from rtbill.enforcement import Policy, decide
from rtbill.stances import EVERYWHERE, STANDARD, Reach, Spared

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


def settle(  # noqa: PLR0913 - the facts of one call
    state: AccountState,
    call: RatedCall,
    policies: Policies,
    at: datetime,
    reach: Reach = EVERYWHERE,
    observed: tuple[Observation, ...] = (),
    hold_key: str = "",
) -> Facts:
    """The call enters the books, with all that follows from it, and with what was observed of it
    already. Its hold, known by its key or by the call, ends.
    """
    facts = _resolved(ledger.post_call(state, call), call, hold_key, at)
    facts = with_consequences(state, facts, policies, at, reach)
    notices = call_notices(call, at)
    if not notices and not observed:
        return facts
    return replace(
        facts, notices=facts.notices + notices, observations=facts.observations + observed
    )


def _resolved(facts: Facts, call: RatedCall, hold_key: str, at: datetime) -> Facts:
    """The same, and nothing is held for the call any more."""
    state = facts.state
    hold = state.hold(hold_key) or holds.of_call(state, call.record.id)
    if hold is None:
        return facts
    step = HoldStep.POST if facts.transfers else HoldStep.RELEASE
    resolved = holds.resolve(state, hold.key, step, at)
    return replace(facts, state=resolved.state, holds=resolved.holds)


def credited(  # noqa: PLR0913 - the facts of one credit
    state: AccountState,
    micros: int,
    key: str,
    reason: str,
    policies: Policies,
    at: datetime,
    reach: Reach = EVERYWHERE,
) -> Facts:
    """Money received or corrected, with all that follows from it."""
    facts = ledger.credit(state, micros, key, at, reason)
    return with_consequences(state, facts, policies, at, reach)


def repriced(  # noqa: PLR0913 - the facts of one slice
    state: AccountState,
    calls: Sequence[Repriced],
    run: int,
    policies: Policies,
    at: datetime,
    whole: Difference | None,
    reach: Reach = EVERYWHERE,
) -> Facts:
    """Newer prices of some calls. What follows from all of the account's, whose sum is `whole`,
    follows with the last slice: a lock between two slices would be for nothing.
    """
    facts = ledger.reprice(state, run, calls, at)
    if whole is None:
        return facts
    after = facts.state
    before = replace(state, balance_micros=after.balance_micros - whole.change_micros)
    facts = with_consequences(before, facts, policies, at, reach)
    if not whole.changed or not reach.tells_holder:
        return facts
    change = Money(abs(whole.change_micros), whole.currency)
    text = f"{whole.changed} calls were rated again, {change} "
    text += "given back" if whole.change_micros >= 0 else "more to pay"
    text += f"; balance {Money(after.balance_micros, whole.currency)}"
    notice = Notice("calls.rerated", state.account.id, text, at)
    return replace(facts, notices=(notice, *facts.notices))


def reassessed(
    state: AccountState, policies: Policies, at: datetime, reach: Reach = EVERYWHERE
) -> Facts:
    """The service that the present policy wants, though no money moved."""
    return with_consequences(state, Facts(state), policies, at, reach)


def with_consequences(
    before: AccountState,
    facts: Facts,
    policies: Policies,
    at: datetime,
    reach: Reach = EVERYWHERE,
) -> Facts:
    """The facts, and beside them the service wanted now, the notices of thresholds crossed, and
    what is left undone where the service is not enforced.
    """
    after = facts.state
    policy = policies.of(after)
    service = decide(after, policy)
    notices: list[Notice] = []
    low = policy.low_balance_micros
    if (
        low
        and reach.tells_holder
        and after.account.is_limited
        and thresholds.fell_below(before, after, low)
    ):
        notices.append(_balance_notice("balance.low", after, at))
    if service == before.service:
        if notices:
            return replace(facts, notices=facts.notices + tuple(notices))
        return facts
    notices += _service_notices(after, service, at, reach)
    return replace(
        facts,
        state=replace(after, service=service),
        notices=facts.notices + tuple(notices),
        service_before=before.service,
        observations=facts.observations + _left_undone(after, service, at, reach.spared),
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


def _service_notices(
    state: AccountState, after: Service, at: datetime, reach: Reach
) -> Iterator[Notice]:
    """To the holder where the service changes or a warning stands for it; to the operator about
    each exchange where nothing changes.
    """
    account, is_open = state.account.id, after == OPEN_SERVICE
    text = _service_text(state, after)
    if reach.enforces:
        yield Notice("service.opened" if is_open else "service.locked", account, text, at)
    for spared in reach.spared:
        kind = "service.would_open" if is_open else "service.would_lock"
        where = (("pbx", spared.pbx), ("extensions", ",".join(spared.extensions)))
        yield Notice(kind, account, f"{_named(spared)}: {text}", at, where)
    if not is_open and any(spared.stance is Stance.WARN for spared in reach.spared):
        yield Notice("service.warning", account, f"would be locked: {text}", at)


def _left_undone(
    state: AccountState, after: Service, at: datetime, spared: Iterable[Spared]
) -> tuple[Observation, ...]:
    """What this change of service would have done, once for each exchange that only observes."""
    kind = ObservationKind.OPEN if after == OPEN_SERVICE else ObservationKind.LOCK
    act = "opened" if after == OPEN_SERVICE else "locked"
    account = state.account.id
    return tuple(
        Observation(
            key=f"{kind}:{each.pbx}/{account}:{state.version}:{epoch_us(at)}",
            kind=kind,
            at=at,
            pbx=each.pbx,
            account=account,
            extension=each.extensions[0] if len(each.extensions) == 1 else None,
            text=f"{_named(each)} would be {act}: {_service_text(state, after)}",
        )
        for each in spared
    )


def _named(spared: Spared) -> str:
    """`hall/1001`, or `hall/1001, 1002, 1003`."""
    return f"{spared.pbx}/{', '.join(spared.extensions)}"


def _service_text(state: AccountState, after: Service) -> str:
    available = Money(state.available_micros, state.account.currency)
    return f"outgoing {after.outgoing}, incoming {after.incoming}; {available} left"
