"""Builders that show only what matters to a test, and events as lines of text.

    12:00:00 start 1
    12:00:05 answer 1
    12:01:05.250 end 1 cause=16
    12:02:00 lost
    12:05:00 back; live 2 answered=12:01:00; done 3 answered=12:00:00 ended=12:03:00; gone 4 ...
    12:06:00 snapshot; live 2 answered=12:01:00

A leg is `payer=1001` and `to=0041315550100` unless it says otherwise; `-` is none. It may say
`origin=4711/branch`. `back` and
`snapshot` may say `no-outbox`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from rtbill.domain.account import (
    HOUSE,
    SUSPENSE,
    Account,
    AccountKind,
    AccountState,
    Extension,
    Membership,
    Service,
)
from rtbill.domain.call import CallId, CallRecord, CutBy
from rtbill.domain.directory import Directory
from rtbill.domain.events import (
    CallAnswered,
    CallEnded,
    CallStarted,
    FinishedLeg,
    LinkLost,
    LinkRestored,
    LiveLeg,
    PbxEvent,
    Snapshot,
)
from rtbill.domain.money import decimal_text, parse_micros
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.origin import Origin, read_origin
from rtbill.domain.payer_key import Binding, KeyKind, PayerKey, WrongCode
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Rate, Tariff, Terms
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment
from rtbill.pricing.site_hook import SiteHook
from rtbill.rating.price_book import PriceBook

PBX = "hotel"
SWITZERLAND = "0041315550100"
YEAR_2026 = datetime(2026, 1, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    """`12:00:05.25` on the day of all tests, or `2026-10-01` or `2026-10-01T12:00`, in UTC."""
    if "-" not in text:
        hour, minute, second = text.split(":")
        text = f"2026-10-05T{hour}:{minute}:{float(second):09.6f}"
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def leg(number: str, pbx: str = PBX) -> CallId:
    """The key of a leg."""
    return CallId(pbx, number)


# ---------------------------------------------------------------------- money


def an_account(
    account: str = "room-1",
    kind: AccountKind = AccountKind.PREPAID,
    *,
    limit: str = "0",
    account_class: str = "standard",
    currency: str = "EUR",
    tariff: str = "",
) -> Account:
    """An account that uses the site's tariff."""
    return Account(
        id=account,
        name=account.title(),
        kind=kind,
        currency=currency,
        credit_limit_micros=parse_micros(limit),
        account_class=account_class,
        tariff=tariff,
    )


def a_state(
    balance: str = "10.00", account: Account | None = None, service: Service | None = None
) -> AccountState:
    """An account with money on it."""
    return AccountState(account or an_account(), parse_micros(balance), 7, service or Service())


def a_membership(
    account: str = "room-1",
    number: str = "1001",
    since: str = "2026-01-01",
    until: str = "",
    person: str | None = None,
) -> Membership:
    """The account holds the extension."""
    return Membership(
        account=account,
        extension=Extension(PBX, number),
        valid_from=at(since),
        valid_until=at(until) if until else None,
        person=person,
    )


def a_rate(
    increments: str = "60/1", per_minute: str = "0.60", connect: str = "0", prefix: str = "41"
) -> Rate:
    """A cent a second, a minute at least."""
    first, following = map(int, increments.split("/"))
    return Rate(
        prefix=prefix,
        destination=f"Destination {prefix}",
        terms=Terms.per_minute(parse_micros(per_minute), first, following, parse_micros(connect)),
    )


def a_tariff(*rates: Rate, name: str = "retail", currency: str = "EUR") -> Tariff:
    """A tariff in force all year."""
    return Tariff(
        name=name,
        version=1,
        currency=currency,
        zone="UTC",
        valid_from=YEAR_2026,
        rates=rates or (a_rate(),),
    )


def a_binding(
    account: str = "room-1",
    kind: KeyKind = KeyKind.CODE,
    value: str = "4711",
    since: str = "2026-01-01",
    until: str = "",
    person: str | None = None,
) -> Binding:
    """The key stands for the account."""
    return Binding(
        account=account,
        key=PayerKey(kind, value, PBX if kind is KeyKind.TRUNK else ""),
        valid_from=at(since),
        valid_until=at(until) if until else None,
        person=person,
    )


def a_directory(
    states: Iterable[AccountState] = (),
    memberships: Iterable[Membership] = (),
    bindings: Iterable[Binding] = (),
) -> Directory:
    """These accounts beside the site's own."""
    postpaid = AccountKind.POSTPAID
    own = [a_state("0", an_account(name, postpaid)) for name in (HOUSE, SUSPENSE)]
    return Directory([*own, *states], memberships, bindings)


def an_assessor(
    directory: Directory,
    *tariffs: Tariff,
    plans: Iterable[PricePlan] = (),
    assignment: Assignment | None = None,
    wrong_code: WrongCode = WrongCode.DENY,
    hook: SiteHook | None = None,
) -> Assessor:
    """A site in Germany whose tariff is called retail."""
    book = PriceBook(tariffs or (a_tariff(),), plans=plans)
    assigned = assignment or Assignment(default="retail")
    return Assessor(directory, NumberPlan(), book, assigned, wrong_code=wrong_code, hook=hook)


# ---------------------------------------------------------------------- events


class _Words(NamedTuple):
    """One leg of a line: its number and what is said about it."""

    id: CallId
    told: dict[str, str]

    @property
    def payer(self) -> str | None:
        return _or_none(self.told.get("payer", "1001"))

    @property
    def dialled(self) -> str | None:
        return _or_none(self.told.get("to", SWITZERLAND))

    @property
    def origin(self) -> Origin:
        return read_origin(self.told.get("origin"))

    def instant(self, name: str) -> datetime | None:
        return at(self.told[name]) if name in self.told else None

    def sure(self, name: str) -> datetime:
        return at(self.told[name])


def events(text: str, pbx: str = PBX) -> list[PbxEvent]:
    """The events of a table, one a line."""
    return [_event(line.strip(), pbx) for line in text.splitlines() if line.strip()]


def one_event(line: str, pbx: str = PBX) -> PbxEvent:
    """The event of one line."""
    return _event(line, pbx)


def _event(line: str, pbx: str) -> PbxEvent:
    head, *parts = [part.strip() for part in line.split(";")]
    when, verb, *rest = head.split()
    instant = at(when)
    match verb:
        case "lost":
            return LinkLost(pbx, instant, "connection reset")
        case "back":
            return LinkRestored(pbx, instant, _snapshot(pbx, instant, rest, parts), None)
        case "snapshot":
            return _snapshot(pbx, instant, rest, parts)
        case _:
            return _leg_event(verb, instant, _words(rest, pbx))


def _leg_event(verb: str, instant: datetime, words: _Words) -> PbxEvent:
    trunk = words.told.get("trunk", "carrier")
    match verb:
        case "start":
            told = words.id, instant, words.payer, words.dialled, trunk
            return CallStarted(
                *told, words.told.get("let_out_by"), words.origin, words.told.get("asked_by", "")
            )
        case "answer":
            leg_facts = words.id, instant, words.payer, words.dialled, trunk
            return CallAnswered(*leg_facts, words.origin)
        case "end":
            cut = words.told.get("cut")
            cause = int(words.told["cause"]) if "cause" in words.told else None
            answered_at = words.instant("answered")
            cut_by = CutBy(cut) if cut else None
            end = partial(CallEnded, words.id, instant, cause, cut_by)
            return end(words.payer, words.dialled, trunk, answered_at, words.origin)
        case _:
            raise AssertionError(f"no such event: {verb}")


def _snapshot(pbx: str, instant: datetime, flags: list[str], parts: list[str]) -> Snapshot:
    live: list[LiveLeg] = []
    gone: list[LiveLeg] = []
    done: list[FinishedLeg] = []
    for part in parts:
        verb, *rest = part.split()
        words = _words(rest, pbx)
        who = (words.id, words.payer, words.dialled, words.told.get("trunk", "carrier"))
        match verb:
            case "live":
                asked_by = words.told.get("asked_by", "")
                answered = words.instant("answered")
                live.append(LiveLeg(*who, answered, words.origin, asked_by=asked_by))
            case "gone":
                gone.append(LiveLeg(*who, words.sure("answered"), words.origin))
            case "done":
                ends = words.sure("answered"), words.sure("ended")
                done.append(FinishedLeg(*who, *ends, words.origin))
            case _:
                raise AssertionError(f"no such part: {part}")
    has_outbox = "no-outbox" not in flags
    return Snapshot(pbx, instant, tuple(live), tuple(done), tuple(gone), has_outbox)


def _words(rest: list[str], pbx: str) -> _Words:
    number, *told = rest
    return _Words(leg(number, pbx), dict(each.split("=") for each in told))


def _or_none(text: str) -> str | None:
    return None if text == "-" else text


def told(records: Iterable[CallRecord | LiveLeg]) -> list[str]:
    """What came of events, a line each: `1 ended 60.25s 1001 events`, `1 talks since 12:00:05`."""
    return [_told(each) for each in records]


def _told(each: CallRecord | LiveLeg) -> str:
    if isinstance(each, LiveLeg):
        return f"{each.id.leg} talks since {each.answered_at:%T}"
    talk = decimal_text(each.talk_us)
    line = f"{each.id.leg} {each.outcome} {talk}s {each.payer or '-'} {each.source}"
    return f"{line} {each.cut_by}" if each.cut_by else line
