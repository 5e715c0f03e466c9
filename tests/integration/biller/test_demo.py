"""`make run` as a newcomer starts it: credit bought by card, a lock, a payment, open again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.loopback_ports import free_port

ROOT = Path(__file__).parents[3]
PORTS = ("15038", "9464", "9475", "15475")
STORY_S = 150.0
"""Twice what it takes on an idle machine."""
STORY = {
    "bought    s1007: 5.00 EUR paid in": "a card that pays is charged when money runs low",
    "unpaid    s1003: 5.00 EUR were not paid in": "another card is declined for good",
    "cut       1003": "money ends the call",
    "locked    hall/1003": "the telephone is locked",
    "refused   hall/1003": "it is refused outside calls",
    "answered  1003 -> 112": "an emergency call passes",
    "bought    s1003: 5.00 EUR paid in": "its holder pays with another card",
    "opened    hall/1003": "it is open again",
}

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def a_copy(folder: Path) -> Path:
    """The shipped configuration, on ports that are free."""
    text = (ROOT / "config.toml").read_text()
    for port in PORTS:
        text = text.replace(port, str(free_port()))
    config = folder / "config.toml"
    config.write_text(text)
    return config


def story(config: Path, log: Path) -> list[str]:
    """What the demonstration printed until all was seen, or its time is over."""
    command = [sys.executable, "-m", "simulator", "demo", "--config", str(config)]
    with log.open("wb") as out:
        environ = os.environ | {"COLUMNS": "160"}
        demo = subprocess.Popen(command, stdout=out, stderr=out, env=environ)
    try:
        end = time.monotonic() + STORY_S
        while time.monotonic() < end and demo.poll() is None:
            if all(each in log.read_text() for each in STORY):
                break
            time.sleep(0.5)
    finally:
        demo.send_signal(signal.SIGINT)
        code = demo.wait(30)
    assert code == 0, log.read_text()
    return log.read_text().splitlines()


def test_the_demonstration_tells_the_whole_story(tmp_path: Path) -> None:
    config = a_copy(tmp_path)
    lines = story(config, tmp_path / "demo.log")
    whole = "\n".join(lines)

    assert [why for said, why in STORY.items() if said not in whole] == [], whole
    places = {said: whole.index(said) for said in STORY}
    assert places["locked    hall/1003"] < places["bought    s1003: 5.00 EUR paid in"]
    assert places["bought    s1003: 5.00 EUR paid in"] < places["opened    hall/1003"]
    assert (tmp_path / "var" / "demo-holders.log").read_text() == ""
    command = [sys.executable, "-m", "rtbill", "verify", "--config", str(config)]
    assert "proven" in subprocess.check_output(command, text=True)
