"""The service as a process beside a real Asterisk: priced, debited, locked, cut, recovered."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.lab import TRUNK
from tests.integration.asterisk.proxy import Cable
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding, rejecting, ringing
from tests.integration.biller.process import Biller, Room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.integration.asterisk.lab import Lab
    from tests.integration.asterisk.sip_call import Call

POOR = "1005"
"""Its 0.02 buy the fee of 0.015 and five seconds at 0.001."""
ROOMS = [Room(str(1001 + n), "10.00") for n in range(9) if str(1001 + n) != POOR]
GUARD_S = 0.5
CREDIT = """
[credit]
call_min_s = 3
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A call in the books."""

    leg: str
    payer: str | None
    number: str
    status: str
    talk_s: float
    price_micros: int | None
    source: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Site:
    """A real exchange and the biller beside it, joined by a cable."""

    lab: Lab
    biller: Biller
    cable: Cable

    def rows(self) -> list[Row]:
        found = self.biller.query(
            "SELECT key, payer, number, status, coalesce(ended_at - answered_at, 0) / 1e6,"
            " price_micros, source, outcome FROM call ORDER BY id"
        )
        return [Row(*row) for row in found]  # type: ignore[arg-type]  # typed by the schema

    async def row(self, number: str) -> Row:
        """The one row of this number, as soon as it is in the books."""
        await until(lambda: any(row.number == number for row in self.rows()), f"no {number}")
        (row,) = [row for row in self.rows() if row.number == number]
        return row

    def balance(self, extension: str) -> int:
        ((micros,),) = self.biller.query(
            "SELECT micros FROM balance WHERE account = ?", f"room-{extension}"
        )
        assert isinstance(micros, int)
        return micros

    async def call_out(self, extension: str, number: str) -> Call:
        call = await self.lab.phones.call(extension, f"9{number}").wait(State.UP)
        await self.lab.talking((await self.lab.trunk_leg(number))["DestChannel"])
        return call

    async def is_locked(self, extension: str) -> None:
        await until_true(lambda: self.lab.ami.get("rtbill/lock", extension), "not locked")

    async def is_diverted(self, extension: str) -> None:
        await until_true(lambda: self.lab.ami.get("rtbill/divert", extension), "not diverted")


async def until(true: Callable[[], bool], otherwise: str, timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(0.05)


async def until_true(
    ask: Callable[[], Awaitable[object]], otherwise: str, timeout_s: float = 10.0
) -> None:
    end = time.monotonic() + timeout_s
    while not await ask():
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with rooms and tariff, made once."""
    biller = Biller(tmp_path_factory.mktemp("prepared"), 1)
    biller.prepare([*ROOMS, Room(POOR, "0.02")])
    return biller.database


@pytest.fixture
async def site(lab: Lab, prepared: Path, tmp_path: Path) -> AsyncIterator[Site]:
    """The biller signed in and ready."""
    async with Cable(lab.server.ports.ami) as cable:
        secret = lab.server.secret
        biller = Biller(tmp_path, cable.port, secret=secret, guard_s=GUARD_S, more=CREDIT)
        biller.take_over(prepared)
        biller.start()
        try:
            await biller.ready()
            yield Site(lab, biller, cable)
        finally:
            biller.end()


def price_of(talk_s: float) -> int:
    """By hand: Germany 0.015 and 0.001 for each second begun."""
    return 15_000 + 1_000 * max(1, -int(-talk_s // 1))


# ---- a call is priced and debited


async def test_answered_call_costs_its_talk_time_and_the_balance_pays(site: Site) -> None:
    call = await site.call_out("1001", "555100")
    await asyncio.sleep(1.2)
    call.hang_up()
    row = await site.row("+4930555100")
    leg = await site.lab.trunk_leg("555100")
    assert (row.leg, row.payer, row.status) == (f"hall/{leg['DestUniqueid']}", "1001", "rated")
    assert 1.0 < row.talk_s < 2.0
    assert row.price_micros == price_of(row.talk_s)
    assert site.balance("1001") == 10_000_000 - price_of(row.talk_s)


async def test_acknowledged_call_leaves_the_exchanges_outbox(site: Site) -> None:
    (await site.call_out("1001", "555101")).hang_up()
    await site.row("+4930555101")

    async def is_empty() -> bool:
        return not await site.lab.rows("rtbill/done") and not await site.lab.rows("rtbill/live")

    await until_true(is_empty, "the outbox still holds the call")


async def test_unanswered_and_busy_calls_cost_nothing(site: Site) -> None:
    site.lab.carrier.policies["*"] = ringing()
    call = await site.lab.phones.call("1001", "9555102").wait(State.RINGING)
    call.cancel()
    site.lab.carrier.policies["*"] = rejecting(486)
    await site.lab.phones.call("1001", "9555103").ended()
    for number in ("+4930555102", "+4930555103"):
        row = await site.row(number)
        assert (row.status, row.talk_s, row.price_micros) == ("unanswered", 0.0, None)
    assert site.balance("1001") == 10_000_000


async def test_two_calls_of_one_extension_are_both_billed(site: Site) -> None:
    first = await site.call_out("1001", "555104")
    second = await site.call_out("1001", "555105")
    first.hang_up()
    second.hang_up()
    prices = [(await site.row(number)).price_micros for number in ("+4930555104", "+4930555105")]
    assert site.balance("1001") == 10_000_000 - sum(price or 0 for price in prices)


async def test_blind_transfer_keeps_the_first_payer(site: Site) -> None:
    call = await site.call_out("1001", "555106")
    call.transfer("1002")
    other = await (await site.lab.phones.next_incoming("1002")).wait(State.UP)
    await asyncio.sleep(0.3)
    other.hang_up()
    assert (await site.row("+4930555106")).payer == "1001"


async def test_attended_transfer_keeps_the_first_payer(site: Site) -> None:
    call = await site.call_out("1001", "555107")
    call.hold()
    consultation = await site.lab.phones.call("1001", "1002").wait(State.UP)
    other = await (await site.lab.phones.next_incoming("1002")).wait(State.UP)
    await site.lab.talking("PJSIP/1002-")
    call.transfer_to(consultation)
    await call.ended()
    other.hang_up()
    row = await site.row("+4930555107")
    assert (row.payer, row.status) == ("1001", "rated")


async def test_forwarder_pays_the_forwarded_leg(site: Site) -> None:
    site.lab.phones.policies["1003"] = forwarding("9555108")
    call = await site.lab.carrier.call("0311234567", "1003").wait(State.UP)
    await asyncio.sleep(0.3)
    call.hang_up()
    assert (await site.row("+4930555108")).payer == "1003"


async def test_emergency_call_is_free_and_unlimited(site: Site) -> None:
    call = await site.lab.phones.call(POOR, "112").wait(State.UP)
    await asyncio.sleep(0.3)
    call.hang_up()
    row = await site.row("112")
    assert (row.status, row.price_micros) == ("free", None)


# ---- the money is gone


async def test_exhausted_account_is_cut_locked_and_diverted(site: Site) -> None:
    call = await site.call_out(POOR, "555109")
    await call.ended(timeout_s=15)
    row = await site.row("+4930555109")
    # The guard ends it half a second before the fifth second, which is paid, is over.
    assert 4.0 < row.talk_s <= 5.0
    assert site.balance(POOR) == 0
    await site.is_locked(POOR)
    assert await site.lab.phones.call(POOR, "9555110").ended() == 403
    await site.is_diverted(POOR)
    site.lab.ami.events.clear()
    caller = await site.lab.carrier.call("0311234567", POOR).wait(State.UP)
    await site.lab.ami.event("Newexten", lambda event: event["Application"] == "VoiceMail")
    caller.hang_up()
    await site.lab.phones.call(POOR, "1002").wait(State.UP)
    await site.lab.phones.call(POOR, "112").wait(State.UP)
    site.biller.run("credit", f"room-{POOR}", "5.00", "--key", "top-up")

    async def is_open() -> bool:
        return not await site.lab.ami.get("rtbill/lock", POOR)

    await until_true(is_open, "still locked after paying")
    await site.call_out(POOR, "555111")


async def test_exchange_cuts_the_call_when_the_biller_is_dead(site: Site) -> None:
    call = await site.call_out(POOR, "555112")
    began = time.monotonic()
    await asyncio.sleep(0.7)
    site.biller.kill9()
    await call.ended(timeout_s=15)
    assert time.monotonic() - began < 5.5
    site.biller.start()
    await site.biller.ready()
    row = await site.row("+4930555112")
    assert 4.0 < row.talk_s <= 5.0
    assert row.outcome == "recovered"
    assert site.balance(POOR) == 0


# ---- the link is gone


async def test_calls_during_a_lost_link_are_billed_once_and_none_is_cut(site: Site) -> None:
    before = await site.call_out("1001", "555113")
    site.cable.pull()
    during = await site.call_out("1002", "555114")
    during.hang_up()
    started = await site.call_out("1003", "555115")
    await asyncio.sleep(1.0)
    assert before.state is State.UP
    site.cable.plug_in()
    assert (await site.row("+4930555114")).outcome == "recovered"
    before.hang_up()
    started.hang_up()
    for number, payer in (("+4930555113", "1001"), ("+4930555115", "1003")):
        row = await site.row(number)
        assert (row.payer, row.status, row.outcome) == (payer, "rated", "ended")
        assert row.price_micros == price_of(row.talk_s)
    assert "proven" in site.biller.run("verify")


async def test_killed_biller_takes_up_the_calls_in_progress(site: Site) -> None:
    call = await site.call_out("1001", "555116")
    site.biller.kill9()
    await asyncio.sleep(0.5)
    site.biller.start()
    await site.biller.ready()
    assert call.state is State.UP
    call.hang_up()
    row = await site.row("+4930555116")
    assert (row.status, row.source, row.price_micros) == ("rated", "status", price_of(row.talk_s))


async def test_killed_exchange_leaves_the_call_unconfirmed_with_its_evidence(site: Site) -> None:
    await site.call_out("1001", "555117")
    await until(lambda: len(site.biller.query("SELECT * FROM live_call")) == 1, "not noted")
    await asyncio.sleep(0.5)
    await site.call_out("1002", "555119")  # its events prove the first call alive until here
    await until(lambda: len(site.biller.query("SELECT * FROM live_call")) == 2, "not noted")
    site.lab.server.kill9()
    site.lab.server.start()
    row = await site.row("+4930555117")
    assert row.status == "unconfirmed"
    assert 0.3 < row.talk_s < 30.0
    listed = site.biller.run("unconfirmed", "list")
    assert row.leg in listed
    assert "proven alive until" in listed
    billed = site.biller.run("unconfirmed", "bill", row.leg)
    assert "EUR" in billed
    assert site.balance("1001") == 10_000_000 - price_of(row.talk_s)


async def test_trunk_leg_without_payer_goes_to_suspense(site: Site) -> None:
    await site.lab.ami.action(
        "Originate",
        Channel="PJSIP/555118@carrier",
        Application="Wait",
        Data="1",
        Async="true",
    )
    leg = await site.lab.trunk_leg("555118")
    await site.lab.hangup_of(leg["DestUniqueid"])
    row = await site.row("+4930555118")
    assert (row.payer, row.status) == (None, "rated")
    ((account,),) = site.biller.query("SELECT account FROM call WHERE number = '+4930555118'")
    assert account == "suspense"
    assert leg["DestChannel"].startswith(TRUNK)
