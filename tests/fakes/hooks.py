"""A site's rating hook that a test writes as a function."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from rtbill.domain.adjustment import Bounds
from rtbill.domain.money import parse_micros
from rtbill.hook import Adjustment, Call
from rtbill.ports import Clock
from rtbill.pricing.site_hook import Board, Function, LoadedHook, SiteHook

GENEROUS = Bounds(
    percent_ppm=10_000_000,
    per_minute_micros=1_000_000_000_000,
    per_call_micros=1_000_000_000_000,
    price_lists=("night", "nobody", "swiss", "french"),
)


def some_bounds(
    percent: str = "0", per_minute: str = "0", per_call: str = "0", *price_lists: str
) -> Bounds:
    """How much dearer a hook may make a call; amounts as decimal text."""
    return Bounds(
        percent_ppm=parse_micros(percent) // 100,
        per_minute_micros=parse_micros(per_minute),
        per_call_micros=parse_micros(per_call),
        price_lists=price_lists,
    )


def a_loaded_hook(function: Function, bounds: Bounds = GENEROUS, zone: str = "UTC") -> LoadedHook:
    """As if loaded from a file."""
    return LoadedHook(
        name="mysite:adjust",
        function=function,
        digest="0123456789abcdef",
        bounds=bounds,
        zone=ZoneInfo(zone),
        slow_s=0.01,
    )


def a_site_hook(
    function: Function, clock: Clock, board: Board, bounds: Bounds = GENEROUS, zone: str = "UTC"
) -> SiteHook:
    """Ready to be asked."""
    return SiteHook(a_loaded_hook(function, bounds, zone), clock, board)


def half_price(_call: Call) -> Adjustment:
    """A hook that takes off half of everything."""
    return Adjustment(percent=Decimal("-50"), reason="Half price")


class Recorder:
    """A hook that keeps what it was told, and answers what the test wants."""

    def __init__(self, *answers: object) -> None:
        """The answers come one after the other; the last one for ever."""
        self.answers = list(answers) or [None]
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> object:
        """The next answer; an exception is raised."""
        self.calls.append(call)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer
