"""Bundles, and who was given them, to rows and back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rtbill.domain.bundle import Allowance, Bundle, GivenAllowance, Renewal, Unit
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.tariff import TimeBand
from rtbill.storage.bulk import Row
from rtbill.storage.tariff_rows import band_from, body_of

BUNDLE_COLUMNS = "name, version, currency, unit, amount, renewal, body"
ALLOWANCE_COLUMNS = "key, bundle, since, until, given_at, reason"


def bundle_row(bundle: Bundle) -> Row:
    """As in BUNDLE_COLUMNS."""
    body = {
        "zone": bundle.zone,
        "title": bundle.title,
        "prefixes": bundle.prefixes,
        "bands": [body_of(each) for each in bundle.bands],
        "increment_s": bundle.increment_s,
        "priority": bundle.priority,
        "tariff": bundle.tariff,
        "covers_fees": bundle.covers_fees,
        "is_exclusive": bundle.is_exclusive,
    }
    return (
        bundle.name,
        bundle.version,
        bundle.currency,
        bundle.unit.value,
        bundle.amount,
        bundle.renewal.value,
        json.dumps(body, ensure_ascii=False),
    )


def bundle_from(row: Row) -> Bundle:
    """From BUNDLE_COLUMNS."""
    body: dict[str, Any] = json.loads(row[6])
    bands: tuple[TimeBand, ...] = tuple(band_from(each) for each in body["bands"])
    return Bundle(
        name=row[0],
        version=row[1],
        currency=row[2],
        unit=Unit(row[3]),
        amount=row[4],
        renewal=Renewal(row[5]),
        **body | {"bands": bands, "prefixes": tuple(body["prefixes"])},
    )


def given_from(row: Row) -> GivenAllowance:
    """From key, name and version of the bundle, since, until, given_at, reason, and the accounts as
    a JSON list.
    """
    key, name, version, since, until, given_at, reason, accounts = row
    allowance = Allowance(
        key=key,
        bundle=name,
        version=version,
        accounts=frozenset(json.loads(accounts)),
        since=from_epoch_us(since),
        until=None if until is None else from_epoch_us(until),
    )
    return GivenAllowance(allowance, from_epoch_us(given_at), reason)


def account_rows(key: str, accounts: Iterable[str]) -> list[Row]:
    """Account and allowance."""
    return [(account, key) for account in sorted(accounts)]


def allowance_row(allowance: Allowance, bundle_id: int, given_at_us: int, reason: str) -> Row:
    """As in ALLOWANCE_COLUMNS."""
    until = None if allowance.until is None else epoch_us(allowance.until)
    return (allowance.key, bundle_id, epoch_us(allowance.since), until, given_at_us, reason)
