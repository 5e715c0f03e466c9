"""CGRateS's shapes of a tariff: one rate, groups of rates, or rating profiles with activations.

A line says only when it begins. It holds until the next later line of the same prefix, days, dates
and weight begins, or till midnight; among lines that hold at once the higher weight wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from rtbill.domain.money import RoundingMode
from rtbill.domain.tariff import DAYS, Rate, Rounding, Step, Tariff, Terms, TimeBand
from rtbill.rating.bands import DAY_MINUTES
from tests.cases.dialling import ANY_NUMBER, EVERYWHERE, dialled, prefixes
from tests.cases.price_list import ALWAYS, CURRENCY, TO_THE_MICRO, PriceList
from tests.cases.reading import Case, Record
from tests.cases.unsupported import Unsupported, micros, only, whole

_MODES = {"up": RoundingMode.UP, "middle": RoundingMode.HALF_UP, "down": RoundingMode.DOWN}
_RATE_KEYS = ("rate", "per", "increment", "from_s")
_TERMS_KEYS = ("connect_fee", "rounding", "decimals", "max_cost", "max_cost_strategy")
_LINE_KEYS = ("destination", "prefixes", "when", "weight", "rates", "name", *_TERMS_KEYS)
_WHEN_KEYS = ("start", "weekdays", "months", "monthdays")
_PREFIX_NOT_IN_THE_CASE = {"cgr-102": "0723"}
"""Elsewhere a tariff of one rate is for the number called; here that it is not is the point."""


def one_rate(case: Case) -> PriceList:
    """A tariff of one price, or of groups of rates, for the number that is called."""
    tariff = case.tariff
    groups = tariff.get("groups") or tariff.get("rates")
    if groups:
        only(tariff, "groups", "rates", *_TERMS_KEYS)
    else:
        groups = [{key: tariff[key] for key in ("rate", "per", "increment")}]
        only(tariff, "rate", "per", "increment", *_TERMS_KEYS)
    number = _PREFIX_NOT_IN_THE_CASE.get(case.id) or case.calls[0].get("destination", ANY_NUMBER)
    terms = _terms({**tariff, "rates": groups})
    return PriceList.of_terms(terms, dialled(number), _rounding([tariff]))


def profile(case: Case) -> PriceList:
    """The activations of a subject as versions of a tariff, then those of its fallback subjects."""
    only(case.tariff, "activations", "subject", "fallback")
    zone = case.calls[0].get("tz", "UTC")
    fallback: Sequence[Record] = case.tariff.get("fallback", ())
    tariffs: list[Tariff] = []
    for subject in (case.tariff, *fallback):
        only(subject, "activations", "subject", "fallback")
        for version, activation in enumerate(subject["activations"], start=1):
            only(activation, "valid_from", "plan", "lines")
            tariffs.append(
                Tariff(
                    name=subject.get("subject", "case"),
                    version=version,
                    currency=CURRENCY,
                    zone=zone,
                    valid_from=instant(activation["valid_from"]),
                    rates=tuple(_rates(activation["lines"])),
                    rounding=_rounding(activation["lines"]),
                )
            )
    return PriceList(tariffs)


def hours(case: Case) -> PriceList:
    """Lines that say when and no price: which of them holds is all that is asked."""
    only(case.tariff, "lines")
    free = {"rates": [{"rate": 0, "per": 60, "increment": 1}], "prefixes": [EVERYWHERE]}
    return PriceList.of_rates(_rates([free | line for line in case.tariff["lines"]]))


def instant(text: str | None) -> datetime:
    """The instant of a text; long ago when there is none."""
    return ALWAYS if text is None else datetime.fromisoformat(text)


def _rates(lines: Sequence[Record]) -> Iterator[Rate]:
    named = {prefix for line in lines for prefix in line["prefixes"]}
    by_prefix: dict[str, list[tuple[Record, TimeBand]]] = {}
    for line in lines:
        only(line, *_LINE_KEYS)
        for prefix in line["prefixes"]:
            for digits in prefixes(prefix, named):
                by_prefix.setdefault(digits, []).append((line, _from_its_start(line)))
    for digits, found in by_prefix.items():
        bands = [band for _, band in found]
        for line, band in found:
            yield Rate(
                prefix=digits,
                destination=line.get("name") or line.get("destination") or digits,
                terms=_terms(line),
                band=_until_the_next(band, bands),
            )


def _from_its_start(line: Record) -> TimeBand:
    """From when the line begins to the end of the day."""
    when = line["when"]
    only(when, *_WHEN_KEYS)
    hour, minute, second = map(int, when.get("start", "00:00:00").split(":"))
    if second:
        raise Unsupported("hours finer than a minute")
    return TimeBand(
        days=frozenset(day - 1 for day in when["weekdays"]) if "weekdays" in when else DAYS,
        start_minute=hour * 60 + minute,
        months=frozenset(when.get("months", ())),
        month_days=frozenset(when.get("monthdays", ())),
        priority=whole(line.get("weight", 0), "weight"),
    )


def _until_the_next(band: TimeBand, others: Iterable[TimeBand]) -> TimeBand:
    later = [
        other.start_minute
        for other in others
        if other.start_minute > band.start_minute
        and replace(other, start_minute=band.start_minute) == band
    ]
    return replace(band, end_minute=min(later, default=DAY_MINUTES))


def _terms(line: Record) -> Terms:
    """Terms of a line. Its greatest cost caps the price, or, by strategy, only ends the call."""
    greatest, strategy = None, None
    if line.get("max_cost") is not None:
        greatest, strategy = micros(line["max_cost"]), line["max_cost_strategy"]
        if strategy not in ("free", "disconnect"):
            raise Unsupported(f"no greatest charge that is {strategy}")
    return Terms(
        steps=tuple(_step(rate) for rate in line["rates"]),
        connect_fee_micros=micros(line.get("connect_fee", 0)),
        charge_max_micros=greatest,
        charge_max_ends=strategy == "disconnect",
    )


def _step(rate: Record) -> Step:
    only(rate, *_RATE_KEYS)
    return Step(
        from_s=whole(rate.get("from_s", 0), "from_s"),
        price_micros=micros(rate["rate"]),
        unit_s=whole(rate["per"], "per"),
        increment_s=whole(rate["increment"], "increment"),
    )


def _rounding(lines: Sequence[Record]) -> Rounding:
    found = {(line["rounding"], line["decimals"]) for line in lines if "rounding" in line}
    if len(found) > 1:
        raise Unsupported("lines of one list are rounded differently")
    if not found:
        return TO_THE_MICRO
    mode, digits = found.pop()
    if digits > TO_THE_MICRO.digits:
        raise Unsupported(f"money has no {digits} decimals")
    return Rounding(_MODES[mode], digits)
