"""What must hold before facts are written: money adds up, dates of a membership do not collide.

Pure, so that every store asks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from rtbill.domain.account import Account, AccountState, DeskLock, Membership
from rtbill.domain.bundle import Allowance, Pools
from rtbill.domain.call import CallRecord, Outcome, epoch_us, from_epoch_us
from rtbill.domain.errors import Conflict, Refused
from rtbill.domain.hold import ENDS, HoldStep
from rtbill.domain.ledger import CONTRA_ACCOUNTS, Transfer
from rtbill.domain.money import decimal_text
from rtbill.domain.notice import Notice
from rtbill.domain.outside import BalanceReport
from rtbill.domain.payer_key import Binding
from rtbill.domain.rated import Facts, RatedCall
from rtbill.domain.work import Operation, Repricing

SAME_ANSWER = timedelta(seconds=2)
"""Two reports of one leg may differ by so much in the time of answer."""


def check_facts(before: AccountState, operation: Operation, facts: Facts) -> None:
    """Assert that the facts follow from the state: versions, balances, currency and keys."""
    check_moves(before, facts)
    if facts.transfers:
        assert facts.transfers[0].key == operation.key
    assert (operation.call is None) == (facts.call is None), "only a call operation brings a call"
    assert not facts.repriced
    if facts.call is not None:
        assert facts.call.record.id == operation.call
        assert facts.call.account == operation.account
        if facts.call.draws:
            _check_draws(operation, facts)
            own = [each for each in facts.transfers if each.call is not None]
            moved = sum(_change_of(transfer) for transfer in own)
            assert moved == -facts.call.debit_micros, "the account owes what bundles do not pay"


def check_repricing(before: AccountState, repricing: Repricing, facts: Facts) -> None:
    """Assert that the facts follow from the state, and that each call's own transfers make the
    difference of its prices.
    """
    check_moves(before, facts)
    assert facts.call is None
    change: dict[str | None, int] = {}
    for transfer in facts.transfers:
        change[transfer.call] = change.get(transfer.call, 0) + _change_of(transfer)
    for each in facts.repriced:
        due = each.call.debit_micros - each.debit_micros
        assert change.pop(each.call.key, 0) == due, f"{each.call.key} moves something else"
    assert not change, "only calls with another price move anything"
    assert repricing.account == before.account.id
    if repricing.pools:
        _check_draws(repricing, facts)
    else:
        assert not any(each.draws for each in facts.repriced), "drawn, and no pool was looked at"


def check_holding(before: AccountState, facts: Facts) -> None:
    """Assert that nothing but holds changed."""
    assert not facts.transfers
    assert not facts.repriced
    assert facts.call is None
    assert facts.state.service == before.service, "a hold decides about no service"
    check_moves(before, facts)


def check_report(new: BalanceReport, known: BalanceReport | None) -> None:
    """Conflict unless the report is newer than the one that is known, or the same."""
    if known is None or new.as_of > known.as_of or new == known:
        return
    if new.as_of == known.as_of:
        money = decimal_text(known.micros)
        raise Conflict(f"for that instant {money} was reported before; report a later instant")
    raise Conflict(
        f"a balance as of {known.as_of.isoformat()} was reported already; report a later instant"
    )


def check_moves(before: AccountState, facts: Facts) -> None:
    """Assert that balance, version and holds follow from the transfers and the steps."""
    account = facts.state.account
    is_same = account is before.account or account == before.account
    assert is_same, "an operation moves money, it changes no terms"
    balance, version = before.balance_micros, before.version
    for transfer in facts.transfers:
        assert transfer.account == before.account.id
        assert transfer.account in (transfer.debit, transfer.credit)
        assert transfer.debit != transfer.credit, f"{transfer.key}: a transfer has two sides"
        assert transfer.amount_micros > 0, f"{transfer.key}: a transfer moves a positive amount"
        assert transfer.currency == before.account.currency
        balance += _change_of(transfer)
        version += 1
        assert transfer.version == version, f"{transfer.key}: version {version} is next"
        assert transfer.balance_after_micros == balance, f"{transfer.key}: balance does not follow"
    assert facts.state.balance_micros == balance, "the state does not follow from the transfers"
    assert facts.state.version == version
    _check_holds(before, facts)


def _check_holds(before: AccountState, facts: Facts) -> None:
    held = {hold.key: hold for hold in before.holds}
    for event in facts.holds:
        assert event.hold.account == before.account.id
        assert (event.step is HoldStep.OPEN) == (event.hold.key not in held)
        if event.step in ENDS:
            assert held.pop(event.hold.key) == event.hold, "a hold ends as it was"
        else:
            held[event.hold.key] = event.hold
    assert facts.state.holds == tuple(held.values()), "the holds do not follow from their steps"
    assert facts.state.hold_steps == before.hold_steps + len(facts.holds)


def _check_draws(work: Operation | Repricing, facts: Facts) -> None:
    """A call takes of pools that its work decided on, and never more than its price."""
    assert set(facts.drawn) <= set(work.pools), "drawn from a pool that was not looked at"
    called = () if facts.call is None else facts.call.draws
    for draw in (*called, *(draw for each in facts.repriced for draw in each.draws)):
        assert draw.amount > 0, "what is taken is something"
    if facts.call is not None:
        assert facts.call.price is not None, "what has no price takes nothing"
        assert facts.call.debit_micros >= 0
    for each in facts.repriced:
        assert each.debit_micros >= 0, f"{each.call.key} owes less than nothing"


def _change_of(transfer: Transfer) -> int:
    falls = transfer.account == transfer.debit
    return -transfer.amount_micros if falls else transfer.amount_micros


def is_another_leg(known: CallRecord, reported: CallRecord) -> bool:
    """Whether an exchange gave the same id to two calls (CC-05): both or only the later one were
    answered, at different times.
    """
    if reported.answered_at is None:
        return False
    if known.answered_at is None:
        return known.outcome is not Outcome.UNCONFIRMED  # the doubt may be settled by its answer
    return abs(reported.answered_at - known.answered_at) > SAME_ANSWER


def as_another_leg(operation: Operation, call: RatedCall) -> Operation:
    """The same operation for a leg of its own, `pbx/leg@<answer time>`, with an alarm among its
    facts.
    """
    answered_at = call.record.answered_at
    assert answered_at is not None
    old = call.record.id
    new = old._replace(leg=f"{old.leg}@{epoch_us(answered_at)}")

    def renamed(text: str) -> str:
        return text.replace(str(old), str(new), 1)

    def decide(state: AccountState, pools: Pools) -> Facts:
        facts = operation.decide(state, pools)
        assert facts.call is not None
        alarm = Notice(
            "alarm.raised",
            str(new),
            f"{old.pbx} used the id {old.leg} for a second call, answered at {answered_at}; "
            f"it is billed as {new}",
            facts.call.record.ended_at,
        )
        return facts._replace(
            call=facts.call._replace(record=facts.call.record._replace(id=new)),
            transfers=tuple(
                transfer._replace(
                    key=renamed(transfer.key),
                    call=renamed(transfer.call) if transfer.call else None,
                )
                for transfer in facts.transfers
            ),
            observations=tuple(
                replace(each, key=renamed(each.key), call=renamed(each.call) if each.call else None)
                for each in facts.observations
            ),
            notices=(
                *(
                    replace(notice, subject=str(new)) if notice.subject == str(old) else notice
                    for notice in facts.notices
                ),
                alarm,
            ),
        )

    return operation._replace(key=renamed(operation.key), call=new, decide=decide)


def check_version(what: str, name: str, version: int, newest: int | None) -> None:
    """Conflict when a version of it is as new already."""
    if newest is not None and version <= newest:
        raise Conflict(
            f"{what} {name} has version {newest} already; version {version} cannot be added, "
            f"the next is {newest + 1}"
        )


def check_given(allowance: Allowance, currency: str | None, currencies: Mapping[str, str]) -> None:
    """Raises when accounts of these currencies cannot hold a bundle of this one; None: there is no
    such bundle.
    """
    if currency is None:
        raise Refused(f"there is no bundle {allowance.bundle} version {allowance.version}")
    if not allowance.accounts:
        raise Refused(f"allowance {allowance.key} is for nobody")
    if allowance.until is not None and allowance.until < allowance.since:
        raise Refused(f"allowance {allowance.key} ends before it begins")
    for account, kept_in in sorted(currencies.items()):
        if kept_in != currency:
            raise Conflict(
                f"bundle {allowance.bundle} is in {currency}, account {account} in {kept_in}"
            )


def check_ended(key: str, until_us: int, ends_us: int | None) -> None:
    """Conflict when the allowance ends no later anyway."""
    if ends_us is not None and ends_us <= until_us:
        raise Conflict(f"allowance {key} ends at {from_epoch_us(ends_us)} already")


def check_new_account(account: Account) -> None:
    """Refused when the id would be taken for one of the biller's own accounts."""
    if not account.id or account.id.partition(":")[0] in CONTRA_ACCOUNTS:
        raise Refused(f"{account.id!r} cannot be the id of an account; choose another")


Held = TypeVar("Held", Membership, Binding)
"""Something that belongs to one account at a time, with dates."""


@dataclass(frozen=True, slots=True)
class Reassignment(Generic[Held]):
    """What becomes of the memberships of an extension, or the bindings of a key."""

    removed: Held | None = None
    added: tuple[Held, ...] = ()


def assigned(existing: Iterable[Held], new: Held, *, move: bool) -> Reassignment[Held]:
    """The new one, and with `move` the shortened one before it.

    `existing` are all of the same extension or key. Conflict names the one that is in the way.
    """
    if new.valid_until is not None and new.valid_until <= new.valid_from:
        raise Refused(f"{new.subject} in {new.account} ends before it begins")
    overlapping = [each for each in existing if each.overlaps(new)]
    before: list[Held] = []
    if move:
        before = [each for each in overlapping if each.covers(new.valid_from)]
    overlapping = [each for each in overlapping if each not in before]
    if overlapping:
        held = overlapping[0]
        until = "on" if held.valid_until is None else f"until {held.valid_until}"
        raise Conflict(
            f"{held.subject} belongs to account {held.account} "
            f"from {held.valid_from} {until}; end that first, or move it"
        )
    if not before:
        return Reassignment(added=(new,))
    added = list(_up_to(before[0], new.valid_from))
    added.append(new)
    return Reassignment(before[0], tuple(added))


def ended(existing: Iterable[Held], account: str, subject: str, at: datetime) -> Reassignment[Held]:
    """The one that covers the instant, shortened to it; `subject` is in words what they all are of.

    Refused when no account has it then, Conflict when it is another account.
    """
    held = next((each for each in existing if each.covers(at)), None)
    if held is None:
        raise Refused(f"nobody holds {subject} at {at}")
    if held.account != account:
        raise Conflict(f"{subject} belongs to account {held.account}, not {account}")
    return Reassignment(held, _up_to(held, at))


def _up_to(held: Held, instant: datetime) -> tuple[Held, ...]:
    """The same ended at the instant; none at all when it would be empty."""
    if held.valid_from == instant:
        return ()
    return (replace(held, valid_until=instant),)


def check_lock(known: DeskLock | None, by: str) -> None:
    """Refused when the lock that is there is not to be replaced or lifted by this one."""
    if known is not None and not known.may_be_changed_by(by):
        raise Refused(
            f"{known.extension} is locked at the desk ({known.reason}); `rtbill unlock` opens it"
        )
