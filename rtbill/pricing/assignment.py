"""Which tariff or price plan a call is priced by, and which list its carrier bills us by.

The first that says something, from the closest to the farthest: the account, its class, the trunk,
the exchange, the site.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rtbill.domain.account import Account
from rtbill.domain.trunk_numbers import TrunkNumbers


class Place(NamedTuple):
    """Where a call leaves: its exchange and trunk group; empty where that is not known yet."""

    pbx: str = ""
    trunk: str = ""


NOWHERE = Place()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Names of tariffs and plans."""

    default: str
    by_class: Mapping[str, str] = field(default_factory=dict)
    """By account class."""
    by_pbx: Mapping[str, str] = field(default_factory=dict)
    by_trunk: Mapping[Place, str] = field(default_factory=dict)
    carriers: Mapping[Place, str] = field(default_factory=dict)
    """The carrier's own list, by trunk."""
    numbers: Mapping[Place, TrunkNumbers] = field(default_factory=dict)
    """How numbers stand on the trunks that have rules of their own."""
    trunks: tuple[Place, ...] = ()
    """All there are."""

    def price_list(self, account: Account, place: Place) -> str:
        """What the account's calls from there are priced by."""
        return (
            account.tariff
            or self.by_class.get(account.account_class, "")
            or self.price_list_of(place)
        )

    def price_list_of(self, place: Place) -> str:
        """What calls from there are priced by, of an account that says nothing itself."""
        return self.by_trunk.get(place, "") or self.by_pbx.get(place.pbx, "") or self.default

    def carrier_list(self, place: Place) -> str:
        """What the trunk's carrier bills by; empty when nobody said."""
        return self.carriers.get(place, "")

    def places(self, place: Place) -> tuple[Place, ...]:
        """The trunks by which a call may leave that has none yet; the place itself once the trunk
        is known, or when no trunk of the exchange is.
        """
        if place.trunk:
            return (place,)
        return tuple(each for each in self.trunks if each.pbx == place.pbx) or (place,)
