"""Every key of the dialplan is documented, and the samples are what they say."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from adapters.asterisk.pbx_files import MANAGER_FILE
from rtbill.app.pbx_config import files_of
from rtbill.config import DialplanConfig
from tests.fakes.certificates import Authority
from tests.fakes.config_file import ENVIRON, GOOD, load

ROOT = Path(__file__).parents[3]
KEYS = [field.name for field in fields(DialplanConfig)]


def sample() -> list[str]:
    """The lines of the shipped configuration below its commented `[pbx.dialplan]`."""
    text = (ROOT / "config.toml").read_text().partition("\n# [pbx.dialplan]\n")[2]
    return text.partition("\n\n")[0].splitlines()


def section(document: str, heading: str) -> str:
    text = (ROOT / "docs" / document).read_text().partition(f"\n## {heading}\n")[2]
    return text.partition("\n## ")[0]


@pytest.mark.parametrize("key", KEYS)
def test_each_key_has_a_row_in_the_reference_and_a_sample(key: str) -> None:
    rows = re.findall(r"^\| (`.*?`) \|", section("operating.md", "What the dialplan is told"), re.M)
    assert f"`{key}`" in ", ".join(rows).split(", ")
    assert [line for line in sample() if line.startswith(f"# {key} = ")]


def test_the_sample_is_a_dialplan_when_its_marks_are_taken_off(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") for line in sample()]
    terms = load(tmp_path, "\n".join([GOOD, "[pbx.dialplan]", *lines])).pbxs[0].dialplan
    assert terms.devices == {"lobby-phone": "1010"}
    assert terms.permit == ("192.0.2.20/32",)


def test_the_sample_of_another_host_is_enough_to_write_its_files(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "remote-exchange.md").read_text().partition("\n### rtbill\n")[2]
    block = text.partition("```toml\n")[2].partition("```")[0]
    Authority(tmp_path)
    far = GOOD.partition("[[pbx]]")[0] + block.replace("secret_file = ", "# ")
    config = load(tmp_path, far, ENVIRON)
    assert "permit = 192.0.2.20/32\n" in files_of(config, config.pbxs[0])[MANAGER_FILE]
