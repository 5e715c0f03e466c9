"""What follows from a movement of money: who is told, and what service is wanted; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from balance import holds, ledger, thresholds
from rtbill.credit.stances import EVERYWHERE, STANDARD, Reach, Spared
from rtbill.domain.account import HOUSE, OPEN_SERVICE, SUSPENSE, AccountState, Service
from rtbill.domain.bundle import NOTHING_LEFT, Left, Pools, Unit, amount_text
from rtbill.domain.call import epoch_us
from rtbill.domain.hold import Hold, HoldStep
from rtbill.domain.ledger import Transfer
from rtbill.domain.money import Money, decimal_text
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation, ObservationKind
from rtbill.domain.rated import CallStatus, Facts, RatedCall, Repriced
from rtbill.domain.rerating import Difference
from rtbill.domain.stance import Stance
from rtbill.domain.told import CALL_KINDS
from rtbill.exchanges.enforcement import Policy, decide
from rtbill.pricing.allowances import EMPTY_PURSE, Purse
from rtbill.pricing.bundling import Bundling, redecided

LOW_PERCENT = 80
"""Of a bundle are used when its holder is told that little is left."""
SITE_POLICY = Policy(exhausted=OPEN_SERVICE, low_balance_micros=0)


class Policies:
    """The policy of each account class; an unknown class falls back to `standard`."""

    def __init__(
        self,
        policies: Mapping[str, Policy],
        told: frozenset[str] = frozenset(),
        *,
        absorbs_overspend: bool = True,
    ) -> None:
        """`told` are the kinds of notices of calls, of CALL_KINDS, that somebody is told of."""
        self.told = told
        self.absorbs_overspend = absorbs_overspend
        """Whether nobody is charged for talk after the instant at which it should have ended."""
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
    pools: Pools,
    call: RatedCall,
    policies: Policies,
    at: datetime,
    reach: Reach = EVERYWHERE,
    observed: tuple[Observation, ...] = (),
    purse: Purse = EMPTY_PURSE,
    bundling: Bundling | None = None,
    hold_key: str = "",
) -> Facts:
    """The call enters the books, with all that follows from it, and with what was observed of it
    already. Where bundles may pay it, its price is made here. Its hold, known by its key or by the
    call, ends.
    """
    if bundling is not None:
        call = bundling.settle(call, pools)
    facts = ledger.post_call(state, call)
    hold = state.hold(hold_key) or holds.of_call(state, call.record.id)
    if hold is not None:
        if policies.absorbs_overspend:
            facts = _absorbed(facts, hold, call)
        facts = _resolved(facts, hold, at)
    left = purse.left(used_after(pools, facts)) if purse.held else NOTHING_LEFT
    facts = with_consequences(state, facts, policies, at, reach, left)
    notices = call_notices(call, at)
    if policies.told:
        notices += _told_of_call(facts, call, policies.told, at)
    if call.draws and bundling is not None and reach.tells_holder:
        notices += bundle_notices(call.account, bundling, pools, facts, at)
    if not notices and not observed:
        return facts
    return facts._replace(
        notices=facts.notices + notices, observations=facts.observations + observed
    )


def _absorbed(facts: Facts, hold: Hold, call: RatedCall) -> Facts:
    """The same, and what a call cost after its limit, by which it was ended too late, is given back
    (CC-44). What it talked before anything was held for it is charged as it was: nobody could have
    ended it.
    """
    record, granted = call.record, timedelta(seconds=hold.granted_s)
    if not facts.transfers or record.cut_by is None or record.answered_at is None:
        return facts
    is_late = timedelta(microseconds=record.talk_us) > granted
    was_held = hold.granted_s > 0 and hold.opened_at <= record.answered_at + granted
    beyond_micros = facts.transfers[0].amount_micros - hold.micros
    if not is_late or not was_held or beyond_micros <= 0:
        return facts
    return ledger.absorb(facts, beyond_micros)


def _resolved(facts: Facts, hold: Hold, at: datetime) -> Facts:
    """The same, and nothing is held for the call any more."""
    step = HoldStep.POST if facts.transfers else HoldStep.RELEASE
    resolved = holds.resolve(facts.state, hold.key, step, at)
    return facts._replace(state=resolved.state, holds=resolved.holds)


def moved_at_desk(  # noqa: PLR0913 - the facts of one movement
    state: AccountState,
    pools: Pools,
    move: Callable[[AccountState], Facts],
    policies: Policies,
    at: datetime,
    reach: Reach = EVERYWHERE,
    purse: Purse = EMPTY_PURSE,
) -> Facts:
    """Money received, corrected or given back, with all that follows from it; `move` makes the one
    transfer, and raises what the ledger says of it.
    """
    facts = move(state)
    facts = facts._replace(notices=(_credited_notice(facts.transfers[0], at),))
    return with_consequences(state, facts, policies, at, reach, purse.left(pools))


def repriced(  # noqa: PLR0913 - the facts of one slice
    state: AccountState,
    calls: Sequence[Repriced],
    pools: Pools,
    run: int,
    policies: Policies,
    at: datetime,
    whole: Difference | None,
    reach: Reach = EVERYWHERE,
    purse: Purse = EMPTY_PURSE,
    bundlings: Mapping[str, Bundling] | None = None,
) -> Facts:
    """Newer prices of some calls. What follows from all of the account's, whose sum is `whole`,
    follows with the last slice: a lock between two slices would be for nothing. Where bundles may
    pay, each call is priced here, as they then stand.
    """
    if bundlings is not None:
        calls = redecided(calls, pools, bundlings)
    facts = ledger.reprice(state, run, calls, at)
    if whole is None:
        return facts
    after = facts.state
    before = state._replace(balance_micros=after.balance_micros - whole.change_micros)
    left = purse.left(used_after(pools, facts)) if purse.held else NOTHING_LEFT
    facts = with_consequences(before, facts, policies, at, reach, left)
    if not whole.changed or not reach.tells_holder:
        return facts
    change = Money(abs(whole.change_micros), whole.currency)
    text = f"{whole.changed} calls were rated again, {change} "
    text += "given back" if whole.change_micros >= 0 else "more to pay"
    text += f"; balance {Money(after.balance_micros, whole.currency)}"
    notice = Notice("calls.rerated", state.account.id, text, at)
    return facts._replace(notices=(notice, *facts.notices))


def reassessed(  # noqa: PLR0913 - the facts of one account
    state: AccountState,
    pools: Pools,
    policies: Policies,
    at: datetime,
    reach: Reach = EVERYWHERE,
    purse: Purse = EMPTY_PURSE,
) -> Facts:
    """The service that the present policy wants, though no money moved."""
    return with_consequences(state, Facts(state), policies, at, reach, purse.left(pools))


def with_consequences(  # noqa: PLR0913 - what follows depends on as much
    before: AccountState,
    facts: Facts,
    policies: Policies,
    at: datetime,
    reach: Reach = EVERYWHERE,
    left: Left = NOTHING_LEFT,
) -> Facts:
    """The facts, and beside them the service wanted now, the notices of thresholds crossed, and
    what is left undone where the service is not enforced. `left` is what bundles still pay.
    """
    after = facts.state
    policy = policies.of(after)
    service = decide(after, policy, left)
    notices: list[Notice] = []
    low = policy.low_balance_micros
    if low and reach.tells_holder and after.account.is_limited:
        noted = thresholds.told(before, after, low)
        if noted is not after:
            facts, after = facts._replace(state=noted), noted
            if noted.is_told_low:
                notices.append(_balance_notice("balance.low", after, at))
    if service == before.service:
        if notices:
            return facts._replace(notices=facts.notices + tuple(notices))
        return facts
    notices += _service_notices(after, service, at, reach)
    return facts._replace(
        state=after._replace(service=service),
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


def _told_of_call(
    facts: Facts, call: RatedCall, told: frozenset[str], at: datetime
) -> tuple[Notice, ...]:
    """What a machine hears of the call: that it is in the books, and that it has its price."""
    record, price = call.record, call.price
    about = [
        ("account", call.account),
        ("status", call.status.value),
        ("number", call.number or ""),
        ("person", call.person or ""),
        ("extension", record.payer or ""),
        ("answered_at", record.answered_at.isoformat() if record.answered_at else ""),
        ("ended_at", record.ended_at.isoformat()),
        ("talk_s", decimal_text(record.talk_us, 0)),
        ("balance", decimal_text(facts.state.balance_micros)),
    ]
    if price is not None:
        about += [
            ("destination", price.destination),
            ("price", decimal_text(price.micros)),
            ("debit", decimal_text(call.debit_micros)),
            ("tax", decimal_text(price.tax_micros)),
            ("billed_s", str(price.billed_s)),
        ]
    about.append(("currency", facts.state.account.currency))
    kinds = CALL_KINDS if call.status is CallStatus.RATED else ("call.ended",)
    subject, text = str(record.id), f"{call.account}: {call.status}"
    return tuple(Notice(each, subject, text, at, tuple(about)) for each in kinds if each in told)


def used_after(pools: Pools, facts: Facts) -> Pools:
    """What is used of the pools once the facts are written."""
    drawn = facts.drawn
    return {pool: used + drawn.get(pool, 0) for pool, used in pools.items()}


def bundle_notices(
    account: str, bundling: Bundling, pools: Pools, facts: Facts, at: datetime
) -> tuple[Notice, ...]:
    """Who must hear that a bundle is nearly, or all, used up: once, by the call that did it."""
    drawn = facts.drawn
    found = []
    for share in bundling.shares:
        bundle, before = share.bundle, pools[share.pool]
        after = before + drawn.get(share.pool, 0)
        least = bundle.increment_s if bundle.unit is Unit.SECONDS else 1
        low = bundle.amount * LOW_PERCENT
        if bundle.amount - after < least <= bundle.amount - before:
            kind, text = "bundle.used_up", "is used up"
        elif before * 100 < low <= after * 100:
            kind, text = "bundle.low", f"has {amount_text(bundle, bundle.amount - after)} left"
        else:
            continue
        about = (("allowance", share.pool.allowance), ("bundle", bundle.name))
        found.append(Notice(kind, account, f"{bundle.title or bundle.name} {text}", at, about))
    return tuple(found)


def _credited_notice(transfer: Transfer, at: datetime) -> Notice:
    """A machine may want to hear of any money that came, or was taken back, at a desk."""
    change = Money(transfer.change_micros, transfer.currency)
    balance = Money(transfer.balance_after_micros, transfer.currency)
    about = (
        ("amount", decimal_text(change.micros)),
        ("currency", change.currency),
        ("balance", decimal_text(balance.micros)),
        ("kind", transfer.kind.value),
        ("reference", transfer.key),
    )
    return Notice("account.credited", transfer.account, f"{change}; balance {balance}", at, about)


def _balance_notice(kind: str, state: AccountState, at: datetime) -> Notice:
    account = state.account
    available = Money(state.available_micros, account.currency)
    return Notice(kind, account.id, f"{available} left", at, _available(state))


def _available(state: AccountState) -> tuple[tuple[str, str], ...]:
    text = decimal_text(state.available_micros)
    return ("available", text), ("currency", state.account.currency)


def _service_notices(
    state: AccountState, after: Service, at: datetime, reach: Reach
) -> Iterator[Notice]:
    """To the holder where the service changes or a warning stands for it; to the operator about
    each exchange where nothing changes.
    """
    account, is_open = state.account.id, after == OPEN_SERVICE
    text = _service_text(state, after)
    about = (
        *_available(state),
        ("outgoing", after.outgoing.value),
        ("incoming", after.incoming.value),
    )
    if reach.enforces:
        yield Notice("service.opened" if is_open else "service.locked", account, text, at, about)
    for spared in reach.spared:
        kind = "service.would_open" if is_open else "service.would_lock"
        where = (("pbx", spared.pbx), ("extensions", ",".join(spared.extensions)))
        yield Notice(kind, account, f"{_named(spared)}: {text}", at, where)
    if not is_open and any(spared.stance is Stance.WARN for spared in reach.spared):
        yield Notice("service.warning", account, f"would be locked: {text}", at, about)


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
