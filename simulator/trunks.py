"""Trunks of several technologies: how each names its channels and what Dial() is given."""

from __future__ import annotations

from dataclasses import dataclass

TECHNOLOGIES = ("PJSIP", "SIP", "IAX2", "DAHDI", "Local")


@dataclass(frozen=True, slots=True)
class Trunk:
    """The lines by which calls leave and enter the building."""

    name: str = "carrier"
    technology: str = "PJSIP"

    def __post_init__(self) -> None:
        if self.technology not in TECHNOLOGIES:
            known = ", ".join(TECHNOLOGIES)
            raise ValueError(f"technology {self.technology!r} is not one of {known}")

    def channel_name(self, number: str, sequence: int) -> str:
        """As Asterisk names a leg of this trunk; `sequence` restarts at 0 with the exchange."""
        match self.technology:
            case "IAX2":
                return f"IAX2/{self.name}-{sequence + 1}"
            case "DAHDI":
                return f"DAHDI/{self.name}/{number}-{sequence:x}"
            case "Local":
                return f"Local/{number}@{self.name}-{sequence:08x};1"
            case _:
                return f"{self.technology}/{self.name}-{sequence:08x}"

    def dial_string(self, number: str) -> str:
        """What stands behind the technology in Dial(), and in DialBegin."""
        if self.technology in ("PJSIP", "Local"):
            return f"{number}@{self.name}"
        return f"{self.name}/{number}"

    @property
    def device(self) -> str:
        """As DeviceStateChange calls it."""
        return f"{self.technology}/{self.name}"
