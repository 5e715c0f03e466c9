"""docs/rating-hook.md: its example as `rtbill rate` prints it, and every field and key."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtbill.cli import app
from rtbill.config import load_config
from rtbill.hook import Adjustment, Call
from tests.unit.cli.test_commands import CONFIG

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "rating-hook.md").read_text()
SHOWN = DOCUMENT.partition("```text\n$ rtbill ")[2].partition("```")[0]
KEYS = DOCUMENT.partition("```toml\n[rating]\n")[2].partition("```")[0]


def run(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--config", str(folder / "config.toml")])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_worked_example_is_what_the_program_prints(tmp_path: Path) -> None:
    config = CONFIG.replace('tariff = "retail"\n', f'tariff = "germany"\n{KEYS}')
    classes = "[account_classes.student]\n[account_classes.office]\n"
    (tmp_path / "config.toml").write_text(config + classes)
    (tmp_path / "mysite.py").write_text((ROOT / "examples" / "rating_hook.py").read_text())
    run(tmp_path, "migrate")
    tariff, accounts = (
        str(ROOT / "examples" / name) for name in ("tariff-germany.csv", "accounts-hall.csv")
    )
    since = ("--from", "2026-01-01", "--apply")
    run(tmp_path, "tariff", "import", tariff, "--name", "germany", *since)
    run(tmp_path, "accounts", "import", accounts, "--apply")
    command, _, expected = SHOWN.partition("\n")

    assert run(tmp_path, *shlex.split(command)) == expected


@pytest.mark.parametrize("shape", [Call, Adjustment])
def test_every_field_is_documented(shape: type) -> None:
    named = set(re.findall(r"`([a-z_]+)`", DOCUMENT))
    assert {field.name for field in fields(shape)} <= named


def test_the_sample_in_the_configuration_can_be_used(tmp_path: Path) -> None:
    text = (ROOT / "config.toml").read_text()
    sample = re.compile(
        r"^# (?=hook = |hook_path|hook_slow_ms|\[rating.hook|percent|per_|price_lists)",
        re.MULTILINE,
    )
    assert len(sample.findall(text)) == 8
    (tmp_path / "config.toml").write_text(sample.sub("", text))
    (tmp_path / "mysite.py").write_text("def adjust(call): return None\n")
    found = load_config(tmp_path / "config.toml").rating.hook

    assert found is not None
    assert (found.name, found.folder) == ("mysite:adjust", tmp_path)
    assert "at most 0 dearer" in run(tmp_path, "check-config")
