"""Scenario files: what they plan, and how their mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.__main__ import HALL, main
from simulator.ami_server import AmiServer
from simulator.clock import ManualClock
from simulator.director import Director
from simulator.exchange import Exchange
from simulator.scenario import PlannedCall, load_scenario
from simulator.state_file import load_state, save_state
from simulator.toml_section import ScenarioError

EXTENSIONS = '[extensions]\n1001 = "Room 101"\n1002 = "Room 102"\n'
CALL = '[[call]]\nfrom = "1001"\nto = "0301234567"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "script.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        (CALL, "extensions", "there are none"),
        (EXTENSIONS, "call", "add at least one"),
        (EXTENSIONS + CALL + "ring = [5, 2]", "call[0].ring", "smaller number first"),
        (EXTENSIONS + CALL + 'ends = "boom"', "call[0].ends", "choose from caller, callee"),
        (EXTENSIONS + CALL + "tlak = 5", "call[0].tlak", "is not known here"),
        (EXTENSIONS + CALL + 'talk = "5"', "call[0].talk", "give a number"),
        (EXTENSIONS + CALL + 'direction = "in"', "call[0].direction", "is 'out'"),
        (EXTENSIONS + CALL + "at = 99", "call[0].at", "raise length"),
        (EXTENSIONS + '[[call]]\nfrom = "1"\nto = "2"', "call[0].from", "neither 1 nor 2"),
        ("repeat = 0\n" + EXTENSIONS + CALL, "repeat", "above 0"),
        (EXTENSIONS + CALL + '[[fault]]\nkind = "split"', "fault[0].kind", "choose from cut"),
        (EXTENSIONS + CALL + "[faults]\nsplit = 2", "faults.split", "from 0 to 1"),
        (EXTENSIONS + "[[call]", "", "is not TOML"),
    ],
)
def test_mistake_names_file_key_and_remedy(
    tmp_path: Path, text: str, key: str, remedy: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError) as told:
        load_scenario(path)
    assert str(path) in str(told.value)
    assert key in str(told.value)
    assert remedy in str(told.value)


def test_command_with_a_bad_scenario_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, EXTENSIONS)
    assert main(["asterisk", "--scenario", str(path)]) == 2
    assert "script.toml: call:" in capsys.readouterr().err


def test_same_seed_plans_the_same_round_and_the_next_round_differs() -> None:
    hall = load_scenario(HALL)
    assert hall.round(0, 7) == hall.round(0, 7)
    assert hall.round(0, 7) != hall.round(1, 7)
    assert hall.round(0, 7) != hall.round(0, 8)


def test_every_repeats_a_call_until_the_round_is_over(tmp_path: Path) -> None:
    scenario = load_scenario(written(tmp_path, EXTENSIONS + CALL + "at = 5\nevery = 20"))
    starts = [one.at_s for one in scenario.round(0, 1) if isinstance(one, PlannedCall)]
    assert starts == [5, 25, 45]


async def play_hall(seed: int, seconds: int) -> tuple[list[str], Exchange]:
    clock = ManualClock()
    hall = load_scenario(HALL)
    exchange = Exchange(clock.now_us, extensions=hall.extensions, trunks=hall.trunks)
    server = AmiServer(exchange, clock)
    said: list[str] = []
    async with server:
        exchange.on_event = lambda message: said.append(message.text())
        director = Director(server, hall, seed)
        server._spawn(director.play(), "scenario")
        # The biller's part: its timer runs out in the call of room 103, and it locks the room.
        await clock.advance(3)
        leg = exchange.channels["PJSIP/carrier-00000001"]
        exchange.set_timeout(leg, 20)
        await clock.advance(25)
        exchange.database.put("rtbill/lock", "1003", "1")
        exchange.database.put("rtbill/divert", "1003", "1")
        await clock.advance(seconds - 28)
    return said, exchange


async def test_hall_shows_the_whole_story_within_its_first_minute() -> None:
    said, exchange = await play_hall(1, 59)
    text = "\n".join(said)
    assert "UserEvent: RtbillRefused\r\nExtension: 1003\r\nDialled: 0301234567" in text
    assert "DialString: 112@carrier" in text
    assert "ChannelStateDesc: Up\r\nCallerIDNum: 0309876543" in text
    for event in ("BlindTransfer", "AttendedTransfer"):
        assert f"Event: {event}\r\n" in text
    done = dict(exchange.database.tree("rtbill/done"))
    tunisia = next(row for row in done.values() if row.startswith("1003,0021671000000,"))
    answered, ended = (float(part) for part in tunisia.split(",")[2:])
    assert 20 <= ended - answered < 21
    assert len(done) >= 6


async def test_same_seed_says_the_same_bytes_and_never_runs_dry() -> None:
    (first, exchange), (second, _) = await play_hall(5, 300), await play_hall(5, 300)
    assert first == second
    assert exchange.calls_processed > 60


def test_state_file_carries_database_and_uniqueids_to_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    first = Exchange(lambda: 2_000_000_000)
    first.database.put("rtbill/lock", "1001", "1")
    used = first.start_call("1001", "1002").a.uniqueid
    save_state(path, first)
    second = Exchange(lambda: 2_000_000_000)
    load_state(path, second)
    assert second.database.has("rtbill/lock", "1001")
    assert second.start_call("1001", "1002").a.uniqueid != used


def test_state_file_that_is_none_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, "[]")
    with pytest.raises(ScenarioError, match="remove it to begin anew"):
        load_state(path, Exchange(lambda: 0))
