"""What accounts hold of bundles, by the books as they stand; reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rtbill.domain.bundle import Allowance, Bundle
from rtbill.ports import Reader
from rtbill.pricing.allowances import Allowances
from rtbill.rating.bands import NO_CALENDARS, Calendars


@dataclass(frozen=True, slots=True)
class Holding:
    """An allowance that has not ended."""

    bundle: Bundle
    allowance: Allowance
    left: int
    """Seconds or micro-units, of the period of the instant that was asked about."""
    lost_at: datetime | None
    """When what is left is lost; None for never."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an account's calls took of one allowance."""

    bundle: Bundle
    allowance: str
    calls: int
    amount: int


async def read_allowances(reader: Reader, calendars: Calendars, since: datetime) -> Allowances:
    """Who holds which bundles, and what is used of them in periods that begin from then on."""
    given = [each.allowance for each in await reader.allowances()]
    used = await reader.recent_pools(since)
    return Allowances(await reader.bundles(), given, used, calendars)


async def allowances_at(
    reader: Reader, account: str, at: datetime, calendars: Calendars = NO_CALENDARS
) -> Allowances:
    """The same for one account at an instant, however long ago."""
    given = [
        each.allowance for each in await reader.allowances() if account in each.allowance.accounts
    ]
    bundles = await reader.bundles()
    pools = [held.pool(at) for held in Allowances(bundles, given).held(account)]
    return Allowances(bundles, given, await reader.pools(pools), calendars)


async def holdings(reader: Reader, account: str, at: datetime) -> list[Holding]:
    """What the account holds at the instant, or will hold, by key."""
    allowances = await allowances_at(reader, account, at)
    return [
        Holding(
            each.bundle,
            each.allowance,
            each.bundle.amount - allowances.used(each.pool(max(at, each.allowance.since))),
            each.lost_at(max(at, each.allowance.since)),
        )
        for each in allowances.held(account)
        if each.allowance.until is None or each.allowance.until > at
    ]


async def drawn(
    reader: Reader, account: str, since: datetime | None, until: datetime | None
) -> list[Drawn]:
    """What was drawn for the account's calls in the span, by allowance; what was taken and given
    back within it is left out.
    """
    allowances = Allowances(
        await reader.bundles(), [each.allowance for each in await reader.allowances()]
    )
    amounts: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for posted in await reader.draws(account, since, until):
        key = posted.draw.pool.allowance
        amounts[key] = amounts.get(key, 0) + posted.draw.amount
        calls.setdefault(key, set()).add(posted.call)
    found = []
    for key in sorted(amounts):
        held = allowances.allowance(key)
        assert held is not None, "the books hold every allowance that was drawn from"
        if amounts[key]:
            found.append(Drawn(held.bundle, key, len(calls[key]), amounts[key]))
    return found
