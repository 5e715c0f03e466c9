"""Nothing that opens a door, and no bank card's number, stands in what the service leaves behind:
its log, its database with all that was deleted, a backup, a dump, its metrics and what it prints.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path

import httpx
import pytest

from tests.integration.biller.process import SECRET, TOKEN
from tests.integration.payments.hall import (
    API_KEY,
    PASSWORD,
    WEBHOOK_SECRET,
    PayingHall,
    paying_hall,
    until,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
CARD_NUMBER = "4242424242424242"
OTHER_CARD_NUMBER = "5555 5555 5555 4444"
AT_ONCE = "10.00"
_LINK = re.compile(r"/pay/([A-Za-z0-9_-]{43})\b")
_DIGITS = re.compile(r"(?<![\d.])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\d.])")
"""Bank cards begin with 2 to 6; our instants in microseconds with 1."""
_HASH = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,}(?![0-9A-Za-z])")
"""One in some hundred has such a run in it by chance."""


def card_like(text: str) -> list[str]:
    """Runs of 13 to 19 digits that could be the number of a bank card, by its check digit."""
    found = _DIGITS.findall(_HASH.sub("", text))
    return [each for each in found if _has_check_digit(re.sub(r"\D", "", each))]


def _has_check_digit(digits: str) -> bool:
    doubled = [int(each) * (1 + place % 2) for place, each in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and sum(each // 10 + each % 10 for each in doubled) % 10 == 0


@pytest.mark.parametrize("number", [CARD_NUMBER, OTHER_CARD_NUMBER, "378282246310005"])
def test_a_card_number_would_be_found(number: str) -> None:
    assert card_like(f'{{"why": "no such card {number}", "at": 1795774716281234}}') == [number]


def test_references_instants_and_hashes_are_no_card_numbers() -> None:
    assert card_like("17957746760356129726 at 1795774716281234, 4242424242424241") == []
    assert card_like(f"{'ab' * 12}4242424242424242{'cd' * 12}") == []


async def test_a_run_leaves_no_secret_and_no_card_number_behind(
    tmp_path: Path, prepared: Path
) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        await _tell_what_should_not_be_told(hall)
        links = await _use_every_secret(hall)
        async with httpx.AsyncClient() as client:
            metrics = (await client.get(f"http://127.0.0.1:{hall.biller.http_port}/metrics")).text
        printed = [
            await hall.order("pay", "status", f"room-{room}", "--json")
            for room in range(1001, 1005)
        ]
        printed += [await hall.order("status"), await hall.order("pay", "status")]
        await hall.order("backup", str(tmp_path / "backup.sqlite"))
    left = {
        "log": (tmp_path / "biller.log").read_text(),
        "metrics": metrics,
        "output": "\n".join(printed),
        "dump": _dump(hall.biller.database),
        **{each.name: each.read_bytes().decode("latin-1") for each in tmp_path.glob("*.sqlite*")},
    }
    tokens = _LINK.findall("\n".join(links))
    assert len(tokens) >= 3
    secrets = [API_KEY, WEBHOOK_SECRET, PASSWORD, SECRET, TOKEN, *tokens]
    assert {name for name, text in left.items() for each in secrets if each in text} == set()
    for name in ("log", "metrics", "output", "dump"):
        assert (name, card_like(left[name])) == (name, [])
    for name, text in left.items():
        assert CARD_NUMBER not in text, name
        assert OTHER_CARD_NUMBER not in text, name
        assert OTHER_CARD_NUMBER.replace(" ", "") not in text, name


async def _tell_what_should_not_be_told(hall: PayingHall) -> None:
    """Card numbers, by a provider in its message and by people wherever they can type."""
    says = {"code": "card_declined", "message": f"Your card {CARD_NUMBER} was declined"}
    hall.cards.plan_fault("refuse", "confirm", status=402, changes=says | {"type": "card_error"})
    await hall.with_card("room-1001", AT_ONCE, "10.00")
    await until(lambda: hall.states("room-1001") == ["declined"], "it was not declined")
    agreed = ("--agreed", "1", "--gateway", "house")
    for number in (CARD_NUMBER, OTHER_CARD_NUMBER):
        words = ("pay", "method", "add", "room-1002", number, *agreed)
        done = await asyncio.to_thread(hall.biller.try_to, *words)
        assert "looks like the number of a bank card" in done.stderr
    holder = await hall.visitor("room-1003")
    await holder.give_card("visa")
    await holder.top_up(CARD_NUMBER)
    await holder.top_up("10.00")
    await holder.agree_to(threshold="1.00", increment="5.00", month_max="50.00")
    await holder.read(f"/pay/{CARD_NUMBER}")


async def _use_every_secret(hall: PayingHall) -> list[str]:
    """Webhooks signed and forged, SOAP, a wrong key, links; the texts in which links stood."""
    hall.cards.spoil_webhooks(1, forge=1.0)
    await hall.with_purse("room-1002", "4711", AT_ONCE, "10.00")
    await hall.with_card("room-1004", AT_ONCE, "10.00", "authentication_required")
    printed = await hall.order("pay", "link", "room-1005", "--mail")
    await until(lambda: hall.credits("room-1002") == [1000], "the house's card did not pay")
    await until(lambda: bool(hall.letters("room-1004")), "no link to confirm was mailed")
    await until(lambda: bool(hall.letters("room-1005")), "no link was mailed")
    hall.cards.change_key("sk_test_another_0123456789abcdef")
    done = await asyncio.to_thread(hall.biller.try_to, "pay", "topup", "room-1003", "5.00")
    assert "declined as ours" in done.stdout
    await until(hall.has_heard_all, "webhooks are left", 40)
    return [printed, *hall.letters("room-1004"), *hall.letters("room-1005")]


def _dump(database: Path) -> str:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return "\n".join(connection.iterdump())
