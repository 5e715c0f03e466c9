"""The `[[holidays]]` tables: public holidays of a country, and the site's own days.

The library that knows countries takes a while to be imported, so it is only where a calendar asks
for a country. It knows a span of years, for most countries up to 2100; outside of it no day is a
holiday but the site's own.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rtbill.config.values import HolidaysConfig
from rtbill.domain.errors import ConfigError

if TYPE_CHECKING:
    from holidays import HolidayBase


class HolidayCalendar(Container[date]):
    """The dates of one `[[holidays]]` table."""

    def __init__(self, config: HolidaysConfig) -> None:
        """ConfigError when the country or its subdivision is unknown."""
        self.config = config
        self._public: Container[date] = ()
        self.years_known: range | None = None
        """Of which the country's holidays are known; None without a country."""
        if config.country:
            public = _public_holidays(config.country, config.subdivision)
            self._public = public
            self.years_known = range(public.start_year, public.end_year + 1)

    def __contains__(self, day: object) -> bool:
        """Whether the date is a holiday."""
        assert isinstance(day, date)
        if day in self.config.dates:
            return True
        return day in self._public and day not in self.config.without

    def of_year(self, year: int) -> list[date]:
        """The year's holidays, in order."""
        first = date(year, 1, 1).toordinal()
        days = (date.fromordinal(first + offset) for offset in range(366))
        return [day for day in days if day.year == year and day in self]


def holiday_calendars(tables: Iterable[HolidaysConfig]) -> Mapping[str, HolidayCalendar]:
    """Every calendar by name; ConfigError names each country or subdivision that is unknown."""
    found: dict[str, HolidayCalendar] = {}
    problems: list[str] = []
    for index, table in enumerate(tables):
        try:
            found[table.name] = HolidayCalendar(table)
        except ConfigError as error:
            problems += [f"holidays[{index}].{problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return MappingProxyType(found)


def country_problems(raw: Mapping[str, Any]) -> list[str]:
    """Countries and subdivisions of the raw tables that the library does not know."""
    problems: list[str] = []
    for place, table in _tables(raw):
        country, subdivision = table.get("country"), table.get("subdivision", "")
        if isinstance(country, str) and isinstance(subdivision, str):
            try:
                _public_holidays(country, subdivision)
            except ConfigError as error:
                problems += [f"{place}.{problem}" for problem in error.problems]
    return problems


def table_problems(raw: Mapping[str, Any]) -> list[str]:
    """What the raw tables contradict, each as `key: text`."""
    problems: list[str] = []
    names: list[object] = []
    for place, table in _tables(raw):
        name, country = table.get("name"), table.get("country")
        if name is not None and name in names:
            problems.append(f"{place}.name: two calendars are named {name!r}")
        names.append(name)
        if not country and not table.get("dates"):
            problems.append(f"{place}: has no holiday; give it a country, or dates of its own")
        problems += [
            f"{place}.{key}: is about a country's holidays; name the country too"
            for key in ("subdivision", "without")
            if not country and table.get(key)
        ]
        dates, without = (_texts(table.get(key)) for key in ("dates", "without"))
        problems += [
            f"{place}.without: {day} stands in dates too" for day in sorted(dates & without)
        ]
    return problems


def _tables(raw: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every `[[holidays]]` that is a table at all, with its key path."""
    written = raw.get("holidays")
    for index, table in enumerate(written if isinstance(written, list) else []):
        if isinstance(table, dict):
            yield f"holidays[{index}]", table


def _texts(written: object) -> set[str]:
    return {str(each) for each in written} if isinstance(written, list) else set()


def _public_holidays(country: str, subdivision: str) -> HolidayBase:
    """The country's public holidays, with the days that are off where one falls on a weekend."""
    import holidays

    try:
        whole = holidays.country_holidays(country)
    except NotImplementedError as error:
        text = f"country: the holidays of {country!r} are not known; list them as dates"
        raise ConfigError([text]) from error
    if not subdivision:
        return whole
    if subdivision not in whole.subdivisions:
        named = (
            f"known are: {', '.join(whole.subdivisions)}" if whole.subdivisions else "it has none"
        )
        text = f"subdivision: {subdivision!r} is no part of {country}; {named}"
        raise ConfigError([text])
    return holidays.country_holidays(country, subdiv=subdivision)
