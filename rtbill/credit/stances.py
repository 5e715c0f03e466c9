"""How far rtbill goes for an account at an exchange: pure look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rtbill.domain.account import OPEN_SERVICE, Extension, Service
from rtbill.domain.directory import Directory
from rtbill.domain.stance import Stance, milder

if TYPE_CHECKING:
    from rtbill.config import Config

STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Spared:
    """Extensions of one account at an exchange that does not carry out its lock."""

    pbx: str
    extensions: tuple[str, ...]
    stance: Stance


@dataclass(frozen=True, slots=True)
class Reach:
    """How far what follows from an account's money goes, all its exchanges taken together."""

    enforces: bool = True
    """Somewhere a lock is carried out, or the account holds nothing that could be locked."""
    tells_holder: bool = True
    """Its holder hears of it: nowhere is it merely observed, or somewhere more than that."""
    spared: tuple[Spared, ...] = ()


EVERYWHERE = Reach()


class Stances:
    """The stance of every exchange and account class; what is not named enforces."""

    def __init__(
        self,
        exchanges: Mapping[str, Stance] | None = None,
        classes: Mapping[str, Stance] | None = None,
    ) -> None:
        self._exchanges = dict(exchanges or {})
        self._known: dict[tuple[str, str], Stance] = {}
        self._classes = dict(classes or {})
        self._standard = self._classes.get(STANDARD, Stance.ENFORCE)
        named = (*self._exchanges.values(), *self._classes.values())
        self.all_enforce = all(stance.is_enforcing for stance in named)
        """Nothing is only observed anywhere."""

    def of(self, pbx: str, account_class: str) -> Stance:
        """What holds for accounts of this class at this exchange: the milder of the two. An unknown
        class is taken for `standard`, as policies do.
        """
        known = self._known.get((pbx, account_class))
        if known is None:
            exchange = self._exchanges.get(pbx, Stance.ENFORCE)
            known = milder(exchange, self._classes.get(account_class, self._standard))
            self._known[pbx, account_class] = known
        return known

    def reach(self, account_class: str, extensions: Iterable[Extension]) -> Reach:
        """How far it goes for an account of this class that holds these extensions."""
        numbers: dict[str, list[str]] = {}
        for extension in extensions:
            numbers.setdefault(extension.pbx, []).append(extension.number)
        held = {pbx: self.of(pbx, account_class) for pbx in sorted(numbers)}
        stances = set(held.values()) or {self._classes.get(account_class, self._standard)}
        return Reach(
            enforces=Stance.ENFORCE in stances,
            tells_holder=stances != {Stance.OBSERVE},
            spared=tuple(
                Spared(pbx, tuple(sorted(numbers[pbx])), stance)
                for pbx, stance in held.items()
                if not stance.is_enforcing
            ),
        )


def stances_of(config: Config) -> Stances:
    """As configured, exchange by exchange and class by class."""
    return Stances(
        {pbx.name: pbx.enforcement for pbx in config.pbxs},
        {name: each.enforcement for name, each in config.account_classes.items()},
    )


def left_undone(
    directory: Directory, stances: Stances, pbx: str, at: datetime
) -> dict[str, Service]:
    """What enforcing would take from the exchange's extensions at once, by number: services that
    are wanted for want of money and not carried out.
    """
    undone = {}
    for membership in directory.extensions_held(at, pbx):
        state = directory.state(membership.account)
        if state.service == OPEN_SERVICE:
            continue
        if not stances.of(pbx, state.account.account_class).is_enforcing:
            undone[membership.extension.number] = state.service
    return undone


ENFORCED = Stances()
"""Locks, limits and refusals are carried out everywhere."""
