"""The question before dialling, wired as the service wires it: configuration to answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from rtbill.app import exchanges
from rtbill.app.asking import inline_listener
from rtbill.app.books import Books, open_books
from rtbill.calls.tracker import Tracker
from rtbill.clock import SystemClock
from rtbill.config import Config, load_config
from rtbill.domain.account import Account, AccountKind, Extension
from rtbill.domain.call import CallId
from rtbill.domain.changes import AddTariff, Assign, CreateAccount
from rtbill.domain.errors import ConfigError, Refused
from rtbill.domain.events import CallStarted
from rtbill.domain.observation import Observation, ObservationFilter
from rtbill.jobs import keep_observations
from tests.fakes.builders import a_membership, a_rate, a_tariff
from tests.fakes.config_file import ASKING, ASKING_ENVIRON
from tests.fakes.environment import CountingMeter
from tests.fakes.fake_pbx import EVERYTHING, FakePbx
from tests.integration.loopback_ports import free_port

AT = datetime(2026, 10, 3, 12, tzinfo=UTC)
TOKEN = ASKING_ENVIRON["RTBILL_PBX_HALL_TOKEN"]


def a_config(folder: Path, *, unrated: str = "refuse", more: str = "") -> Config:
    folder.mkdir(exist_ok=True)
    path = folder / "config.toml"
    text = ASKING.replace("9465", str(free_port()))
    text = text.replace("[rating]", f'[rating]\nunrated_prepaid = "{unrated}"')
    path.write_text(text + more)
    return load_config(path, ASKING_ENVIRON)


async def fill(config: Config) -> None:
    """A room with 1.20 on it holds 1001; Switzerland costs 0.60 a minute."""
    async with open_books(config, SystemClock(), CountingMeter()) as books:
        room = Account(id="room-1", name="Room", kind=AccountKind.PREPAID, currency="EUR")
        await books.store.change(AddTariff(a_tariff(a_rate("60/60", "0.60"), name="germany")))
        await books.store.change(CreateAccount(room))
        held = replace(a_membership(), extension=Extension("hall", "1001"))
        await books.store.change(Assign(held))


@contextlib.asynccontextmanager
async def asked(config: Config) -> AsyncIterator[tuple[Books, CountingMeter]]:
    meter = CountingMeter()
    await fill(config)
    async with open_books(config, SystemClock(), meter) as books:
        await books.billing.credit("room-1", 1_200_000, "receipt", "cash")
        listener = inline_listener(books, meter)
        assert listener is not None
        async with asyncio.TaskGroup() as group:
            task = group.create_task(listener)
            yield books, meter
            task.cancel()


async def ask(config: Config, number: str = "0041315550100") -> str:
    """The answer, once the listener is there."""
    form = {"token": TOKEN, "call": "7.1", "payer": "1001", "number": number, "kind": "direct"}
    async with asyncio.timeout(10), httpx.AsyncClient(timeout=5) as client:
        while True:
            with contextlib.suppress(httpx.ConnectError):
                url = f"{config.inline.address}/v1/authorise/hall"
                return (await client.post(url, data=form)).text
            await asyncio.sleep(0.01)


async def refusals(books: Books) -> list[Observation]:
    found = await books.reader.observations(ObservationFilter())
    return [each.observation for each in found if each.observation.kind == "refuse"]


async def test_the_books_answer(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    async with asked(config) as (books, _):
        assert await ask(config) == "allow,59."
        assert await ask(config, "112") == "allow,."
        assert await ask(config, "0033155501000") == "refuse,unrated."
        await books.desk.order("lock", {"pbx": "hall", "extension": "1001", "reason": "rent"})
        assert await ask(config) == "refuse,locked."
        assert [alarm.kind for alarm in books.alarms.active()] == ["unrated"]


async def test_a_number_without_a_rate_may_be_kept_short_instead(tmp_path: Path) -> None:
    config = a_config(tmp_path, unrated="limit")
    async with asked(config):
        assert await ask(config, "0033155501000") == "allow,59."


async def test_a_class_that_is_only_observed_is_let_through_and_counted(tmp_path: Path) -> None:
    config = a_config(tmp_path, more='[account_classes.standard]\nenforcement = "observe"\n')
    async with asked(config) as (books, meter):
        assert await ask(config, "0033155501000") == "allow,."
        assert meter.counts["rtbill_refusals_let_through_total"] == 1
        assert books.billing.observations.take() == []  # noted when the leg is dialled


@pytest.mark.parametrize(
    ("payer", "account", "why"),
    [
        ("1001", "room-1", "its price is unknown: tariff 'germany' has no rate for +33155501000"),
        (None, "suspense", "nobody is named who pays"),
    ],
)
async def test_a_refusal_that_is_only_observed_stands_in_the_books(
    tmp_path: Path, payer: str | None, account: str, why: str
) -> None:
    config = a_config(tmp_path, more='[account_classes.standard]\nenforcement = "observe"\n')
    async with asked(config) as (books, _):
        pbx = FakePbx("hall")
        line = books.billing.add_line(pbx, Tracker("hall"))
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(books.billing.bill_pbx(line)),
                group.create_task(
                    keep_observations(books.billing, books.store, books.alarms, books.clock)
                ),
            ]
            pbx.tell(CallStarted(CallId("hall", "1.2"), AT, payer, "0033155501000", "carrier"))
            while not (kept := await refusals(books)):  # noqa: ASYNC110 - the books tell nobody
                await asyncio.sleep(0.01)
            for task in tasks:
                task.cancel()
        [observed] = kept
        assert observed.account == account
        assert observed.text.endswith(f"would be refused: {why}")
        assert line.let_through == {CallId("hall", "1.2")}  # all that it talks is beyond its money


async def test_want_of_money_is_noted_when_the_leg_is_dialled_and_not_twice(tmp_path: Path) -> None:
    config = a_config(tmp_path, more='[account_classes.standard]\nenforcement = "observe"\n')
    async with asked(config) as (books, meter):
        await books.billing.credit("room-1", -1_200_000, "back", "paid out")
        books.billing.observations.take()
        assert await ask(config) == "allow,."
        assert meter.counts["rtbill_refusals_let_through_total"] == 1
        assert books.billing.observations.take() == []


async def test_nothing_listens_where_no_exchange_asks(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    reactive = replace(config, pbxs=tuple(replace(pbx, mode="reactive") for pbx in config.pbxs))
    async with open_books(reactive, SystemClock(), CountingMeter()) as books:
        assert inline_listener(books, CountingMeter()) is None


async def test_a_certificate_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    config = a_config(tmp_path, more='[inline.tls]\ncert_file = "c.pem"\nkey_file = "k.pem"\n')
    async with open_books(config, SystemClock(), CountingMeter()) as books:
        with pytest.raises(Refused, match=r"^inline\.tls: .*c\.pem"):
            inline_listener(books, CountingMeter())


def test_an_exchange_that_cannot_ask_may_not_be_configured_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_config(tmp_path)
    [pbx] = config.pbxs
    assert exchanges.make_pbx(config, pbx, SystemClock()).capabilities.ask_before_dialling

    silent = FakePbx(capabilities=replace(EVERYTHING, ask_before_dialling=False))
    monkeypatch.setitem(exchanges.PBX_KINDS, "asterisk", lambda *_: silent)
    with pytest.raises(ConfigError, match=r"pbx\[0\]\.mode: .*ask_before_dialling"):
        exchanges.make_pbx(config, pbx, SystemClock())
