"""The simulated provider of cashless cards: its books, its guard and its command line."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from payments.cashless_soap import CashlessGateway
from payments.cashless_table import read_mapping_file
from payments.soap_address import SoapAddress
from rtbill.clock import SystemClock
from rtbill.domain.payment import Created, DeclineClass, Declined
from simulator.cashless_books import Books, Card, Code, Duplicates, NotDone
from simulator.cashless_gateway import main
from simulator.cashless_tokens import TokenGuard
from simulator.cashless_tricks import Trick, Tricks, parse_tricks
from tests.fakes.cashless import MAPPINGS, a_charge

ROOT = Path(__file__).parents[3]
WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"


def books(duplicates: Duplicates = Duplicates.REPLAY) -> Books:
    return Books({"4711": Card(1_000)}, duplicates=duplicates)


def test_a_reservation_counts_until_it_is_let_go() -> None:
    kept = books()
    kept.authorise("1", "4711", 700, "EUR")
    with pytest.raises(NotDone) as refused:
        kept.authorise("2", "4711", 400, "EUR")
    assert refused.value.code == Code.FUNDS
    kept.void("1")
    assert kept.authorise("2", "4711", 400, "EUR").state == "reserved"


def test_a_known_reference_is_replayed_refused_or_taken_again() -> None:
    by_kind = {kind: books(kind) for kind in Duplicates}
    for kept in by_kind.values():
        kept.authorise("1", "4711", 300, "EUR")
    again = by_kind[Duplicates.REPLAY].authorise("1", "4711", 300, "EUR")
    assert again is by_kind[Duplicates.REPLAY].payments[0]
    with pytest.raises(NotDone, match="REFERENCE_USED"):
        by_kind[Duplicates.REFUSE].authorise("1", "4711", 300, "EUR")
    by_kind[Duplicates.ACCEPT].authorise("1", "4711", 300, "EUR")
    assert by_kind[Duplicates.ACCEPT].cards["4711"].balance == 400


def test_no_more_goes_back_than_was_taken() -> None:
    kept = books()
    kept.authorise("1", "4711", 700, "EUR")
    with pytest.raises(NotDone):
        kept.refund("9", "1", 100, "EUR")  # only reserved
    kept.capture("1", 700, "EUR")
    kept.refund("9", "1", 500, "EUR")
    with pytest.raises(NotDone):
        kept.refund("10", "1", 201, "EUR")
    assert kept.cards["4711"].balance == 800


def token(nonce: bytes, created: str, password: str) -> ET.Element:
    """A token made by hand from the profile's formula."""
    whole = hashlib.sha1(nonce + created.encode() + password.encode()).digest()
    digest, once = base64.b64encode(whole).decode(), base64.b64encode(nonce).decode()
    kind = f"{WSS}username-token-profile-1.0#PasswordDigest"
    return ET.fromstring(
        f'<e xmlns:s="{WSS}wssecurity-secext-1.0.xsd" xmlns:u="{WSS}wssecurity-utility-1.0.xsd">'
        f'<s:UsernameToken><s:Username>me</s:Username><s:Password Type="{kind}">{digest}'
        f"</s:Password><s:Nonce>{once}</s:Nonce><u:Created>{created}</u:Created>"
        "</s:UsernameToken></e>"
    )


def test_a_digest_is_taken_once_and_only_fresh() -> None:
    guard = TokenGuard("me", "secret")
    now = datetime.now(UTC)  # noqa: TID251 -- the guard reads the system's clock
    fresh, stale = now.isoformat(), (now - timedelta(minutes=6)).isoformat()
    assert guard.accepts(token(b"one", fresh, "secret"))
    assert not guard.accepts(token(b"one", fresh, "secret"))
    assert not guard.accepts(token(b"two", stale, "secret"))
    assert not guard.accepts(token(b"three", fresh, "wrong"))
    assert not guard.accepts(ET.fromstring("<e/>"))


def test_tricks_come_as_planned_and_then_by_chance() -> None:
    tricks = Tricks({Trick.CUT: 1.0})
    tricks.plan("capture", Trick.SILENT)
    assert [tricks.draw("capture") for _ in range(2)] == [Trick.SILENT, Trick.CUT]
    assert Tricks().draw("capture") is None


@pytest.mark.parametrize(
    ("text", "told"), [("mute=0.1", "'mute' is no trick"), ("silent=2", "chance from 0 to 1")]
)
def test_a_trick_that_cannot_be_played_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_tricks(text)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--card", "4711"], "write NAME=BALANCE"),
        (["--card", "4711=x"], "write NAME=BALANCE"),
        (["--card", "4711=5:lost"], "write NAME=BALANCE"),
        (["--token", "me"], "write USER:PASSWORD"),
        (["--tricks", "mute=1"], "is no trick"),
    ],
)
def test_a_wrong_command_says_what_to_write(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


async def test_as_a_command_it_answers_until_it_is_stopped() -> None:
    cards = ("--card", "4711=50.00", "--card", "4712=50.00:blocked")
    process = subprocess.Popen(  # noqa: ASYNC220 -- started in a moment
        [sys.executable, "-m", "simulator.cashless_gateway", *cards],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.to_thread(process.stdout.readline)
        port = int(line.rpartition(":")[2])
        address = SoapAddress(url=f"http://127.0.0.1:{port}/soap")
        mapping = read_mapping_file(MAPPINGS["cashless"])
        gateway = await CashlessGateway.open("house", mapping, address, SystemClock())
        assert isinstance(await gateway.create(a_charge()), Created)
        blocked = await gateway.create(a_charge("2", card="4712"))
        assert isinstance(blocked, Declined)
        assert blocked.decline is DeclineClass.NEVER
        await gateway.close()
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        process.stdout.close()
