"""Names that an exchange gives out: Uniqueids, channel numbers, bridges."""

from __future__ import annotations

from uuid import UUID


class Identifiers:
    """Counters that restart with the exchange where Asterisk's do.

    Without ever repeating a Uniqueid.
    """

    def __init__(self) -> None:
        self._uniqueid_sequence = 0
        self._uniqueid_second = 0
        self._channel_sequence = 0
        self._bridge_sequence = 0

    def next_uniqueid(self, second: int) -> str:
        """Unix second and running number, such as 1795356012.1."""
        sequence = self._uniqueid_sequence
        self._uniqueid_sequence += 1
        self._uniqueid_second = max(self._uniqueid_second, second)
        return f"{second}.{sequence}"

    def next_channel(self) -> int:
        """Running number in a channel's name."""
        sequence = self._channel_sequence
        self._channel_sequence += 1
        return sequence

    def next_bridge(self) -> str:
        """A bridge's identity; numbered, so that two runs of one seed give the same bytes."""
        self._bridge_sequence += 1
        return str(UUID(int=0x67371D81_9964_4A2F_AFED_000000000000 + self._bridge_sequence))

    def restart(self, second: int) -> None:
        """Channel names begin at 00000000 again; so do Uniqueids once the second is a new one."""
        self._channel_sequence = 0
        if second > self._uniqueid_second:
            self._uniqueid_sequence = 0

    def dump(self) -> dict[str, int]:
        """What the next run must know."""
        return {"sequence": self._uniqueid_sequence, "second": self._uniqueid_second}

    def load(self, sequence: int, second: int) -> None:
        """Go on where an earlier run ended, even if its clock ran ahead of this one's."""
        self._uniqueid_sequence = sequence
        self._uniqueid_second = second
