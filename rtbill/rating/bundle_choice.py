"""Which bundles may pay a call, of which month, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rtbill.domain.bundle import Allowance, Bundle, PoolKey, Renewal, Unit
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.tariff import TimeBand
from rtbill.rating.bands import NO_CALENDARS, Calendars, holds_on
from rtbill.rating.lookup import FOREVER_US


class Held(NamedTuple):
    """A bundle, and how it is held."""

    bundle: Bundle
    allowance: Allowance

    def pool(self, answered_at: datetime) -> PoolKey:
        """What pays a call answered then."""
        return PoolKey(self.allowance.key, period_us(self.bundle, self.allowance, answered_at))

    def lost_at(self, at: datetime) -> datetime | None:
        """When what is left at this instant is lost; None for never."""
        ends_us = _ends_us(self.bundle, self.allowance, at)
        return None if ends_us == FOREVER_US else from_epoch_us(ends_us)


def paying(
    held: Iterable[Held], number: str, answered_at: datetime, calendars: Calendars = NO_CALENDARS
) -> list[Held]:
    """Those that may pay a call to a number with plus, in order; none behind an exclusive one. The
    exclusive one is among them also when it is used up: it still keeps the others from paying.
    """
    fitting = [
        each for each in held if fits(each.bundle, each.allowance, number, answered_at, calendars)
    ]
    found: list[Held] = []
    for each in in_order(fitting, answered_at):
        found.append(each)
        if each.bundle.is_exclusive:
            break
    return found


def in_order(held: Iterable[Held], answered_at: datetime) -> list[Held]:
    """Seconds before money; then the highest priority, the nearest end of what is left, the key."""

    def rank(each: Held) -> tuple[bool, int, int, str]:
        bundle = each.bundle
        ends_us = _ends_us(bundle, each.allowance, answered_at)
        return (bundle.unit is Unit.MONEY, -bundle.priority, ends_us, each.allowance.key)

    return sorted(held, key=rank)


def fits(
    bundle: Bundle,
    allowance: Allowance,
    number: str,
    answered_at: datetime,
    calendars: Calendars = NO_CALENDARS,
) -> bool:
    """Whether it pays a call to a number with plus that is answered then, as long as there is any
    of it; who calls is not asked.
    """
    if answered_at < allowance.since:
        return False
    if allowance.until is not None and answered_at >= allowance.until:
        return False
    if bundle.prefixes and not number.removeprefix("+").startswith(bundle.prefixes):
        return False
    if not bundle.bands:
        return True
    local = answered_at.astimezone(ZoneInfo(bundle.zone))
    return any(_shows(band, local, calendars) for band in bundle.bands)


def period_us(bundle: Bundle, allowance: Allowance, answered_at: datetime) -> int:
    """Where the period of a call answered then begins, as `PoolKey` has it."""
    if bundle.renewal is Renewal.NEVER:
        return epoch_us(allowance.since)
    local = answered_at.astimezone(ZoneInfo(bundle.zone))
    return _month_us(bundle.zone, local.year, local.month)


def _ends_us(bundle: Bundle, allowance: Allowance, answered_at: datetime) -> int:
    """When what is left of it is lost."""
    ends_us = FOREVER_US if allowance.until is None else epoch_us(allowance.until)
    if bundle.renewal is Renewal.NEVER:
        return ends_us
    local = answered_at.astimezone(ZoneInfo(bundle.zone))
    years, month = divmod(local.month, 12)
    return min(ends_us, _month_us(bundle.zone, local.year + years, month + 1))


def _month_us(zone: str, year: int, month: int) -> int:
    """The first instant of a local month; where clocks skip its midnight, that of the change."""
    return epoch_us(datetime(year, month, 1, tzinfo=ZoneInfo(zone)))


def _shows(band: TimeBand, local: datetime, calendars: Calendars) -> bool:
    minute = local.hour * 60 + local.minute
    return band.start_minute <= minute < band.end_minute and holds_on(band, local.date(), calendars)
