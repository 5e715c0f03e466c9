"""What calls that were made would cost by another list of rates, by destination."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rtbill.domain.errors import NoRate
from rtbill.domain.rated import RatedCall
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import price


@dataclass(slots=True)
class DestinationTraffic:
    """The calls to one destination, as the former list calls it."""

    destination: str
    calls: int = 0
    talk_us: int = 0
    before_micros: int = 0
    after_micros: int = 0
    without_rate: int = 0
    """Calls that the other list has no rate for; they are in no sum."""

    @property
    def difference_micros(self) -> int:
        """By how much the calls become dearer."""
        return self.after_micros - self.before_micros


@dataclass(slots=True)
class Traffic:
    """Sums of calls, each priced by both lists as if no price plan stood over them."""

    old: RateTable
    new: RateTable
    tariff: str
    """Calls that were rated by others do not count."""
    destinations: dict[str, DestinationTraffic] = field(default_factory=dict)
    calls: int = 0

    def add(self, calls: Iterable[RatedCall]) -> None:
        """Count the calls that were rated by the tariff."""
        for call in calls:
            if call.price is not None and call.price.tariff == self.tariff and call.number:
                self._add(call, call.number)

    def total(self) -> DestinationTraffic:
        """All calls together."""
        found = DestinationTraffic("")
        for each in self.destinations.values():
            found.calls += each.calls
            found.talk_us += each.talk_us
            found.before_micros += each.before_micros
            found.after_micros += each.after_micros
            found.without_rate += each.without_rate
        return found

    def by_difference(self) -> list[DestinationTraffic]:
        """Those first whose sums change most, up or down."""
        return sorted(
            self.destinations.values(),
            key=lambda each: (-abs(each.difference_micros), -each.without_rate, each.destination),
        )

    def _add(self, call: RatedCall, number: str) -> None:
        record = call.record
        if record.answered_at is None:
            return
        try:
            before = price(self.old, number, record.answered_at, record.talk_us)
        except NoRate:  # an earlier version had one
            return
        self.calls += 1
        found = self.destinations.get(before.destination)
        if found is None:
            found = DestinationTraffic(before.destination)
            self.destinations[before.destination] = found
        try:
            after = price(self.new, number, record.answered_at, record.talk_us)
        except NoRate:
            found.without_rate += 1
            return
        found.calls += 1
        found.talk_us += record.talk_us
        found.before_micros += before.micros
        found.after_micros += after.micros
