"""Codes, PINs and trunks that stand for an account, to rows and back."""

from __future__ import annotations

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.payer_key import Binding, KeyKind, PayerKey
from rtbill.storage.bulk import Row
from rtbill.storage.rows import us_or_null

BINDING_COLUMNS = "kind, value, pbx, account, valid_from, valid_until, person"


def binding_row(binding: Binding) -> Row:
    """As in BINDING_COLUMNS."""
    kind, value, pbx = binding.key
    return (
        kind.value,
        value,
        pbx,
        binding.account,
        epoch_us(binding.valid_from),
        us_or_null(binding.valid_until),
        binding.person,
    )


def binding_from(row: Row) -> Binding:
    """From BINDING_COLUMNS."""
    return Binding(
        account=row[3],
        key=PayerKey(KeyKind(row[0]), row[1], row[2]),
        valid_from=from_epoch_us(row[4]),
        valid_until=None if row[5] is None else from_epoch_us(row[5]),
        person=row[6],
    )
