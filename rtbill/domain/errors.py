"""What can go wrong, in four branches (docs/style.md section 6)."""

from __future__ import annotations


class RtbillError(Exception):
    """Anything this program raises on purpose."""


class ConfigError(RtbillError):
    """The configuration cannot be used; at start-up only. Holds every problem, not the first."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Refused(RtbillError):
    """A rule said no, and nothing was changed."""


class NoRate(Refused):
    """No prefix of the tariff covers the number: the price is unknown, never zero."""


class UnknownAccount(Refused):
    """There is no such account."""


class Conflict(Refused):
    """The same key was used before with other content, or two facts exclude each other."""


class BadRecord(RtbillError):
    """Input that cannot be read: keep the raw text, quarantine it, go on."""


class PortFailed(RtbillError):
    """The world failed, not a rule."""


class Unavailable(PortFailed):
    """Nothing was done: trying again is safe."""


class Deferred(Unavailable):
    """Nothing was done for this one, which is worth another try after a pause; others may go on."""

    def __init__(self, text: str, pause_s: float) -> None:
        self.pause_s = pause_s
        super().__init__(text)


class OutcomeUnknown(PortFailed):
    """Sent, but no answer came: look it up, never repeat blindly."""
