"""By which price list a call is priced, and what the site's hook changes about that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from itertools import product

from rtbill.domain.account import Account
from rtbill.domain.adjustment import Adjustment, Bounds
from rtbill.domain.errors import NoRate
from rtbill.pricing.assignment import Assignment, Place
from rtbill.pricing.site_hook import Caller, SiteHook
from rtbill.rating.adjusted import AdjustedOffer
from rtbill.rating.chain import Asked
from rtbill.rating.offer import Offer
from rtbill.rating.price_book import PriceBook
from rtbill.rating.worst import NO_HOOK


class Offers:
    """The tariffs and plans as they now stand, who is priced by which, and the hook."""

    def __init__(self, book: PriceBook, assignment: Assignment, hook: SiteHook | None) -> None:
        self.book = book
        self.assignment = assignment
        self.hook = hook

    @property
    def hook_bounds(self) -> Bounds:
        """How much dearer the site's hook may make a call."""
        return NO_HOOK if self.hook is None else self.hook.bounds

    @property
    def hook_edition(self) -> str:
        """Another text when the site's hook is another one; empty when there is none."""
        return "" if self.hook is None else self.hook.edition

    def offer(self, account: Account, at: datetime, place: Place, name: str = "") -> Offer:
        """What the account's calls from there are priced by, the list of this name where it is
        given; NoRate when there is nothing in its currency.
        """
        return offer_for(self.book, self.assignment, account, at, place, name)

    def adjusted(
        self, account: Account, at: datetime, place: Place, adjustment: Adjustment | None
    ) -> Offer:
        """The same with what the hook changed about the call."""
        if adjustment is None:
            return self.offer(account, at, place)
        return AdjustedOffer(self.offer(account, at, place, adjustment.price_list), adjustment)

    def adjustment(
        self, account: Account, asked: Asked, place: Place, caller: Caller
    ) -> Adjustment | None:
        """What the hook changes about the price of the call; None when nothing, or when there is no
        hook.
        """
        if self.hook is None:
            return None
        at = asked.answered_at
        return self.hook.ask(
            asked,
            caller,
            trunk=place.trunk,
            account_class=account.account_class,
            price_list=self.assignment.price_list(account, place),
            check_list=lambda name: self.offer(account, at, place, name).base(asked, 0),
        )

    def possible(self, account: Account, at: datetime, place: Place) -> list[Offer]:
        """All that a call may be priced by while its trunk is not known, a hook's lists too,
        without those trunks for which there is nothing; NoRate when that is all of them.
        """
        names = ("", *self.hook_bounds.price_lists)
        return _there_are(
            partial(self.offer, account, at, each, name)
            for each, name in product(self.assignment.places(place), names)
        )

    def covering(self, account: Account, asked: Asked, place: Place, caller: Caller) -> list[Offer]:
        """What the call may be priced by as far as that has a rate for it, with what the hook says
        about each trunk that it may take; NoRate when there is none.
        """
        places = self.assignment.places(place)
        if len(places) == 1:
            return [_rated(self._of_call(account, asked, places[0], caller), asked)]
        offers = _there_are(partial(self._of_call, account, asked, each, caller) for each in places)
        return _there_are(partial(_rated, offer, asked) for offer in offers)

    def _of_call(self, account: Account, asked: Asked, place: Place, caller: Caller) -> Offer:
        adjustment = self.adjustment(account, asked, place, caller)
        return self.adjusted(account, asked.answered_at, place, adjustment)


def offer_for(  # noqa: PLR0913 - the facts of one call
    book: PriceBook,
    assignment: Assignment,
    account: Account,
    at: datetime,
    place: Place,
    name: str = "",
) -> Offer:
    """What the account's calls from there are priced by, the list of this name where it is given;
    NoRate when there is nothing in its currency.
    """
    name = name or assignment.price_list(account, place)
    offer = book.offer(name, at, assignment.carrier_list(place))
    if offer.currency != account.currency:
        raise NoRate(
            f"tariff {name} is in {offer.currency}, account {account.id} in "
            f"{account.currency}; give the account a tariff in its currency"
        )
    return offer


def _rated(offer: Offer, asked: Asked) -> Offer:
    offer.check(asked)
    return offer


def _there_are(makes: Iterable[Callable[[], Offer]]) -> list[Offer]:
    """Those that can be made, each once; the first NoRate when none can."""
    found: dict[tuple[int, ...], Offer] = {}
    why: NoRate | None = None
    for make in makes:
        try:
            offer = make()
        except NoRate as missing:
            why = why or missing
        else:
            found.setdefault(offer.terms, offer)
    if why is not None and not found:
        raise why
    return list(found.values())
