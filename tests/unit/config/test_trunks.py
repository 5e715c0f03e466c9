"""What `match` of a trunk means: its own channels, all of them, and no telephone's."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtbill.config import load_config
from rtbill.domain.errors import ConfigError
from rtbill.domain.trunk_numbers import NumberForm, TrunkNumbers
from tests.fakes.config_file import ENVIRON, GOOD

BEFORE = GOOD.partition("[[pbx.trunk]]")[0] + "[pbx.dialplan]\n"


def a_trunk(*match: str, name: str = "carrier", dial: str = "") -> str:
    lines = f'[[pbx.trunk]]\nname = "{name}"\nmatch = {list(match)}\n'.replace("'", '"')
    return lines + (f'dial = "{dial}"\n' if dial else "")


def problems(folder: Path, *trunks: str, dialplan: str = "") -> list[str]:
    """What is said of an exchange with these trunks; empty when it is accepted."""
    path = folder / "config.toml"
    path.write_text(f"{BEFORE}{dialplan}\n{''.join(trunks)}")
    try:
        load_config(path, ENVIRON)
    except ConfigError as error:
        return error.problems
    return []


# ---- what is dialled is billed


@pytest.mark.parametrize(
    ("dial", "match"),
    [
        ("PJSIP/%s@carrier", "PJSIP/carrier-*"),
        ("PJSIP/%s@carrier", "PJSIP/carrier"),
        ("PJSIP/%s@carrier", "PJSIP/car*"),
        ("PJSIP/%s@carrier", "PJSIP/carrier-0*"),
        ("pjsip/%s@carrier", "PJSIP/carrier-"),
        ("PJSIP/carrier/sip:%s@192.0.2.1:5060", "PJSIP/carrier-*"),
        ("PJSIP/%s@my-carrier", "PJSIP/my-carrier-*"),
        ("PJSIP/0%s@carrier", "PJSIP/carrier-*"),
        ("SIP/carrier/%s", "SIP/carrier-*"),
        ("SIP/%s@carrier", "SIP/*"),
        ("SIP/%s@192.0.2.1:5070", "SIP/192.0.2.1"),
        ("SIP/%s@192.0.2.1:5070", "SIP/192.0.2.1:5070-"),
        ("IAX2/carrier/%s", "IAX2/carrier-*"),
        ("IAX2/me:word@carrier/%s", "IAX2/carrier-*"),
        ("IAX2/carrier:4569/%s", "IAX2/carrier-*"),
        ("IAX2/me@192.0.2.1/%s", "IAX2/-"),
        ("DAHDI/g0/%s", "DAHDI/i1/"),
        ("DAHDI/G1/%s", "DAHDI/5-*"),
        ("DAHDI/r12/%s", "DAHDI/"),
        ("DAHDI/i1/%s", "DAHDI/i1/*"),
        ("DAHDI/i1/%s", "DAHDI/i1"),
        ("DAHDI/i1/%s", "DAHDI/"),
        ("DAHDI/i1-3/%s", "DAHDI/i1/"),
        ("DAHDI/5/%s", "DAHDI/5-*"),
        ("DAHDI/5c/%s", "DAHDI/5-*"),
        ("DAHDI/5/%s", "DAHDI/i1/"),
        ("Local/%s@gateway/n", "PJSIP/carrier-*"),
        ("Dongle/dongle0/%s", "Dongle/dongle0-"),
        ("dongle/g0/%s", "Dongle/"),
    ],
)
def test_dial_whose_channels_are_matched_is_accepted(tmp_path: Path, dial: str, match: str) -> None:
    assert problems(tmp_path, a_trunk(match, dial=dial)) == []


@pytest.mark.parametrize(
    ("dial", "match", "channels"),
    [
        ("PJSIP/%s@other", "PJSIP/carrier-*", "PJSIP/other-"),
        ("PJSIP/%s@carrier", "PJSIP/carrier-two-*", "PJSIP/carrier-"),
        ("PJSIP/%s@carrier", "PJSIP/carriers*", "PJSIP/carrier-"),
        ("PJSIP/carrier/sip:%s@192.0.2.1", "PJSIP/192.0.2.1-*", "PJSIP/carrier-"),
        ("SIP/carrier/%s", "PJSIP/carrier-*", "SIP/carrier-"),
        ("IAX2/carrier@other/%s", "IAX2/carrier-*", "IAX2/other-"),
        ("DAHDI/i2/%s", "DAHDI/i1/*", "DAHDI/i2/"),
        ("DAHDI/i1/%s", "DAHDI/i12/*", "DAHDI/i1/"),
        ("DAHDI/5/%s", "DAHDI/6-*", "DAHDI/5-"),
        ("DAHDI/5/%s", "DAHDI/55-*", "DAHDI/5-"),
        ("DAHDI/g0/%s", "PJSIP/carrier-*", "DAHDI/"),
        ("Dongle/dongle0/%s", "PJSIP/carrier-*", "Dongle/"),
    ],
)
def test_dial_whose_channels_nothing_matches_is_named_with_the_remedy(
    tmp_path: Path, dial: str, match: str, channels: str
) -> None:
    assert problems(tmp_path, a_trunk(match, name="out", dial=dial)) == [
        f"pbx[0].trunk[0].dial: trunk 'out' is dialled as {dial}, so its channels are named "
        f"{channels}..., and none of its match ({match}) means those: no call on it would be "
        f"billed; correct dial, or add {channels}* to match"
    ]


def test_one_fitting_matcher_of_several_is_enough(tmp_path: Path) -> None:
    trunk = a_trunk("SIP/old-*", "PJSIP/carrier-*", dial="PJSIP/%s@carrier")
    assert problems(tmp_path, trunk) == []


@pytest.mark.parametrize("flavour", ["freepbx16", "freepbx17"])
@pytest.mark.parametrize("match", ["SIP/", "IAX2/*", "DAHDI/", "PJSIP/carrier-*"])
def test_freepbx_needs_no_dial_and_judges_none(tmp_path: Path, flavour: str, match: str) -> None:
    dialplan = f'flavour = "{flavour}"'
    assert problems(tmp_path, a_trunk(match), dialplan=dialplan) == []
    assert problems(tmp_path, a_trunk(match, dial="PJSIP/%s@other"), dialplan=dialplan) == []


@pytest.mark.parametrize("flavour", ["freepbx16", "freepbx17"])
def test_outside_prefix_is_refused_where_freepbx_takes_it_off(tmp_path: Path, flavour: str) -> None:
    dialplan = f'flavour = "{flavour}"\noutside_prefix = "9"'
    (found,) = problems(tmp_path, a_trunk("PJSIP/carrier-*"), dialplan=dialplan)
    assert found.startswith("pbx[0].dialplan.outside_prefix: ")
    assert "routes take a prefix off before" in found


# ---- whose channel it is


def test_matcher_of_two_trunks_is_refused_however_it_is_written(tmp_path: Path) -> None:
    trunks = [a_trunk("PJSIP/carrier-*", name="one"), a_trunk("PJSIP/carrier-", name="two")]
    (found,) = problems(tmp_path, *trunks)
    assert found.startswith("pbx[0].trunk: one and two both match PJSIP/carrier-*, so nobody can")


def test_closer_matcher_beside_a_wider_one_is_no_repetition(tmp_path: Path) -> None:
    assert problems(tmp_path, a_trunk("SIP/"), a_trunk("SIP/second-*", name="second")) == []


def test_matcher_that_one_trunk_has_twice_is_harmless(tmp_path: Path) -> None:
    assert problems(tmp_path, a_trunk("PJSIP/carrier-*", "PJSIP/carrier-")) == []


@pytest.mark.parametrize(
    ("match", "written"), [("pjsip/carrier-*", "PJSIP/carrier-*"), ("Dahdi/i1/", "DAHDI/i1/")]
)
def test_technology_is_written_as_asterisk_writes_it(
    tmp_path: Path, match: str, written: str
) -> None:
    (found,) = problems(tmp_path, a_trunk(match))
    assert found.startswith(f"pbx[0].trunk[0].match[0]: {match}: Asterisk writes ")
    assert found.endswith(f"; write {written}")


@pytest.mark.parametrize("match", ["DAHDI/g1/*", "DAHDI/G0", "DAHDI/r2/", "DAHDI/R3-"])
def test_group_of_lines_is_no_channels_name(tmp_path: Path, match: str) -> None:
    (found,) = problems(tmp_path, a_trunk(match))
    assert found.startswith(f"pbx[0].trunk[0].match[0]: {match}: a group of lines is dialled so")


# ---- telephones are no trunks


@pytest.mark.parametrize(
    ("match", "dialplan"),
    [
        ("PJSIP/", ""),
        ("PJSIP/*", 'flavour = "freepbx17"'),
        ("PJSIP/1*", ""),
        ("PJSIP/1001-*", ""),
        ("PJSIP/207-", 'extensions = ["1xxx", "2xx"]'),
        ("SIP/", 'phone_dial = "SIP/%s"'),
        ("SIP/proxy-*", 'phone_dial = "SIP/%s@proxy"'),
        ("PJSIP/room-*", 'phone_dial = "PJSIP/room-%s"'),
        ("PJSIP/room-1001-*", 'phone_dial = "PJSIP/room-%s"'),
    ],
)
def test_matcher_that_means_telephones_is_refused(
    tmp_path: Path, match: str, dialplan: str
) -> None:
    (found,) = problems(tmp_path, a_trunk(match), dialplan=dialplan)
    assert found.startswith("pbx[0].trunk[0].match[0]: ")
    assert "means telephones too" in found
    assert "correct dialplan.phone_dial or dialplan.extensions" in found


@pytest.mark.parametrize(
    ("match", "dialplan"),
    [
        ("SIP/1001-*", ""),
        ("DAHDI/21-*", 'extensions = ["2x"]'),
        ("PJSIP/carrier-*", 'devices = { carrier = "1001" }'),
    ],
)
def test_endpoint_of_a_trunk_that_counts_as_an_extension_is_refused(
    tmp_path: Path, match: str, dialplan: str
) -> None:
    (found,) = problems(tmp_path, a_trunk(match), dialplan=dialplan)
    assert "is named like an extension of dialplan." in found


@pytest.mark.parametrize(
    ("match", "dialplan"),
    [
        ("PJSIP/carrier-*", ""),
        ("PJSIP/1und1-*", ""),
        ("PJSIP/2001-*", ""),
        ("PJSIP/10012-*", ""),
        ("PJSIP/1001net-*", ""),
        ("SIP/", ""),
        ("SIP/*", ""),
        ("DAHDI/", ""),
        ("DAHDI/1-*", ""),
        ("PJSIP/", 'phone_dial = "SIP/%s"'),
        ("PJSIP/carrier-*", 'phone_dial = "Local/%s@phones"'),
        ("SIP/carrier-*", 'phone_dial = "SIP/%s@proxy"'),
        ("PJSIP/roof-*", 'phone_dial = "PJSIP/room-%s"'),
    ],
)
def test_matcher_of_the_trunk_alone_is_accepted(tmp_path: Path, match: str, dialplan: str) -> None:
    assert problems(tmp_path, a_trunk(match), dialplan=dialplan) == []


def test_what_is_wrong_with_trunks_is_told_beside_other_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = BEFORE.replace('"EUR"', '"EUX"') + a_trunk("PJSIP/carrier-*", dial="PJSIP/%s@other")
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    places = [each.partition(":")[0] for each in caught.value.problems]
    assert places == ["pbx[0].secret_file", "pbx[0].trunk[0].dial", "site.currency"]


@pytest.mark.parametrize("site", ["internal = 7", 'internal = ["1??"]'])
def test_extensions_that_cannot_be_read_are_told_once(tmp_path: Path, site: str) -> None:
    path = tmp_path / "config.toml"
    text = BEFORE.replace('internal = ["1xxx"]', site) + a_trunk("PJSIP/1001-*")
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, ENVIRON)
    (found,) = caught.value.problems
    assert found.startswith("site.internal")


def test_a_trunk_says_how_numbers_stand_on_it(tmp_path: Path) -> None:
    rules = 'strip = ["010033", "9"]\naccess_digits = 3\nnumbers = "international"\n'
    path = tmp_path / "config.toml"
    path.write_text(BEFORE + a_trunk("PJSIP/carrier-*") + rules)

    [trunk] = load_config(path, ENVIRON).pbxs[0].trunks

    assert trunk.numbers == TrunkNumbers(
        strip=("010033", "9"), access_digits=3, form=NumberForm.INTERNATIONAL
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('strip = ["+49x"]', "strip"),
        ("access_digits = 11", "access_digits"),
        ("access_digits = -1", "access_digits"),
        ('numbers = "e164"', "numbers"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(BEFORE + a_trunk("PJSIP/carrier-*") + line + "\n")
    with pytest.raises(ConfigError, match=complaint):
        load_config(path, ENVIRON)
