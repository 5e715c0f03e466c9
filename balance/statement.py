"""An account's statement: opening balance, every entry, closing balance, each member's share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rtbill.domain.rated import RatedCall
from rtbill.ports import PostedTransfer


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry as the account holder sees it: negative pays, positive receives."""

    posted: PostedTransfer
    amount_micros: int
    balance_micros: int
    call: RatedCall | None


@dataclass(frozen=True, slots=True)
class Statement:
    """Regenerated from the same entries it is the same, byte for byte (LG-24)."""

    account: str
    currency: str
    opening_micros: int
    lines: tuple[StatementLine, ...]
    closing_micros: int
    by_member: tuple[tuple[str, int, int], ...]
    """Member (person or extension), calls, micro-units charged; the group pays the sum."""


def build(
    account: str,
    currency: str,
    transfers: Sequence[PostedTransfer],
    calls: Mapping[str, RatedCall],
    opening_micros: int,
) -> Statement:
    """The statement of consecutive transfers; `opening_micros` is the balance before the first."""
    lines = []
    balance = opening_micros
    shares: dict[str, tuple[int, int]] = {}
    counted: set[str | None] = set()
    for posted in transfers:
        transfer = posted.transfer
        assert transfer.currency == currency, f"{account}: {transfer.key} is in another currency"
        sign = 1 if transfer.credit == account else -1
        amount = sign * transfer.amount_micros
        balance += amount
        assert balance == transfer.balance_after_micros, f"{account}: entries do not chain"
        call = calls.get(transfer.call) if transfer.call else None
        if call is not None:
            member = call.person or call.record.payer or "unknown extension"
            count, charged = shares.get(member, (0, 0))
            is_new = transfer.call not in counted  # one that was rated again has several entries
            shares[member] = (count + is_new, charged - amount)
            counted.add(transfer.call)
        lines.append(StatementLine(posted, amount, balance, call))
    members = tuple((name, *share) for name, share in sorted(shares.items()))
    return Statement(account, currency, opening_micros, tuple(lines), balance, members)
