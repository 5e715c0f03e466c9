"""Bundles as people write them: a TOML document to bundles, or all that is wrong.

[[bundle]]
name = "national-300"
title = "300 national minutes"                # what a statement calls it
minutes = 300                                 # or "300:30"; instead of them amount = "5.00"
currency = "EUR"                              # of the accounts that may have it
zone = "Europe/Berlin"                        # whose clock its bands and months are by
prefixes = ["49"]
bands = [{ days = "mon-fri", hours = "08:00-18:00" }]    # as the columns of a tariff file
increment = 60                                # seconds that are taken at once
priority = 1                                  # the highest first
renewal = "monthly"                           # or never
covers_fees = true                            # no connect fee within the minutes
tariff = "evening"                            # what talk within the minutes costs besides
exclusive = false                             # true: nothing else pays where it fits
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rtbill.domain.bundle import Bundle, Renewal, Unit, amount_text
from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.domain.money import known_currency
from rtbill.domain.tariff import MINUTE_S, TimeBand
from rtbill.formats.checked_table import CheckedTable
from rtbill.rating.band_columns import BAND_COLUMNS, CONDITIONS, band_text, read_bands
from rtbill.rating.zones import zone_named

_BUNDLE_KEYS = (
    *("name", "title", "minutes", "amount", "currency", "zone", "prefixes", "bands"),
    *("increment", "priority", "renewal", "covers_fees", "tariff", "exclusive"),
)
KEYS = {"": ("bundle",), "bundle": _BUNDLE_KEYS, "bands": CONDITIONS}
"""By table; the document's own under no name."""
_OF_MINUTES = ("increment", "covers_fees", "tariff")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_PREFIX = re.compile(r"\+?([0-9]{1,15})")
_MINUTES = re.compile(r"([0-9]{1,7})(?::([0-5][0-9]))?")
_MINUTES_MAX = 1_000_000
_INCREMENT_S_MAX = 3600
_PRIORITY_MAX = 999
_TITLE_MAX = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSite:
    """What bundles may refer to, and what holds where their file says nothing."""

    currency: str
    zone: str
    calendars: Collection[str] = ()
    """Names of holiday calendars."""
    tariffs: Mapping[str, str]
    """Currency of each, by name."""


def read_bundles(document: Mapping[str, Any], site: BundleSite) -> tuple[Bundle, ...]:
    """The bundles of a document, in its order, each as a first version. ConfigError names every
    mistake by its place.
    """
    table = CheckedTable(document, KEYS)
    found = [_bundle(each, site) for each in table.sections("bundle")]
    first: dict[str, int] = {}
    for index, bundle in enumerate(found):
        other = first.setdefault(bundle.name, index)
        if other != index and bundle.name:
            table.wrong(f"bundle[{index}].name", f"{bundle.name!r} is that of bundle[{other}]")
    if not found and not table.problems:
        table.wrong("bundle", "there is none; write [[bundle]] and what it is below")
    if table.problems:
        raise ConfigError(table.problems)
    return tuple(found)


def bundle_lines(bundle: Bundle) -> list[str]:
    """The bundle in words, a line for each thing that it says."""
    return list(_words(bundle))


def holds_text(bundle: Bundle) -> str:
    """`300 min`, `300:30 min`, `5.00 EUR`."""
    return amount_text(bundle, bundle.amount)


def _bundle(table: CheckedTable, site: BundleSite) -> Bundle:
    name = table.text("name", _name)
    unit, amount = _holds(table)
    bundle = Bundle(
        name=name,
        version=1,
        currency=_text_or(table, "currency", site.currency, known_currency),
        zone=_text_or(table, "zone", site.zone, _zone),
        unit=unit,
        amount=amount,
        title=_text_or(table, "title", "", _title),
        prefixes=tuple(table.texts("prefixes", _prefix)),
        bands=_bands(table, site.calendars),
        increment_s=table.whole("increment", 1, _INCREMENT_S_MAX),
        priority=table.whole("priority", 0, _PRIORITY_MAX),
        renewal=Renewal(table.one_of("renewal", Renewal.NEVER, list(Renewal))),
        tariff=_text_or(table, "tariff", "", str),
        covers_fees="covers_fees" not in table.values or table.flag("covers_fees"),
        is_exclusive=table.flag("exclusive"),
    )
    if bundle.unit is Unit.MONEY:
        for key in _OF_MINUTES:
            if key in table.values:
                table.wrong(key, "says something of minutes; the bundle has an amount")
        return replace(bundle, increment_s=1, covers_fees=True, tariff="")
    _check_minutes(table, bundle, site)
    return bundle


def _holds(table: CheckedTable) -> tuple[Unit, int]:
    """What it holds; money without a mistake is never of nothing, nor are seconds."""
    has_minutes, has_amount = "minutes" in table.values, "amount" in table.values
    if has_minutes and has_amount:
        table.wrong("amount", "stands beside minutes; write one of them, or two bundles")
    elif has_minutes:
        return Unit.SECONDS, _seconds(table)
    elif not has_amount:
        table.wrong("", 'holds nothing; write minutes = 300 or amount = "5.00"')
    else:
        before = len(table.problems)
        amount = table.amount("amount")
        if not amount and len(table.problems) == before:
            table.wrong("amount", "is 0: there would be nothing to use")
        return Unit.MONEY, amount
    return Unit.MONEY, 0


def _seconds(table: CheckedTable) -> int:
    value = table.values["minutes"]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    written = _MINUTES.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        table.wrong("minutes", f'{value!r} is not like 300 or "300:30"')
        return 0
    seconds = int(written[1]) * MINUTE_S + int(written[2] or 0)
    if not 0 < seconds <= _MINUTES_MAX * MINUTE_S:
        table.wrong("minutes", f"is not above 0 and up to {_MINUTES_MAX}")
    return seconds


def _bands(table: CheckedTable, calendars: Collection[str]) -> tuple[TimeBand, ...]:
    found: list[TimeBand] = []
    for each in table.sections("bands"):
        cells = dict.fromkeys(BAND_COLUMNS, "")
        cells |= {key: each.text(key, str) for key in CONDITIONS if key in each.values}
        texts: list[str] = []
        bands = [band for band in read_bands(cells, texts) if band is not None]
        if not bands:
            texts.append("says nothing; write days, hours, months, month_days, years or holidays")
        for calendar in {band.calendar for band in bands if band.calendar} - set(calendars):
            texts.append(
                f"there is no holiday calendar {calendar!r}; declare it as [[holidays]] in the "
                "configuration"
            )
        for text in texts:
            each.wrong("", text)
        found += bands
    return tuple(found)


def _check_minutes(table: CheckedTable, bundle: Bundle, site: BundleSite) -> None:
    if bundle.increment_s == 0:
        table.wrong("increment", "is 0; write at least 1")
    elif 0 < bundle.amount < bundle.increment_s:
        table.wrong("increment", "is longer than all the minutes: none could be used")
    if bundle.tariff:
        currency = site.tariffs.get(bundle.tariff)
        if currency is None:
            table.wrong("tariff", f"there is no tariff {bundle.tariff!r}; import it first")
        elif currency != bundle.currency:
            table.wrong("tariff", f"{bundle.tariff!r} is in {currency}, not {bundle.currency}")
        if "covers_fees" in table.values:
            table.wrong("covers_fees", "stands beside tariff, whose connect fee is due")
    # Seconds go before all money, so that none but the account's is left to pay a fee.
    if bundle.is_exclusive and (bundle.tariff or not bundle.covers_fees):
        key = "tariff" if bundle.tariff else "covers_fees = false"
        table.wrong(
            "exclusive", f"stands beside {key}: nothing could pay what a call within it costs"
        )


def _words(bundle: Bundle) -> Iterator[str]:
    monthly = " each month" if bundle.renewal is Renewal.MONTHLY else ""
    yield f"holds: {holds_text(bundle)}{monthly}"
    if bundle.title:
        yield f"title: {bundle.title}"
    yield f"currency: {bundle.currency}"
    yield f"clock: {bundle.zone}"
    if bundle.prefixes:
        yield f"numbers: {', '.join(bundle.prefixes)}"
    yield from (f"answered: {band_text(band)}" for band in bundle.bands)
    if bundle.unit is Unit.SECONDS:
        yield from _words_of_minutes(bundle)
    if bundle.priority:
        yield f"priority: {bundle.priority}"
    if bundle.is_exclusive:
        yield "exclusive: nothing behind it pays"


def _words_of_minutes(bundle: Bundle) -> Iterator[str]:
    yield f"taken in steps of {bundle.increment_s} s"
    if bundle.tariff:
        yield f"talk within costs what {bundle.tariff} says"
    elif not bundle.covers_fees:
        yield "connect fee of the account's tariff"


def _text_or(table: CheckedTable, key: str, otherwise: str, read: Callable[[str], str]) -> str:
    return table.text(key, read) if key in table.values else otherwise


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise BadRecord(f"{text!r} is no name: write small letters, digits, - and _ (32 at most)")
    return text


def _zone(text: str) -> str:
    zone_named(text)
    return text


def _title(text: str) -> str:
    if not text or not text.isprintable() or len(text) > _TITLE_MAX:
        raise BadRecord(f"is empty, longer than {_TITLE_MAX} or holds control characters")
    return text


def _prefix(text: str) -> str:
    found = _PREFIX.fullmatch(text)
    if found is None:
        raise BadRecord(f"{text!r} is not 1 to 15 digits")
    return found[1]
