"""Account codes, PINs and the titles of trunks in the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtbill.domain.payer_key import WrongCode
from tests.fakes.config_file import ENVIRON, GOOD, load, problems

SECRET = "0123456789abcdef01234567"
PAYERS = GOOD.replace("[[pbx]]", '[payers]\npin_secret_file = "pins"\n[[pbx]]')


def test_without_a_word_wrong_codes_are_refused_and_there_are_no_pins(tmp_path: Path) -> None:
    payers = load(tmp_path).payers
    assert (payers.wrong_code, payers.pin_secret, payers.pin_digits_min) == (WrongCode.DENY, "", 6)


def test_the_secret_of_pins_is_in_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    file = tmp_path / "pins"
    file.write_text(SECRET + "\n")
    file.chmod(0o644)
    assert "payers.pin_secret_file: " in "\n".join(problems(tmp_path, PAYERS))
    file.chmod(0o600)
    config = load(tmp_path, PAYERS)
    assert config.payers.pin_secret == SECRET
    assert SECRET not in repr(config)


def test_the_secret_of_pins_may_come_from_the_environment(tmp_path: Path) -> None:
    environ = ENVIRON | {"RTBILL_PIN_SECRET": SECRET}
    assert load(tmp_path, GOOD, environ).payers.pin_secret == SECRET


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("short", "pin_secret: is shorter than 16 characters; make a new one"),
        ("with ${EPOCH} and a blank", "pin_secret: may hold letters, digits"),
        ("", "pin_secret: is empty"),
    ],
)
def test_a_secret_that_is_weak_or_unsafe_in_a_dialplan_is_refused(
    tmp_path: Path, secret: str, expected: str
) -> None:
    found = problems(tmp_path, GOOD, ENVIRON | {"RTBILL_PIN_SECRET": secret})
    assert expected in "\n".join(found)
    assert "weak_secret_accepted" not in "\n".join(found)


@pytest.mark.parametrize("line", ['wrong_code = "ask"', "pin_digits_min = 3"])
def test_other_words_and_short_pins_are_refused(tmp_path: Path, line: str) -> None:
    text = GOOD.replace("[[pbx]]", f"[payers]\n{line}\n[[pbx]]")
    assert "payers." in "\n".join(problems(tmp_path, text))


def test_a_trunk_may_have_a_title(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD + 'title = "Telco A, 30 lines"\n')
    assert config.pbxs[0].trunks[0].title == "Telco A, 30 lines"
    assert "title" in "\n".join(problems(tmp_path, GOOD + 'title = "two\\nlines"\n'))
