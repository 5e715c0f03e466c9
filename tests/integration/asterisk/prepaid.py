"""A biller with prepaid accounts beside a real exchange.

What a call costs is worked out here by hand, and how long it talked is what Asterisk itself said:
neither comes from the program that is tested.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtbill.clock import SystemClock
from rtbill.serving.control_client import ControlClient
from tests.integration.asterisk.generated import Generated
from tests.integration.asterisk.proxy import Cable
from tests.integration.asterisk.sip_call import State
from tests.integration.biller.process import Biller
from tests.integration.loopback_ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab
    from tests.integration.asterisk.sip_call import Call

GUARD_S = 0.5
EARLY_S = 0.2
"""What a cut may come early: the exchange's clock is known but by what is heard of it."""
CREDIT = """
[credit]
slice_min_s = 5
slice_max_s = 10
call_min_s = 3
ring_max_s = 30
warn_s = [3]
"""
WAIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A price by hand; money in millionths."""

    prefix: str
    fee: int
    per_minute: int
    first_s: int
    next_s: int

    def price(self, talk_s: float) -> int:
        """Of a call that was answered and talked so long."""
        further = max(0, math.ceil((talk_s - self.first_s) / self.next_s))
        billed_s = self.first_s + further * self.next_s
        return self.fee + math.ceil(self.per_minute * billed_s / 60)

    def affordable_s(self, micros: int) -> int:
        """The last whole second that so much money pays; 0 when it does not pay an answer."""
        seconds = 0
        while self.price(seconds + 1) <= micros:
            seconds += 1
        return seconds

    def row(self) -> str:
        """Of a tariff file."""
        fee, per_minute = self.fee / 1e6, self.per_minute / 1e6
        name = f"Country {self.prefix}"
        return f"{self.prefix},{name},{fee:.3f},{per_minute:.4f},{self.first_s},{self.next_s}"


GERMANY = Rate("49", 20_000, 600_000, 1, 1)
"""A second is a cent."""
SWITZERLAND = Rate("41", 0, 1_200_000, 3, 2)
AUSTRIA = Rate("43", 50_000, 2_400_000, 2, 1)
FRANCE = Rate("33", 15_000, 300_000, 6, 3)
RATES = (GERMANY, SWITZERLAND, AUSTRIA, FRANCE)
TARIFF = "\n".join(
    ["prefix,destination,connect_fee,price_per_minute,first_increment,next_increment"]
    + [rate.row() for rate in RATES]
)


@dataclass(frozen=True, slots=True)
class Booked:
    """A call in the books."""

    account: str
    status: str
    talk_s: float
    price_micros: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """An open hold as the database shows it."""

    micros: int
    granted_s: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Prepaid:
    """A real exchange, and the biller beside it, joined by a cable."""

    lab: Lab
    biller: Biller
    cable: Cable

    async def call_out(self, extension: str, number: str) -> Call:
        """An answered call in conversation; the number is German, without its country code."""
        call = await self.lab.phones.call(extension, f"90049{number}").wait(State.UP)
        await self.lab.talking((await self.lab.trunk_leg(f"0049{number}"))["DestChannel"])
        return call

    async def leg(self, number: str) -> str:
        """The unique id of the trunk leg of such a call."""
        return (await self.lab.trunk_leg(f"0049{number}"))["DestUniqueid"]

    async def talked_until(self, number: str, talk_s: float) -> None:
        """Wait until such a call has talked so long, by Asterisk's clock, which is ours."""
        leg = await self.leg(number)
        up = await self.lab.ami.event(
            "Newstate", lambda each: each["Uniqueid"] == leg and each["ChannelState"] == "6"
        )
        left_s = float(up["Timestamp"]) + talk_s - SystemClock().now().timestamp()
        assert left_s > 0, "a busy machine: that moment has passed"
        await asyncio.sleep(left_s)

    async def talk_s(self, number: str) -> float:
        """How long such a call talked, once it is over."""
        leg = await self.leg(number)
        await self.lab.hangup_of(leg)
        return talks(self.lab)[leg]

    async def credit(self, extension: str, amount: str) -> None:
        """Top up in a moment: the command line would take a second to start."""
        client = ControlClient(self.biller.folder / "rtbill.sock")
        order = {"account": f"room-{extension}", "amount": amount, "key": f"paid {amount}"}
        await asyncio.to_thread(client.order, "credit", order)

    async def booked(self, number: str) -> Booked:
        """The one row of such a call, as soon as it is in the books."""

        def rows() -> list[tuple[object, ...]]:
            return self.biller.query(
                "SELECT account, status, coalesce(ended_at - answered_at, 0) / 1e6, price_micros"
                " FROM call WHERE number = ?",
                f"+49{number}",
            )

        await until(lambda: bool(rows()), f"no row of {number}")
        (row,) = rows()
        return Booked(*row)  # type: ignore[arg-type]  # typed by the schema

    def balance(self, extension: str) -> int:
        """What the books say is left, in millionths."""
        ((micros,),) = self.biller.query(
            "SELECT micros FROM balance WHERE account = ?", f"room-{extension}"
        )
        assert isinstance(micros, int)
        return micros

    def holds(self, extension: str) -> list[Held]:
        """What is set aside for the calls of an extension."""
        rows = self.biller.query(
            "SELECT micros, granted_s, is_final FROM open_hold WHERE account = ?",
            f"room-{extension}",
        )
        return [Held(*row) for row in rows]  # type: ignore[arg-type]  # typed by the schema

    async def is_held(self, extension: str) -> Held:
        """What is set aside for the extension's only call, once anything is."""
        await until(lambda: bool(self.holds(extension)), "nothing is held")
        (held,) = self.holds(extension)
        return held

    async def nothing_is_held(self) -> None:
        """Wait until no hold of anybody is open."""
        await until(lambda: not self.biller.query("SELECT * FROM open_hold"), "still held")


async def until(true: Callable[[], bool], otherwise: str, timeout_s: float = WAIT_S) -> None:
    """Wait for what only looking at it again and again can tell."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(0.05)


def talks(lab: Lab) -> dict[str, float]:
    """Seconds from answer to end, by Asterisk's own clock, of every channel that has ended."""
    answered = {
        event["Uniqueid"]: float(event["Timestamp"])
        for event in lab.ami.seen("Newstate", lambda event: event["ChannelState"] == "6")
    }
    return {
        event["Uniqueid"]: float(event["Timestamp"]) - answered[event["Uniqueid"]]
        for event in lab.ami.seen("Hangup", lambda event: event["Uniqueid"] in answered)
    }


@asynccontextmanager
async def beside(
    lab: Lab,
    folder: Path,
    prepared: Path,
    *,
    inline: bool,
    guard_s: float = GUARD_S,
    is_direct: bool = False,
) -> AsyncIterator[Prepaid]:
    """The biller signed in and ready, with a copy of a database that was made before; `is_direct`
    leads past the cable, which takes time of its own when much is said.
    """
    inline_port = free_port() if inline else 0
    if inline:
        await lab.regenerate(Generated(inline_port=inline_port))
    async with Cable(lab.server.ports.ami) as cable:
        biller = Biller(
            folder,
            lab.server.ports.ami if is_direct else cable.port,
            secret=lab.server.secret,
            guard_s=guard_s,
            inline_port=inline_port,
            more=CREDIT,
        )
        biller.take_over(prepared)
        biller.start()
        try:
            await biller.ready()
            yield Prepaid(lab, biller, cable)
        finally:
            biller.end()
