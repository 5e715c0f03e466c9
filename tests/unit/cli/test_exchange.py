"""`rtbill pbx-config` as an operator meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from rtbill.cli import app
from tests.unit.app.test_pbx_config import CONFIG, SECRET, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTBILL_PBX_HALL_SECRET", SECRET)
    monkeypatch.setenv("RTBILL_PBX_HALL_TOKEN", TOKEN)


def run(folder: Path, *more: str, text: str = CONFIG) -> Result:
    (folder / "config.toml").write_text(text)
    words = ["pbx-config", "asterisk", "--config", str(folder / "config.toml"), *more]
    return CliRunner().invoke(app, words)


def test_files_are_written_and_the_next_step_is_named(tmp_path: Path) -> None:
    said = run(tmp_path, "--out", str(tmp_path / "out"))
    assert said.exit_code == 0
    assert "wrote      " in said.output
    assert "INSTALL.md tells how to install and remove them" in said.output
    assert SECRET not in said.output
    assert TOKEN not in said.output


def test_second_writing_shows_what_differs(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    run(tmp_path, "--out", out)
    assert "changed    " not in run(tmp_path, "--out", out).output
    said = run(tmp_path, "--out", out, text=CONFIG.replace('prefix = "9"', 'prefix = "0"'))
    assert "extensions_rtbill.conf.old" in said.output
    assert "+exten => _0X.,1,Gosub(rtbill-authorise,s,1)" in said.output


def test_second_writing_shows_neither_the_secrets_from_before_nor_those_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "--out", str(tmp_path / "out"))
    monkeypatch.setenv("RTBILL_PBX_HALL_SECRET", "another-secret-of-the-tests")
    monkeypatch.setenv("RTBILL_PBX_HALL_TOKEN", "another-token-of-the-tests")
    said = run(tmp_path, "--out", str(tmp_path / "out"))
    assert "+secret = ******** (changed)" in said.output
    assert "token=******** (changed)&call=" in said.output
    for word in (TOKEN, "a-secret-with", "another"):
        assert word not in said.output


def test_another_flavour_than_the_configuration_says_is_told(tmp_path: Path) -> None:
    # A trunk that FreePBX can dial and a plain dialplan cannot.
    text = CONFIG.replace('outside_prefix = "9"', "").replace("PJSIP/carrier-*", "SIP/")
    said = run(tmp_path, "--out", str(tmp_path / "out"), "--flavour", "freepbx17", text=text)
    assert said.exit_code == 0
    assert "says flavour 'plain'; set it to 'freepbx17'" in said.output


def test_numbers_that_are_emergency_and_extension_are_told(tmp_path: Path) -> None:
    said = run(tmp_path, "--out", str(tmp_path / "out"), text=CONFIG.replace("1xxx", "1xx"))
    assert "note: 110, 112 would be extensions, but are emergency numbers" in said.output


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (("--pbx", "annex"), "there is no exchange 'annex'; name one with --pbx: hall"),
        (("--out", "/proc/x/y"), "name another folder with --out"),
    ],
)
def test_bad_words_end_with_one_clear_sentence(
    tmp_path: Path, more: tuple[str, ...], expected: str
) -> None:
    said = run(tmp_path, "--out", str(tmp_path / "out"), *more)
    assert said.exit_code == 1
    assert expected in said.output
    assert "Traceback" not in said.output


def test_a_word_that_is_none_of_the_choices_is_said_with_the_choices(tmp_path: Path) -> None:
    said = run(tmp_path, "--out", str(tmp_path / "out"), "--flavour", "freepbx18")
    assert said.exit_code == 2
    assert said.output.splitlines()[-1] == (
        "Error: Invalid value for '--flavour': 'freepbx18' is not one of 'plain', 'freepbx16', "
        "'freepbx17'."
    )
