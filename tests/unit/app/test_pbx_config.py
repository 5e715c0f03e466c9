"""From the configuration to the files of an exchange."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.asterisk.pbx_files import DIALPLAN_FILE, INSTALL_FILE, MANAGER_FILE, stamp_in
from rtbill.app.pbx_config import dial_string, files_of, hidden_extensions
from rtbill.config import Config, TrunkConfig, load_config
from rtbill.domain.errors import ConfigError

SECRET = "a-secret-with-a-;-in-it"
TOKEN = "a-token-of-the-tests-only"
PIN_SECRET = "0123456789abcdef01234567"  # mixed with PINs
CONFIG = """
[site]
name = "Hall"
country = "DE"
country_code = "49"
area_code = "30"
internal = ["1xxx"]
zone = "Europe/Berlin"
currency = "EUR"
[store]
path = "books.sqlite"
[control]
socket = "rtbill.sock"
[rating]
default_tariff = "germany"
[inline]
port = 9465
[[destination_class]]
name = "home"
prefixes = ["+49"]
[[pbx]]
name = "hall"
mode = "inline"
host = "127.0.0.1"
user = "rtbill"
[pbx.dialplan]
outside_prefix = "9"
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
"""
FLAVOURS = ("plain", "freepbx16", "freepbx17")
OF_FREEPBX = {
    *("macro-dialout-trunk", "macro-confirm", "macro-setmusic", "ext-local", "ext-group"),
    *("from-internal", "sub-send-obroute-email"),
}
"""Contexts that FreePBX has."""


def a_config(folder: Path, text: str = CONFIG) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    environ = {"RTBILL_PBX_HALL_SECRET": SECRET, "RTBILL_PBX_HALL_TOKEN": TOKEN}
    return load_config(path, environ)


PREFIX = 'outside_prefix = "9"'


def the_files(folder: Path, text: str = CONFIG, flavour: str = "plain") -> dict[str, str]:
    """The files of a flavour; on FreePBX the prefix is one that the exchange leaves on."""
    if flavour != "plain":
        text = text.replace(PREFIX, "").replace("[store]", 'outside_prefixes = ["9"]\n[store]')
    config = a_config(folder, text)
    return files_of(config, config.pbxs[0], flavour)


# ---- how a trunk is reached


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        ("PJSIP/carrier-*", "PJSIP/%s@carrier"),
        ("PJSIP/my-carrier-", "PJSIP/%s@my-carrier"),
        ("SIP/carrier-*", "SIP/carrier/%s"),
        ("IAX2/carrier-*", "IAX2/carrier/%s"),
        ("DAHDI/i1/*", "DAHDI/i1/%s"),
        ("DAHDI/5-*", "DAHDI/5/%s"),
        ("DAHDI/", None),
        ("SIP/*", None),
    ],
)
def test_dial_string_is_made_of_the_channels_names_where_it_can(
    matcher: str, expected: str | None
) -> None:
    assert dial_string(TrunkConfig(name="t", matchers=(matcher,))) == expected


def test_dial_string_that_is_written_counts() -> None:
    written = TrunkConfig(name="t", matchers=("PJSIP/carrier-*",), dial="Local/%s@gateway/n")
    assert dial_string(written) == "Local/%s@gateway/n"


def test_values_are_handed_on_once_more_where_a_trunk_is_behind_a_local_channel(
    tmp_path: Path,
) -> None:
    text = CONFIG + 'dial = "Local/%s@gateway/n"\n'
    assert "Set(__RTB_PAYER=${RTB_WHO})" in the_files(tmp_path, text)[DIALPLAN_FILE]
    assert "Set(_RTB_PAYER=${RTB_WHO})" in the_files(tmp_path)[DIALPLAN_FILE]


def test_extension_that_an_emergency_number_hides_is_told(tmp_path: Path) -> None:
    config = a_config(tmp_path, CONFIG.replace('"1xxx"', '"1xx", "2xx"'))
    told = hidden_extensions(config, config.pbxs[0])
    assert told == ["110", "112"]
    config = a_config(tmp_path)
    assert hidden_extensions(config, config.pbxs[0]) == []


def test_extension_that_an_emergency_number_behind_the_outside_prefix_hides_is_told(
    tmp_path: Path,
) -> None:
    config = a_config(tmp_path, CONFIG.replace('"1xxx"', '"9xxx"'))
    assert hidden_extensions(config, config.pbxs[0]) == ["9110", "9112"]
    config = a_config(tmp_path, CONFIG.replace('"1xxx"', '"9xxx"').replace('"9"', '"8"'))
    assert hidden_extensions(config, config.pbxs[0]) == []


def test_what_the_files_cannot_do_without_is_named_all_at_once(tmp_path: Path) -> None:
    text = CONFIG.replace("PJSIP/carrier-*", "DAHDI/").replace(
        'host = "127.0.0.1"\nuser', 'host = "192.0.2.9"\nplain_text_accepted = true\nuser'
    )
    text = text.replace("port = 9465", 'port = 9465\nurl = "https://rtbill.example:9465"')
    with pytest.raises(ConfigError) as caught:
        the_files(tmp_path, text)
    named = "\n".join(caught.value.problems)
    assert "trunk carrier: dial: is missing" in named
    assert "dialplan.permit: is missing, and 192.0.2.9 is another host" in named


def test_dial_that_is_not_among_the_trunks_channels_is_named(tmp_path: Path) -> None:
    config = a_config(tmp_path)
    wrong = TrunkConfig(name="t", matchers=("PJSIP/carrier-*",), dial="PJSIP/%s@other")
    with pytest.raises(ConfigError, match=r"pbx hall, trunk t: dial: .* no call .* be billed"):
        files_of(config, replace(config.pbxs[0], trunks=(wrong,)), "plain")


# ---- what FreePBX does itself


@pytest.mark.parametrize("flavour", ["freepbx16", "freepbx17"])
@pytest.mark.parametrize("matcher", ["SIP/", "DAHDI/", "IAX2/*", "DAHDI/i1/"])
def test_freepbx_dials_its_trunks_itself_so_their_channels_names_are_enough(
    tmp_path: Path, flavour: str, matcher: str
) -> None:
    text = CONFIG.replace("PJSIP/carrier-*", matcher)
    files = the_files(tmp_path, text, flavour)
    start = matcher.removesuffix("*")
    test = f'exten => s,1,Return($["${{ARG1:0:{len(start)}}}" = "{start}"])'
    assert test in files[DIALPLAN_FILE]


@pytest.mark.parametrize("flavour", ["freepbx16", "freepbx17"])
def test_dial_that_freepbx_does_not_use_is_not_judged(tmp_path: Path, flavour: str) -> None:
    text = CONFIG + 'dial = "PJSIP/%s@other"\n'
    assert the_files(tmp_path, text.replace(PREFIX, f'flavour = "{flavour}"'), flavour)


@pytest.mark.parametrize("flavour", ["freepbx16", "freepbx17"])
def test_outside_prefix_is_refused_where_freepbx_takes_it_off(tmp_path: Path, flavour: str) -> None:
    config = a_config(tmp_path)
    with pytest.raises(ConfigError) as caught:
        files_of(config, config.pbxs[0], flavour)
    (problem,) = caught.value.problems
    assert problem.startswith(f"pbx hall: dialplan.outside_prefix: {flavour}: FreePBX's outbound")


# ---- what is written


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_context_that_is_called_is_there(tmp_path: Path, flavour: str) -> None:
    text = the_files(tmp_path, flavour=flavour)[DIALPLAN_FILE]
    there = set(re.findall(r"^\[([^]]+)\]", text, re.MULTILINE))
    called = set(re.findall(r"Gosub\(([a-z0-9-]+),", text))
    called |= set(re.findall(r"Goto(?:If)?\((?:\$\[[^?]*\?)?([a-z][a-z0-9]*-[a-z0-9-]+),", text))
    called |= set(re.findall(r"DIALPLAN_EXISTS\(([a-z0-9-]+),", text))
    called |= set(re.findall(r"include => (\S+)", text))
    assert called - there <= OF_FREEPBX
    assert "rtbill-decide" in called


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_label_that_is_jumped_to_is_in_the_same_extension(
    tmp_path: Path, flavour: str
) -> None:
    text = the_files(tmp_path, flavour=flavour)[DIALPLAN_FILE]
    for extension in re.split(r"^exten => ", text, flags=re.MULTILINE)[1:]:
        labels = set(re.findall(r",?n\(([a-z]+)\),", extension))
        jumps = set(
            re.findall(r"GotoIf\(.*\?([a-z]+)(?::([a-z]+))?\)\s*(?:;.*)?$", extension, re.M)
        )
        wanted = {each for pair in jumps for each in pair if each}
        assert wanted <= labels, extension[:60]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_emergency_numbers_stand_in_every_form_with_and_without_prefix(
    tmp_path: Path, flavour: str
) -> None:
    text = the_files(tmp_path, flavour=flavour)[DIALPLAN_FILE]
    for form in ("112", "+112", "+49112", "0049112", "9112", "9+112", "110", "9110"):
        assert f"\nexten => {form},1," in text


def test_emergency_context_comes_first_and_asks_nobody(tmp_path: Path) -> None:
    text = the_files(tmp_path)[DIALPLAN_FILE]
    phones = text[text.index("[rtbill-phones]") :]
    assert phones.index("include => rtbill-emergency") < phones.index("include => rtbill-internal")
    call = text[text.index("[rtbill-emergency-call]") :]
    call = call[: call.index("\n[")]
    for word in ("CURL", "rtbill-decide", "rtbill/lock", "L(", "TIMEOUT"):
        assert word not in call


def test_secrets_stand_where_they_must_and_nowhere_else(tmp_path: Path) -> None:
    files = the_files(tmp_path)
    assert "secret = a-secret-with-a-\\;-in-it\n" in files[MANAGER_FILE]
    assert files[DIALPLAN_FILE].count(TOKEN) == 1
    assert SECRET not in files[DIALPLAN_FILE]
    assert TOKEN not in files[INSTALL_FILE]
    assert "a-secret" not in files[INSTALL_FILE]


def test_exchange_that_does_not_ask_has_no_question_and_no_token(tmp_path: Path) -> None:
    text = the_files(tmp_path, CONFIG.replace('"inline"', '"reactive"'))[DIALPLAN_FILE]
    assert "CURL" not in text
    assert "DB_EXISTS(rtbill/lock/" in text


def test_stamp_follows_the_content_and_not_the_comments(tmp_path: Path) -> None:
    text = the_files(tmp_path)[DIALPLAN_FILE]
    other = the_files(tmp_path, CONFIG.replace('prefix = "9"', 'prefix = "8"'))[DIALPLAN_FILE]
    again = the_files(tmp_path)[DIALPLAN_FILE]
    assert stamp_in(text) == stamp_in(again) != stamp_in(other)
    assert re.fullmatch("[0-9a-f]{12}", stamp_in(text))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_instructions_name_the_exchange_and_hold_no_gap(tmp_path: Path, flavour: str) -> None:
    text = the_files(tmp_path, flavour=flavour)[INSTALL_FILE]
    assert '"hall"' in text
    assert "rtbill check-pbx hall" in text
    for mark in ("<<", ">>" if flavour == "plain" else "%%", "None", "Undefined"):
        assert mark not in text


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_instructions_warn_of_a_proxy_where_the_exchange_asks(tmp_path: Path, flavour: str) -> None:
    assert "`http_proxy`" in the_files(tmp_path, flavour=flavour)[INSTALL_FILE]
    reactive = CONFIG.replace('"inline"', '"reactive"')
    assert "http_proxy" not in the_files(tmp_path, reactive, flavour)[INSTALL_FILE]


@pytest.mark.parametrize(
    ("lines", "stance", "row"),
    [
        ("", "enforce", "any/600"),
        ("unaided_cap_s = 0", "enforce", "open"),
        ('unaided = "closed"', "enforce", "closed"),
        ('unaided = "closed"', "observe", "open"),
        ("", "warn", "open"),
    ],
)
def test_silence_of_a_biller_that_only_looks_on_ends_no_call(
    tmp_path: Path, lines: str, stance: str, row: str
) -> None:
    text = CONFIG.replace('outside_prefix = "9"', f'outside_prefix = "9"\n{lines}').replace(
        'user = "rtbill"', f'user = "rtbill"\nenforcement = "{stance}"'
    )
    assert f"Set(RTB_ROW={row})" in the_files(tmp_path, text)[DIALPLAN_FILE]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_pins_become_digests_where_the_site_has_a_secret_and_are_wrong_elsewhere(
    tmp_path: Path, flavour: str
) -> None:
    dialplan = the_files(tmp_path, flavour=flavour)[DIALPLAN_FILE]
    assert "SHA1" not in dialplan
    assert "Set(RTB_CODE=pin:none)" in dialplan
    (tmp_path / "pins").write_text(PIN_SECRET)
    (tmp_path / "pins").chmod(0o400)
    text = CONFIG.replace("[rating]", '[payers]\npin_secret_file = "pins"\n[rating]')
    dialplan = the_files(tmp_path, text, flavour)[DIALPLAN_FILE]
    assert f"Set(RTB_CODE=pin:${{SHA1({PIN_SECRET}:${{FILTER(0-9,${{RTB_PIN}})}})}})" in dialplan


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_trunk_is_somebody_who_pays_only_where_that_is_said(tmp_path: Path, flavour: str) -> None:
    dialplan = the_files(tmp_path, flavour=flavour)[DIALPLAN_FILE]
    assert "Set(RTB_SOMEBODY=${RTB_WHO}${RTB_CODE})" in dialplan
    text = CONFIG.replace("[pbx.dialplan]\n", '[pbx.dialplan]\nincoming = "trunk"\n')
    dialplan = the_files(tmp_path, text, flavour)[DIALPLAN_FILE]
    assert "Set(RTB_SOMEBODY=${RTB_WHO}${RTB_CODE}${trunk})" in dialplan
    assert "RTB_WHO=trunk" not in dialplan


def test_the_longest_beginning_of_a_channel_names_its_trunk_group(tmp_path: Path) -> None:
    more = '[[pbx.trunk]]\nname = "gsm"\nmatch = ["PJSIP/carrier-gsm-*"]\n'
    lines = the_files(tmp_path, CONFIG + more)[DIALPLAN_FILE].splitlines()
    start = lines.index(next(line for line in lines if line.startswith("[rtbill-group-of]")))
    groups = [line.rpartition("=")[2] for line in lines[start : start + 5] if "ExecIf" in line]
    assert groups == ["carrier))", "gsm))"], "the last that holds counts"
