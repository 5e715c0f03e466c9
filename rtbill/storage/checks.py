"""What must hold before facts are written: money adds up, dates of a membership do not collide.

Pure, so that every store asks the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rtbill.domain.account import Account, AccountState, Extension, Membership
from rtbill.domain.call import CallRecord, Outcome, epoch_us
from rtbill.domain.errors import Conflict, Refused
from rtbill.domain.ledger import CONTRA_ACCOUNTS, Transfer
from rtbill.domain.notice import Notice
from rtbill.domain.rated import Facts, RatedCall
from rtbill.ports import Operation, Repricing

SAME_ANSWER = timedelta(seconds=2)
"""Two reports of one leg may differ by so much in the time of answer."""


def check_facts(before: AccountState, operation: Operation, facts: Facts) -> None:
    """Assert that the facts follow from the state: versions, balances, currency and keys."""
    _check_moves(before, facts)
    if facts.transfers:
        assert facts.transfers[0].key == operation.key
    assert (operation.call is None) == (facts.call is None), "only a call operation brings a call"
    assert not facts.repriced
    if facts.call is not None:
        assert facts.call.record.id == operation.call
        assert facts.call.account == operation.account


def check_repricing(before: AccountState, repricing: Repricing, facts: Facts) -> None:
    """Assert that the facts follow from the state, and that each call's own transfers make the
    difference of its prices.
    """
    _check_moves(before, facts)
    assert facts.call is None
    change: dict[str | None, int] = {}
    for transfer in facts.transfers:
        change[transfer.call] = change.get(transfer.call, 0) + _change_of(transfer)
    assert len(change) == len(facts.repriced)
    for call, price in facts.repriced:
        assert change[call.key] == call.micros - price.micros, f"{call.key} moves something else"
    assert repricing.account == before.account.id


def _check_moves(before: AccountState, facts: Facts) -> None:
    assert facts.state.account == before.account, "an operation moves money, it changes no terms"
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

    def decide(state: AccountState) -> Facts:
        facts = operation.decide(state)
        assert facts.call is not None
        alarm = Notice(
            "alarm.raised",
            str(new),
            f"{old.pbx} used the id {old.leg} for a second call, answered at {answered_at}; "
            f"it is billed as {new}",
            facts.call.record.ended_at,
        )
        return replace(
            facts,
            call=replace(facts.call, record=replace(facts.call.record, id=new)),
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

    return replace(operation, key=renamed(operation.key), call=new, decide=decide)


def check_new_account(account: Account) -> None:
    """Refused when the id would be taken for one of the biller's own accounts."""
    if not account.id or account.id.partition(":")[0] in CONTRA_ACCOUNTS:
        raise Refused(f"{account.id!r} cannot be the id of an account; choose another")


@dataclass(frozen=True, slots=True)
class Reassignment:
    """What becomes of an extension's memberships."""

    removed: Membership | None = None
    added: tuple[Membership, ...] = ()


def assigned(existing: Iterable[Membership], new: Membership, *, move: bool) -> Reassignment:
    """The new membership, and with `move` the shortened one before it.

    `existing` are the extension's memberships. Conflict names the one that is in the way.
    """
    if new.valid_until is not None and new.valid_until <= new.valid_from:
        raise Refused(f"the membership of {new.extension} in {new.account} ends before it begins")
    overlapping = [membership for membership in existing if membership.overlaps(new)]
    before = next((held for held in overlapping if held.covers(new.valid_from)), None)
    if move and before is not None:
        overlapping.remove(before)
    if overlapping:
        held = overlapping[0]
        until = "on" if held.valid_until is None else f"until {held.valid_until}"
        raise Conflict(
            f"extension {held.extension} belongs to account {held.account} "
            f"from {held.valid_from} {until}; end that first, or move the extension"
        )
    if before is None:
        return Reassignment(added=(new,))
    return Reassignment(before, (*_up_to(before, new.valid_from), new))


def ended(
    existing: Iterable[Membership], account: str, extension: Extension, at: datetime
) -> Reassignment:
    """The membership that covers the instant, shortened to it.

    Refused when nobody holds the extension then, Conflict when it is another account.
    """
    held = next((membership for membership in existing if membership.covers(at)), None)
    if held is None:
        raise Refused(f"nobody holds extension {extension} at {at}")
    if held.account != account:
        raise Conflict(f"extension {extension} belongs to account {held.account}, not {account}")
    return Reassignment(held, _up_to(held, at))


def _up_to(held: Membership, instant: datetime) -> tuple[Membership, ...]:
    """The membership ended at the instant; none at all when it would be empty."""
    if held.valid_from == instant:
        return ()
    return (replace(held, valid_until=instant),)
