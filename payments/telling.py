"""Who has to hear of a step of a top-up: its account's holder, or the operator."""

from __future__ import annotations

from payments.heard import Heard
from rtbill.domain.account import AccountState
from rtbill.domain.money import Money
from rtbill.domain.notice import Notice
from rtbill.domain.payment import DeclineClass
from rtbill.domain.top_up import (
    Follow,
    Paying,
    ReversalKind,
    TopUp,
    TopUpState,
)

_WORDS = {
    DeclineClass.FAST: "the payment network was disturbed; it is tried once more",
    DeclineClass.SOFT: "there was not enough money for it; pay another way, or it is tried later",
    DeclineClass.VAGUE: "the bank did not allow it; ask your bank, or pay another way",
    DeclineClass.ACTION: "it has to be confirmed by you",
    DeclineClass.CARD: "another card is needed",
    DeclineClass.NEVER: "it could not be taken; pay another way",
    DeclineClass.OURS: "it could not be taken; the operator sees to it",
}
"""Said to holders. What a bank says of a stolen card is not (table 2.4: neutral wording)."""


def notices(state: AccountState, before: TopUp, paying: Paying, heard: Heard) -> tuple[Notice, ...]:
    """What to say; `state` is the account's after it."""
    row, follows = paying.top_up, paying.follows
    assert row is not None
    about = (("top_up", row.reference), ("gateway", row.gateway), ("amount", str(row.money)))
    account, at = row.account, heard.at
    found = []
    if Follow.CREDIT in follows:
        balance = Money(state.balance_micros, row.money.currency)
        text = f"{row.money} paid in; balance {balance}"
        found.append(Notice("top_up.done", account, text, at, about))
    if row.state is TopUpState.DECLINED and before.state is not row.state:
        assert row.decline is not None
        text = f"{row.money} were not paid in: {_WORDS[row.decline]}"
        details = (*about, ("decline", row.decline.value))
        found.append(Notice("top_up.failed", account, text, at, details))
    elif Follow.TELL in follows:
        text = f"{row.money} were not paid in: it was called off"
        found.append(Notice("top_up.failed", account, text, at, about))
    found += _about_reversals(paying, about, heard)
    if row.needs_person and not before.needs_person:
        text = f"nobody knows what became of {row.money} for {account} at {row.gateway}; settle it"
        found.append(Notice("top_up.unsettled", row.reference, text, at, about))
    if paying.stop is not None:
        text = f"no top-up is begun at {row.gateway} any more: {heard.cause}"
        found.append(Notice("top_up.stopped", row.gateway, text, at, about))
    if Follow.ALARM in follows:
        text = f"top-up of {account} is {before.state}, and yet: {row.alarm or heard.cause}"
        found.append(Notice("alarm.raised", f"top-up {row.reference}", text, at, about))
    return tuple(found)


def _about_reversals(
    paying: Paying, about: tuple[tuple[str, str], ...], heard: Heard
) -> list[Notice]:
    row = paying.top_up
    assert row is not None
    found = []
    for each in paying.reversals if row.was_paid else ():
        kind = "top_up.refunded" if each.kind is ReversalKind.REFUND else "top_up.disputed"
        text = f"{each.kind} of {each.money}: {each.stage}"
        found.append(Notice(kind, row.account, text, heard.at, (*about, ("stage", each.stage))))
    return found
