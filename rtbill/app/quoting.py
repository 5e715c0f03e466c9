"""What a call would cost, by the books as they stand; reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rtbill.app.books import assignment, number_plan
from rtbill.app.holdings import allowances_at
from rtbill.assessment import offer_for
from rtbill.assignment import NOWHERE, Place
from rtbill.config import Config, holiday_calendars
from rtbill.domain.account import Account
from rtbill.domain.errors import Refused, UnknownAccount
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import NumberKind
from rtbill.ports import Reader
from rtbill.rating.bundles import Share
from rtbill.rating.chain import Asked
from rtbill.rating.explain import Explanation, explain
from rtbill.rating.price_book import PriceBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call that was not made."""

    dialled: str
    answered_at: datetime
    talk_us: int
    account: str = ""
    """Whose prices; empty: of an account that says nothing of them, nor does its class."""
    place: Place = NOWHERE
    """Without a trunk the only one there is, where there is one."""
    price_list: str = ""
    """This tariff or plan, whatever the account has."""
    with_bundles: bool = True
    """Those of the account, as they stand."""


@dataclass(frozen=True, slots=True)
class Quote:
    """How the number is read, and what it costs; nothing when it is not charged."""

    called: CalledNumber
    place: Place
    """Exchange and trunk, where they are known."""
    explanation: Explanation | None
    why_no_cost: str = ""
    """Why it is not known what the trunk's carrier takes; empty when it is, or there is none."""


async def quote(config: Config, reader: Reader, question: Question) -> Quote:
    """The price and how it comes about. NoRate when there is none; UnknownAccount; Refused for an
    exchange or trunk that is not configured, or digits that cannot be priced.
    """
    _check_place(config, question.place)
    assigned = assignment(config)
    on_trunk = assigned.numbers.get(question.place)
    called = number_plan(config.site).classify(question.dialled, on_trunk)
    if called.kind is not NumberKind.CHARGEABLE:
        return Quote(called, question.place, None)
    if called.number is None:
        raise Refused(f"{question.dialled!r} cannot be priced: {called.reason}")
    book = PriceBook(
        await reader.tariffs(), holiday_calendars(config.holidays), await reader.price_plans()
    )
    place, at = _place(config, question.place), question.answered_at
    account = await _account(reader, question.account) if question.account else None
    if account is not None and not question.price_list:
        offer = offer_for(book, assigned, account, at, place)
    else:
        name = question.price_list or assigned.price_list_of(place)
        offer = book.offer(name, at, assigned.carrier_list(place))
    asked = Asked(called.number, at, question.account, place.pbx)
    shares: list[Share] = []
    if account is not None and question.with_bundles:
        calendars = holiday_calendars(config.holidays)
        allowances = await allowances_at(reader, account.id, at, calendars)
        shares = allowances.shares(book, account.id, called.number, at)
    found = explain(offer, asked, question.talk_us, shares)
    carrier = assigned.carrier_list(place)
    why = book.why_no_cost(carrier, asked, offer.currency) if carrier else ""
    return Quote(called, place, found, why)


async def _account(reader: Reader, wanted: str) -> Account:
    for state in await reader.accounts():
        if state.account.id == wanted:
            return state.account
    raise UnknownAccount(f"there is no account {wanted}")


def _place(config: Config, place: Place) -> Place:
    """The trunk, also where it is the only one that can be meant."""
    trunks = [Place(pbx.name, trunk.name) for pbx in config.pbxs for trunk in pbx.trunks]
    meant = [each for each in trunks if place.pbx in ("", each.pbx)]
    return meant[0] if not place.trunk and len(meant) == 1 else place


def _check_place(config: Config, place: Place) -> None:
    if not place.pbx and not place.trunk:
        return
    known = {pbx.name: [trunk.name for trunk in pbx.trunks] for pbx in config.pbxs}
    if place.pbx not in known:
        raise Refused(f"there is no exchange {place.pbx!r}; known are {', '.join(known)}")
    if place.trunk and place.trunk not in known[place.pbx]:
        trunks = ", ".join(known[place.pbx])
        raise Refused(f"{place.pbx} has no trunk {place.trunk!r}; known are {trunks}")
