"""A fork of the imported program is a process like one that was started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rtbill import __version__
from tests.integration import program
from tests.integration.biller.process import Biller

pytestmark = pytest.mark.integration
WITHIN_S = 20.0
UNKNOWN = ["chek-config"]


def started(words: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rtbill", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("words", [["--version"], ["check-config", "--config", "absent.toml"]])
def test_a_fork_says_what_a_start_says_and_ends_as_it(words: list[str]) -> None:
    expected, found = started(words), program.run(words)
    assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)
    assert found.stderr == expected.stderr


def test_output_and_errors_are_told_apart() -> None:
    assert program.run(["--version"]).stdout == f"rtbill {__version__}\n"
    done = program.run(UNKNOWN)
    assert (done.returncode, done.stdout) == (2, "")
    assert "chek-config" in done.stderr


def test_a_fork_has_the_folder_and_the_environment_of_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    biller = Biller(tmp_path, 1)
    monkeypatch.chdir(tmp_path)
    assert "all right" in program.run(["check-config"]).stdout
    elsewhere = os.environ | {"RTBILL_CONFIG": "absent.toml"}
    assert "absent.toml" in program.run(["check-config"], elsewhere).stderr
    assert biller.run("check-config").startswith(str(biller.config))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -9)]
)
def test_a_fork_hears_signals_and_its_end_is_told(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    biller = Biller(tmp_path, 1)
    biller.run("migrate")
    with (tmp_path / "log").open("wb") as log:
        service = program.forked(["run", "--view=none", f"--config={biller.config}"], log)
    end = time.monotonic() + WITHIN_S
    while not (tmp_path / "rtbill.sock").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert service.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        service.wait(0.01)
    service.send_signal(number)
    assert service.wait(WITHIN_S) == service.poll() == code
    service.send_signal(number)  # to nobody
