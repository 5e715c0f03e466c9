"""docs/price-plans.md: its example as `rtbill rate` prints it, and every key of the file."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtbill.cli import app
from rtbill.formats.price_plan_file import KEYS
from tests.unit.cli.test_commands import CONFIG

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "price-plans.md").read_text()
SHOWN = DOCUMENT.partition("```text\n$ rtbill ")[2].partition("```")[0]


def run(folder: Path, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--config", str(folder / "config.toml")])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_worked_example_is_what_the_program_prints(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG.replace('"retail"', '"germany"'))
    run(tmp_path, "migrate")
    since = ("--from", "2026-01-01", "--apply")
    tariff, plan = (
        str(ROOT / "examples" / name) for name in ("tariff-germany.csv", "price-plan.toml")
    )
    run(tmp_path, "tariff", "import", tariff, "--name", "germany", *since)
    run(tmp_path, "plan", "import", plan, "--name", "hall-plan", *since)
    command, _, expected = SHOWN.partition("\n")

    assert run(tmp_path, *shlex.split(command)) == expected


@pytest.mark.parametrize("table", KEYS)
def test_every_key_of_the_file_is_documented(table: str) -> None:
    named = set(re.findall(r"`([a-z_.]+)`", DOCUMENT))
    inner = [f"{table}.{key}" if table in ("rounding", "tax") else key for key in KEYS[table]]
    tables = {"rounding", "tax", "markup", "discount"}
    assert set(inner) - tables <= named
    assert all(f"[[{each}]]" in DOCUMENT for each in ("markup", "discount"))


def test_the_samples_of_lists_in_the_configuration_can_be_used(tmp_path: Path) -> None:
    text = (ROOT / "config.toml").read_text()
    samples = re.compile(r"^# (?=(tariff|carrier) = )", re.MULTILINE)
    assert len(samples.findall(text)) == 4
    (tmp_path / "config.toml").write_text(samples.sub("", text))
    run(tmp_path, "check-config")
