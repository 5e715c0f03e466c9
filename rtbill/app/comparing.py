"""`rtbill compare` at work: opens both records, brings them to one form and compares them.

The books are only read, so this runs beside the service. Without a span given, what is compared
begins where both records have begun and ends where theirs ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from adapters.asterisk.settings import Trunk, prefixes
from rtbill.app.books import assignment, number_plan
from rtbill.app.their_calls import Problem, TheirRecord, TheirSource
from rtbill.comparison.findings import Findings
from rtbill.comparison.pricing import Pricing
from rtbill.comparison.trunk_legs import Site
from rtbill.comparison.values import Comparison, OurCall, Terms
from rtbill.config import Config, PbxConfig, holiday_calendars
from rtbill.domain.account import HOUSE, SUSPENSE, Account, AccountKind, AccountState, Service
from rtbill.domain.call import EPOCH, epoch_us, from_epoch_us
from rtbill.domain.directory import Directory
from rtbill.domain.errors import BadRecord
from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.ports import CallFilter, Reader
from rtbill.pricing.assessment import Assessor
from rtbill.rating.price_book import PriceBook

MARGIN = timedelta(hours=4)
"""Read beyond both ends of the span: rows of one call, and its two beginnings, may lie apart."""
REACH = timedelta(hours=18)
"""The margin, and the same on an exchange's own clock anywhere on earth."""
_SLICE = timedelta(hours=6)
"""Our calls are read in slices of this, so that not all of them are whole values at once."""
_SLICE_CALLS_MAX = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an operator asks for."""

    source: TheirSource
    pbx: str | None
    """None takes the only exchange there is; with a bill, all of them."""
    trunk: str | None
    since: datetime | None
    until: datetime | None
    terms: Terms
    """With any span: it is filled in here."""
    strip: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The comparison and what could not be read for it."""

    comparison: Comparison
    problems: Sequence[Problem]
    problem_count: int
    pbx: str


async def compare(config: Config, reader: Reader, request: Request) -> Compared:
    """Both records side by side; BadRecord, ConfigError or Unavailable when one cannot be read."""
    pbx = _pbx(config, request)
    pbx_name = pbx.name if pbx else ""
    _check_trunk(config, request.trunk)
    directory = Directory(_with_site_accounts(await reader.accounts(), config.site.currency))
    directory.replace_memberships(await reader.memberships())
    book = PriceBook(
        await reader.tariffs(), holiday_calendars(config.holidays), await reader.price_plans()
    )
    assessor = Assessor(directory, number_plan(config.site), book, assignment(config))
    site = Site(
        trunks=_trunks(pbx),
        is_extension=_extension_test(config, directory, pbx),
        read_number=lambda digits: assessor.classify(digits).number or digits,
        strip=request.strip,
    )
    span = await reader.first_and_last_call()
    wanted_from = request.since or (span[0] if span else EPOCH)
    theirs = request.source.read(site, wanted_from - MARGIN, request.until)
    since, until = _span(request, span, theirs)
    ours = await _our_calls(reader, request, pbx, (since, until), site.read_number)
    terms = replace(
        request.terms,
        since_us=epoch_us(since),
        until_us=epoch_us(until),
        increment_us=max(1, theirs.increment_us),
    )
    if request.trunk:
        theirs.calls[:] = [each for each in theirs.calls if each.trunk == request.trunk]
    if theirs.tariff and theirs.tariff not in book:
        known = ", ".join(book.names) or "none"
        raise BadRecord(f"price.tariff: there is no tariff {theirs.tariff!r}; there are: {known}")
    pricing = Pricing(assessor, directory, book, pbx_name)
    result = Findings(terms, pricing, theirs.tariff).compare(ours, theirs.calls)
    return Compared(
        comparison=result,
        problems=theirs.problems,
        problem_count=theirs.problem_count,
        pbx=pbx_name,
    )


def _pbx(config: Config, request: Request) -> PbxConfig | None:
    """The exchange that the other record is of; None for a bill of several exchanges."""
    names = [pbx.name for pbx in config.pbxs]
    if request.pbx is None and len(names) == 1:
        return config.pbxs[0]
    if request.pbx is None and request.source.is_of_all_exchanges:
        return None
    for pbx in config.pbxs:
        if pbx.name == request.pbx:
            return pbx
    said = f"there is no exchange {request.pbx!r}" if request.pbx else "there are several exchanges"
    raise BadRecord(f"{said}; name one with --pbx: {', '.join(names)}")


def _trunks(pbx: PbxConfig | None) -> dict[str, str]:
    return prefixes([Trunk(trunk.name, trunk.matchers) for trunk in pbx.trunks]) if pbx else {}


def _check_trunk(config: Config, name: str | None) -> None:
    known = {trunk.name for pbx in config.pbxs for trunk in pbx.trunks}
    if name is not None and name not in known:
        raise BadRecord(f"there is no trunk {name!r}; there are: {', '.join(sorted(known))}")


def _with_site_accounts(states: Sequence[AccountState], currency: str) -> list[AccountState]:
    """The accounts, with the two that the service opens at its first start."""
    known = {state.account.id for state in states}
    own = [
        Account(id=name, name=name, kind=AccountKind.POSTPAID, currency=currency)
        for name in (HOUSE, SUSPENSE)
        if name not in known
    ]
    return [*states, *(AccountState(account, 0, 0, Service()) for account in own)]


def _extension_test(
    config: Config, directory: Directory, pbx: PbxConfig | None
) -> Callable[[str], bool]:
    """Whether a name in a record is one of the exchange's extensions."""
    if pbx is None:
        return lambda _: False
    extensions = [each.extension for each in directory.memberships()]
    held = {each.number for each in extensions if each.pbx == pbx.name}
    internal = re.compile("|".join(f"(?:{each})" for each in config.site.internal_expressions))
    return lambda name: name in held or internal.fullmatch(name) is not None


def _span(
    request: Request, ours: tuple[datetime, datetime] | None, theirs: TheirRecord
) -> tuple[datetime, datetime]:
    """From when to when: as asked for, else from where both have begun to where theirs ends."""
    instants = [each.at_us for each in theirs.calls]
    since = request.since
    if since is None:
        # Their clock may show our first call a little earlier.
        begun = [ours[0] - timedelta(microseconds=request.terms.tolerance_us)] if ours else []
        begun += [from_epoch_us(min(instants))] if instants else []
        since = max(begun, default=EPOCH)
    until = request.until
    if until is None:
        last = from_epoch_us(max(instants)) if instants else (ours[1] if ours else since)
        until = max(last, since) + timedelta(microseconds=1)
    if until <= since:
        raise BadRecord("--until must be later than --since")
    return since, until


async def _our_calls(
    reader: Reader,
    request: Request,
    pbx: PbxConfig | None,
    span: tuple[datetime, datetime],
    read_number: Callable[[str], str],
) -> list[OurCall]:
    """Our calls of the span and near it, of the exchange and trunk that the other record is of."""
    found: list[OurCall] = []
    margin = timedelta(microseconds=request.terms.tolerance_us)
    begin, end = span[0] - margin, span[1] + margin
    known = await reader.first_and_last_call()
    if known is None:
        return []
    begin = max(begin, known[0])
    end = min(end, known[1] + timedelta(microseconds=1))
    kept: dict[str, str] = {}
    while begin < end:
        until = min(end, begin + _SLICE)
        wanted = CallFilter(since=begin, until=until, limit=_SLICE_CALLS_MAX)
        for call in await reader.calls(wanted):
            record = call.record
            is_there = pbx is None or record.id.pbx == pbx.name
            if is_there and request.trunk in (None, record.trunk):
                found.append(_ours(call, read_number, kept))
        begin = until
    return found


def _ours(call: RatedCall, read_number: Callable[[str], str], kept: dict[str, str]) -> OurCall:
    """The call as it is compared; equal texts are kept once."""
    record, price = call.record, call.price
    number = read_number(record.dialled) if record.dialled else call.number or ""
    micros = price.micros if price else None
    if call.status in (CallStatus.FREE, CallStatus.DROPPED):
        micros = 0
    answered_at = None if call.status is CallStatus.UNANSWERED else record.answered_at
    return OurCall(
        key=str(record.id),
        number=kept.setdefault(number, number),
        account=kept.setdefault(call.account, call.account),
        trunk=kept.setdefault(record.trunk, record.trunk),
        payer=kept.setdefault(record.payer, record.payer) if record.payer else None,
        at_us=epoch_us(answered_at or record.ended_at),
        talk_us=record.talk_us if answered_at else 0,
        is_answered=answered_at is not None,
        price_micros=micros,
        currency=price.currency if price else "",
        status=call.status.value,
        is_bundled=bool(call.draws),
    )
