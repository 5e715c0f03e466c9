"""`rtbill api token new`: a secret in a private file, and the lines that name it."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from rtbill.config import Right, load_config
from tests.unit.cli.test_commands import CONFIG


def run(folder: Path, *words: str) -> Result:
    config = folder / "config.toml"
    if not config.exists():
        config.write_text(CONFIG)
    return CliRunner().invoke(app, ["api", "token", "new", *words, "--config", str(config)])


def test_a_token_is_written_to_a_private_file_and_its_lines_are_printed(tmp_path: Path) -> None:
    done = run(tmp_path, "billing", "--rights", "credit,read")
    assert done.exit_code == 0, done.output
    path = tmp_path / "api-token-billing"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert len(path.read_text().strip()) >= 40
    assert path.read_text().strip() not in done.output
    lines = done.output[done.output.index("[[api.token]]") :]
    assert tomllib.loads(lines)["api"]["token"] == [
        {"name": "billing", "token_file": "api-token-billing", "rights": ["read", "credit"]}
    ]


def test_the_printed_lines_are_read_by_the_service(tmp_path: Path) -> None:
    done = run(tmp_path, "billing", "--rights", "terms")
    lines = done.output[done.output.index("[[api.token]]") :]
    config = tmp_path / "config.toml"
    config.write_text(f"{CONFIG}\n[api]\nport = 9466\n{lines}")
    found = load_config(config).api
    assert found is not None
    assert [(each.name, each.rights) for each in found.tokens] == [
        ("billing", frozenset({Right.TERMS}))
    ]


def test_a_token_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    run(tmp_path, "billing")
    before = (tmp_path / "api-token-billing").read_text()
    again = run(tmp_path, "billing")
    assert again.exit_code == 1
    assert "is there already; name another file with --out" in again.output
    assert (tmp_path / "api-token-billing").read_text() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Billing!"], "'Billing!' is no name for a token"),
        (["billing", "--rights", "all"], "'all' is no right; they are read, credit, terms"),
        (["billing", "--out", "/nonexistent/token"], "/nonexistent/token cannot be written"),
    ],
)
def test_what_cannot_be_made_is_told(tmp_path: Path, words: list[str], said: str) -> None:
    done = run(tmp_path, *words)
    assert done.exit_code == 1
    assert said in done.output
