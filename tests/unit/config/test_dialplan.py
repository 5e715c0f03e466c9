"""What the configuration tells the generated dialplan, and what would break one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.config_file import GOOD, load, problems


def test_the_dialplan_knows_the_extensions_of_the_site_unless_it_has_its_own(
    tmp_path: Path,
) -> None:
    assert load(tmp_path).pbxs[0].dialplan.extensions == ("1xxx",)
    own = GOOD + '[pbx.dialplan]\nextensions = ["2xx"]\n'
    assert load(tmp_path, own).pbxs[0].dialplan.extensions == ("2xx",)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('flavour = "freepbx15"', "pbx[0].dialplan.flavour"),
        ('trunk_options = "U(mine)"', "pbx[0].dialplan.trunk_options"),
        ('trunk_options = "tT,30"', "pbx[0].dialplan.trunk_options"),
        ('phone_dial = "PJSIP/"', "pbx[0].dialplan.phone_dial"),
        ('phone_dial = "PJSIP/%s&PJSIP/9"', "pbx[0].dialplan.phone_dial"),
        ('voicemail_context = "a b"', "pbx[0].dialplan.voicemail_context"),
        ('outside_prefix = "x"', "pbx[0].dialplan.outside_prefix"),
        ('forwarded = "caller"', "pbx[0].dialplan.forwarded"),
        ('incoming = "a b"', "pbx[0].dialplan.incoming"),
        ('devices = { "a,b" = "1001" }', "pbx[0].dialplan.devices"),
        ('ca_file = "relative.pem"', "pbx[0].dialplan.ca_file"),
        ("ring_s = 0", "pbx[0].dialplan.ring_s"),
    ],
)
def test_what_would_break_a_dialplan_is_refused(tmp_path: Path, line: str, expected: str) -> None:
    text = f"{GOOD}[pbx.dialplan]\n{line}\n"
    assert expected in "\n".join(problems(tmp_path, text))


@pytest.mark.parametrize(
    "options", ["", "tT", "TtKk", "m", "m(default)", "tm(default)T", "rA(a/b)"]
)
def test_dial_options_are_letters_with_arguments_in_closed_brackets(
    tmp_path: Path, options: str
) -> None:
    text = f'{GOOD}[pbx.dialplan]\ntrunk_options = "{options}"\nring_options = "{options}"\n'
    terms = load(tmp_path, text).pbxs[0].dialplan
    assert (terms.trunk_options, terms.ring_options) == (options, options)


@pytest.mark.parametrize(
    "options",
    ["tT)", "m(default", "L(60000", "m((a))", "m(a)b)", "(a)", "t,T", "t T", "m(a,b)", "9"],
)
@pytest.mark.parametrize("key", ["trunk_options", "ring_options"])
def test_dial_options_that_would_swallow_what_follows_them_are_refused(
    tmp_path: Path, key: str, options: str
) -> None:
    (found,) = problems(tmp_path, f'{GOOD}[pbx.dialplan]\n{key} = "{options}"\n')
    assert found == (
        f"pbx[0].dialplan.{key}: {options!r} is not a row of Dial's options: letters, each with "
        "its argument in brackets that are closed, such as tTm(default)"
    )


@pytest.mark.parametrize(
    "options", ["U(mine)", "tU", "b(mine)", "B(a)", "M(a)", "G(a)", "L(60000)", "S(5)"]
)
def test_dial_options_that_are_for_rtbill_to_set_are_refused_with_the_reason(
    tmp_path: Path, options: str
) -> None:
    (found,) = problems(tmp_path, f'{GOOD}[pbx.dialplan]\ntrunk_options = "{options}"\n')
    assert f"trunk_options: {options!r} is not free of U, b, B, M, G, L and S: Dial keeps" in found


def with_prefixes(site: str, dialplan: str) -> str:
    text = GOOD.replace('["1xxx"]', f'["1xxx"]\noutside_prefixes = {site}')
    return f"{text}[pbx.dialplan]\n{dialplan}\n"


def test_a_prefix_that_the_dialplan_takes_off_is_not_taken_off_again(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, with_prefixes('["9", "0"]', 'outside_prefix = "0"'))
    assert found.startswith("pbx[0].dialplan.outside_prefix: '0' stands in site.outside_prefixes")
    assert "remove it from site.outside_prefixes" in found


@pytest.mark.parametrize(
    ("site", "dialplan"),
    [
        ("[]", 'outside_prefix = "0"'),
        ('["0"]', ""),
        ('["0"]', 'outside_prefix = "9"'),
        # FreePBX's routes take theirs off, or leave it on.
        ('["0"]', 'flavour = "freepbx17"'),
    ],
)
def test_a_prefix_may_be_taken_off_in_one_place(tmp_path: Path, site: str, dialplan: str) -> None:
    assert load(tmp_path, with_prefixes(site, dialplan)).pbxs[0].name == "hall"
