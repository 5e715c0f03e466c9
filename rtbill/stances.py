"""How far rtbill goes for an account at an exchange: pure look-ups."""

from __future__ import annotations

from collections.abc import Mapping

from rtbill.domain.stance import Stance, milder

STANDARD = "standard"


class Stances:
    """The stance of every exchange and account class; what is not named enforces."""

    def __init__(
        self,
        exchanges: Mapping[str, Stance] | None = None,
        classes: Mapping[str, Stance] | None = None,
    ) -> None:
        self._exchanges = dict(exchanges or {})
        self._classes = dict(classes or {})
        self._standard = self._classes.get(STANDARD, Stance.ENFORCE)
        named = (*self._exchanges.values(), *self._classes.values())
        self.all_enforce = all(stance.is_enforcing for stance in named)
        """Nothing is only observed anywhere."""

    def of(self, pbx: str, account_class: str) -> Stance:
        """What holds for accounts of this class at this exchange: the milder of the two. An unknown
        class is taken for `standard`, as policies do.
        """
        exchange = self._exchanges.get(pbx, Stance.ENFORCE)
        return milder(exchange, self._classes.get(account_class, self._standard))


ENFORCED = Stances()
"""Locks, limits and refusals are carried out everywhere."""
