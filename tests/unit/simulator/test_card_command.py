"""`python -m simulator.card_gateway`, as others start it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as it runs, and its port."""
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "simulator.card_gateway", "--port-file", str(port_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            said = running.stdout.readline()
            port = port_file.read_text()
            assert said == f"cards are taken at http://127.0.0.1:{port}\n"
            yield running, port
        finally:
            running.kill()


def test_the_command_serves_until_it_is_told_to_stop(
    served: tuple[subprocess.Popen[str], str],
) -> None:
    running, port = served
    answer = httpx.post(f"http://127.0.0.1:{port}/control/customer", json={}, verify=False)
    assert answer.json()["id"].startswith("cus_")
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 0


def test_a_taken_port_is_named(served: tuple[subprocess.Popen[str], str]) -> None:
    _, port = served
    second = subprocess.run(
        [sys.executable, "-m", "simulator.card_gateway", "--port", port],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert second.returncode == 1
    assert "address already in use" in second.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "http"), "give a port from 0 to 65535"),
        (("--webhook-faults", "shuffle=1"), "give one of duplicate"),
        (("--webhook-faults", "late"), "write KIND=RATE"),
    ],
)
def test_a_wrong_word_of_the_command_is_named(words: tuple[str, ...], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulator.card_gateway", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert said in done.stderr
