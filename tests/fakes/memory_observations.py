"""What the store in memory was told would have been done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rtbill.domain.observation import (
    Observation,
    ObservationFilter,
    ObservationKind,
    ObservedTotals,
    PostedObservation,
)
from tests.fakes.memory_filters import looks_at


class ObservationsReader:
    """The part of ports.Reader about it."""

    _observations: dict[str, PostedObservation]

    async def observations(self, wanted: ObservationFilter) -> Sequence[PostedObservation]:
        """What would have been done, newest first."""
        found = [each for each in reversed(self._observations.values()) if looks_at(wanted, each)]
        return sorted(found, key=lambda each: each.observation.at, reverse=True)[: wanted.limit]

    async def observed_totals(self, wanted: ObservationFilter) -> ObservedTotals:
        """The same in figures."""
        found = [each.observation for each in self._observations.values()]
        found = [each for each in found if looks_at(wanted, self._observations[each.key])]
        keys = {kind: [each for each in found if each.kind == kind] for kind in ObservationKind}
        refused = {each.call for each in self._all_of(ObservationKind.REFUSE)}
        beyond: Counter[str] = Counter()
        for each in found:
            if each.currency is not None:
                beyond[each.currency] += each.beyond_micros or 0
        return ObservedTotals(
            locks=len(keys[ObservationKind.LOCK]),
            opens=len(keys[ObservationKind.OPEN]),
            refused=len(keys[ObservationKind.REFUSE]),
            cut=sum(each.call not in refused for each in keys[ObservationKind.CUT]),
            beyond_us=sum(each.beyond_us for each in found),
            beyond_micros=dict(beyond),
        )

    def _all_of(self, kind: ObservationKind) -> list[Observation]:
        everything = [each.observation for each in self._observations.values()]
        return [each for each in everything if each.kind == kind]
