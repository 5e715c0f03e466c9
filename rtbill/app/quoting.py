"""What a call would cost, by the books as they stand; reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rtbill.app.books import assignment, number_plan
from rtbill.app.holdings import allowances_at
from rtbill.app.hook_file import Complaints, site_hook
from rtbill.clock import SystemClock
from rtbill.config import Config, holiday_calendars
from rtbill.domain.account import Account, Extension
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Refused, UnknownAccount
from rtbill.domain.numbering import CalledNumber
from rtbill.domain.rated import NumberKind
from rtbill.ports import Reader
from rtbill.pricing.assignment import NOWHERE, Assignment, Place
from rtbill.pricing.offers import offer_for
from rtbill.pricing.site_hook import Caller, SiteHook
from rtbill.rating.bundles import Share
from rtbill.rating.chain import Asked
from rtbill.rating.explain import Explanation, explain
from rtbill.rating.offer import Offer
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
    extension: str = ""
    """That dials, for the site's hook."""
    with_bundles: bool = True
    """Those of the account, as they stand."""
    asks_hook: bool = True


@dataclass(frozen=True, slots=True)
class Quote:
    """How the number is read, and what it costs; nothing when it is not charged."""

    called: CalledNumber
    place: Place
    """Exchange and trunk, where they are known."""
    explanation: Explanation | None
    why_no_cost: str = ""
    """Why it is not known what the trunk's carrier takes; empty when it is, or there is none."""
    hook_failures: tuple[str, ...] = ()
    """What went wrong with the site's hook, without which the price then is."""


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
    calendars = holiday_calendars(config.holidays)
    book = PriceBook(await reader.tariffs(), calendars, await reader.price_plans())
    place = _place(config, question.place)
    account = await _account(reader, question.account) if question.account else None
    asking = _Asking(question, book, assigned, account, place, called.number)
    complaints = Complaints()
    adjustment = None
    if question.asks_hook:
        hook = site_hook(config, SystemClock(), complaints)
        person = await _person(reader, question, place) if hook else ""
        adjustment = asking.adjustment(hook, person) if hook else None
    offer = asking.offer(adjustment.price_list if adjustment else "")
    shares: Sequence[Share] = ()
    if account is not None and question.with_bundles:
        allowances = await allowances_at(reader, account.id, question.answered_at, calendars)
        shares = allowances.shares(book, account.id, called.number, question.answered_at)
    found = explain(offer, asking.asked, question.talk_us, shares, adjustment)
    carrier = assigned.carrier_list(place)
    why = book.why_no_cost(carrier, asking.asked, offer.currency) if carrier else ""
    return Quote(called, place, found, why, tuple(complaints.texts))


class _Asking:
    """A question, and whose prices it is about."""

    def __init__(  # noqa: PLR0913 - the facts of one question
        self,
        question: Question,
        book: PriceBook,
        assigned: Assignment,
        account: Account | None,
        place: Place,
        number: str,
    ) -> None:
        self._question, self._book, self._assigned = question, book, assigned
        self._account, self._place = account, place
        self.asked = Asked(number, question.answered_at, question.account, place.pbx)

    def offer(self, name: str = "") -> Offer:
        """By the list of this name, else by that of the question; NoRate when there is none."""
        at, name = self._question.answered_at, name or self._question.price_list
        # A list that the question names may be in any currency; one that a hook names may not.
        is_named = bool(name) and name == self._question.price_list
        if self._account is not None and not is_named:
            return offer_for(self._book, self._assigned, self._account, at, self._place, name)
        name = name or self._assigned.price_list_of(self._place)
        return self._book.offer(name, at, self._assigned.carrier_list(self._place))

    def adjustment(self, hook: SiteHook, person: str) -> Adjustment | None:
        """What the site's hook changes."""
        question, account, place = self._question, self._account, self._place
        if question.price_list or account is None:
            price_list = question.price_list or self._assigned.price_list_of(place)
        else:
            price_list = self._assigned.price_list(account, place)
        return hook.ask(
            self.asked,
            Caller(question.extension, question.dialled, person),
            trunk=place.trunk,
            account_class=account.account_class if account else "",
            price_list=price_list,
            check_list=lambda name: self.offer(name).base(self.asked, 0),
        )


async def _person(reader: Reader, question: Question, place: Place) -> str:
    """Who holds the extension; empty where nobody is named."""
    if not question.extension:
        return ""
    directory = Directory((), await reader.memberships())
    held = directory.holder(Extension(place.pbx, question.extension), question.answered_at)
    return held.person or "" if held else ""


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
