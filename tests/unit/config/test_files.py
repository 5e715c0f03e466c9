"""The configuration: every mistake at once, each with its place; secrets where they belong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtbill.app.books import assignment
from rtbill.config import load_config
from rtbill.domain.account import Incoming, Outgoing, Service
from rtbill.domain.errors import ConfigError
from rtbill.pricing.assignment import Assignment, Place
from tests.fakes.config_file import GOOD, SECRET, load, problems

ROOT = Path(__file__).parents[3]


def test_the_shipped_configuration_is_accepted() -> None:
    config = load_config(ROOT / "config.toml", {})
    assert [pbx.name for pbx in config.pbxs] == ["hall"]


def test_every_line_of_the_shipped_configuration_is_explained() -> None:
    lines = (ROOT / "config.toml").read_text().splitlines()
    keys = [line for line in lines if " = " in line and not line.startswith("#")]
    plain = [line.split(" ")[0] for line in keys if "#" not in line]
    # These repeat what stands above them.
    assert set(plain) <= {
        "exhausted_outgoing",
        "exhausted_incoming",
        "low_balance",
        "demo",
        "secret",
        "match",
        "kind",
        "host",
        "user",
    }


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert config.store.path == tmp_path / "books.sqlite"
    assert config.control.socket == tmp_path / "rtbill.sock"


def test_internal_patterns_become_expressions(tmp_path: Path) -> None:
    assert load(tmp_path).site.internal_expressions == ("1[0-9][0-9][0-9]",)


def test_a_class_named_standard_always_exists(tmp_path: Path) -> None:
    standard = load(tmp_path).account_classes["standard"]
    assert standard.exhausted == Service(Outgoing.LOCKED, Incoming.DIVERT)


def test_low_balance_is_money_to_the_micro_unit(tmp_path: Path) -> None:
    text = GOOD + '[account_classes.guest]\nlow_balance = "2.000001"\n'
    assert load(tmp_path, text).account_classes["guest"].low_balance_micros == 2_000_001


def test_a_highest_price_a_minute_is_money_and_none_where_the_line_is_missing(
    tmp_path: Path,
) -> None:
    def ceiling(line: str) -> int | None:
        text = GOOD + f"[account_classes.guest]\n{line}\n"
        return load(tmp_path, text).account_classes["guest"].price_per_minute_max_micros

    assert [ceiling(line) for line in ("", 'price_per_minute_max = "0"')] == [None, 0]
    assert ceiling('price_per_minute_max = "0.55"') == 550_000
    text = GOOD + '[account_classes.guest]\nprice_per_minute_max = "-1"\n'
    assert "price_per_minute_max: '-1' is below zero" in "\n".join(problems(tmp_path, text))


def test_all_mistakes_are_reported_at_once_with_their_places(tmp_path: Path) -> None:
    text = (
        GOOD.replace('"Europe/Berlin"', '"Europe/Berln"')
        .replace('"EUR"', '"EUX"')
        .replace('country = "DE"', 'country = "XX"')
        .replace('user = "rtbill"', 'user = "rtbill"\nport = 70000\nsecrett = "x"')
        .replace('host = "127.0.0.1"', 'host = "pbx.example.org"')
        .replace('mode = "reactive"\n', "")
        .replace('"PJSIP/carrier-*"', '"carrier"')
    )
    found = problems(tmp_path, text, {})
    places = [problem.split(":")[0] for problem in found]
    assert places == [
        "pbx[0].mode",
        "pbx[0].port",
        "pbx[0].secret_file",
        "pbx[0].secrett",
        "pbx[0].tls",
        "pbx[0].trunk[0].match[0]",
        "site.country",
        "site.currency",
        "site.zone",
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('currency = "EUR"', 'currency = "EUX"', "site.currency: unknown currency 'EUX'"),
        ("zone =", "zone = 'Europe/Berln' #", "did you mean 'Europe/Berlin'?"),
        ('"DE"', '"XX"', "site.country: unknown country 'XX'"),
        ("[store]", "[store]\nqueue_mx = 9", "store.queue_mx: unknown key; did you mean"),
        ("[store]", "[storre]", "storre: unknown key; did you mean 'store'?"),
        ("[store]", "[store]\nqueue_max = '9'", "store.queue_max: Input should be a valid integer"),
        (
            '"reactive"',
            '"post"',
            "pbx[0].mode: an asterisk exchange tells of its calls while they run",
        ),
        ('"reactive"', '"fast"', "pbx[0].mode: Input should be 'reactive'"),
        ('["112"]', '["one"]', "site.emergency[0]:"),
        ('["1xxx"]', '["1??"]', "site.internal[0]: '1??' is not a pattern"),
        ('name = "hall"', 'name = "Hall/1"', "pbx[0].name: 'Hall/1' is not a name"),
        ("PJSIP/carrier-*", "Local/", "pbx[0].trunk[0].match[0]: 'Local/' is not a channel name"),
        ('"germany"', '"germany"\nguard_s = -1', "rating.guard_s:"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_remedy(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    assert before in GOOD
    assert expected in "\n".join(problems(tmp_path, GOOD.replace(before, after, 1)))


def test_an_amount_must_be_text_because_floats_are_not_money(tmp_path: Path) -> None:
    text = GOOD + "[account_classes.guest]\nlow_balance = 2.1\n"
    assert problems(tmp_path, text) == [
        "account_classes.guest.low_balance: Input should be a valid string"
    ]


def test_two_exchanges_of_one_name_are_refused(tmp_path: Path) -> None:
    text = GOOD + GOOD[GOOD.index("[[pbx]]") :]
    assert "pbx: two exchanges are named 'hall'" in problems(tmp_path, text)


def test_a_file_that_is_not_toml_is_named_with_the_line(tmp_path: Path) -> None:
    assert "line 1" in problems(tmp_path, "site = x\n")[0]


def test_a_missing_file_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--config"):
        load_config(tmp_path / "none.toml", {})


def test_the_secret_is_not_shown_by_repr(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert config.pbxs[0].secret == SECRET
    assert SECRET not in repr(config)


def test_a_secret_file_of_mode_0400_is_read(tmp_path: Path) -> None:
    (tmp_path / "ami-secret").write_text(SECRET + "\n")
    (tmp_path / "ami-secret").chmod(0o400)
    text = GOOD.replace('user = "rtbill"', 'user = "rtbill"\nsecret_file = "ami-secret"')
    assert load(tmp_path, text, {}).pbxs[0].secret == SECRET


def test_a_secret_file_that_others_can_read_is_refused_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "ami-secret").write_text(SECRET)
    (tmp_path / "ami-secret").chmod(0o644)
    text = GOOD.replace('user = "rtbill"', 'user = "rtbill"\nsecret_file = "ami-secret"')
    (found,) = problems(tmp_path, text, {})
    assert "mode 0644; run: chmod 0400" in found
    assert SECRET not in found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_secret_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ami-secret").write_text(SECRET)
    (tmp_path / "ami-secret").chmod(0o400)
    os.chown(tmp_path / "ami-secret", 65534, -1)
    text = GOOD.replace('user = "rtbill"', 'user = "rtbill"\nsecret_file = "ami-secret"')
    assert "belongs to user 65534" in problems(tmp_path, text, {})[0]


def test_a_systemd_credential_is_used(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "pbx-hall").write_text(SECRET + "\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert load(tmp_path, GOOD, environ).pbxs[0].secret == SECRET


def test_no_secret_at_all_names_the_three_ways(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD, {})
    assert "mode 0400" in found
    assert "pbx-hall" in found
    assert "RTBILL_PBX_HALL_SECRET" in found


@pytest.mark.parametrize("secret", ["amp111", "ClueCon", "admin", "short-but-unknown", ""])
def test_a_weak_secret_is_refused_and_not_repeated(tmp_path: Path, secret: str) -> None:
    if len(secret) >= 16:
        secret = secret[:15]
    found = problems(tmp_path, GOOD, {"RTBILL_PBX_HALL_SECRET": secret})
    assert found[0].startswith("pbx[0].secret: ")
    assert not secret or f" {secret} " not in found[0]


def test_a_weak_secret_may_be_accepted_in_writing(tmp_path: Path) -> None:
    text = GOOD.replace('user = "rtbill"', 'user = "rtbill"\nweak_secret_accepted = true')
    assert load(tmp_path, text, {"RTBILL_PBX_HALL_SECRET": "amp111"}).pbxs[0].secret == "amp111"


def test_a_secret_in_the_file_is_for_demonstrations_only(tmp_path: Path) -> None:
    text = GOOD.replace('user = "rtbill"', f'user = "rtbill"\nsecret = "{SECRET}"')
    assert problems(tmp_path, text)[0].startswith("pbx[0].secret: a secret does not belong")
    demo = text.replace("secret =", "demo = true\nsecret =")
    assert load(tmp_path, demo, {}).pbxs[0].secret == SECRET


def test_a_demonstration_stays_on_this_machine(tmp_path: Path) -> None:
    text = GOOD.replace(
        'host = "127.0.0.1"',
        f'host = "10.0.0.5"\nplain_text_accepted = true\ndemo = true\nsecret = "{SECRET}"',
    )
    assert problems(tmp_path, text) == [
        "pbx[0].demo: only for an exchange on this machine; set host to 127.0.0.1"
    ]


def test_a_far_exchange_needs_tls_or_a_word_in_writing(tmp_path: Path) -> None:
    far = GOOD.replace("127.0.0.1", "10.0.0.5")
    assert problems(tmp_path, far)[0].startswith("pbx[0].tls: 10.0.0.5 is not this machine")
    accepted = far.replace('user = "rtbill"', 'user = "rtbill"\nplain_text_accepted = true')
    assert load(tmp_path, accepted).pbxs[0].tls is None
    tls = far + '[pbx.tls]\nca_file = "ca.pem"\nserver_name = "pbx.example.org"\n'
    assert problems(tmp_path, tls)[0].startswith("pbx[0].tls.ca_file: ")


def test_there_are_only_so_many_destination_classes_as_a_row_can_hold(tmp_path: Path) -> None:
    text = GOOD + "".join(
        f'[[destination_class]]\nname = "class{n}"\nprefixes = ["+{100 + n}"]\n' for n in range(21)
    )
    assert "destination_class" in "\n".join(problems(tmp_path, text))


@pytest.mark.parametrize(
    "tables",
    [
        [("home", "+49"), ("home", "+41")],
        [("other", "+49")],
        [("home", "+49"), ("abroad", "+49")],
    ],
)
def test_destination_classes_are_apart(tmp_path: Path, tables: list[tuple[str, str]]) -> None:
    text = GOOD + "".join(
        f'[[destination_class]]\nname = "{name}"\nprefixes = ["{prefix}"]\n'
        for name, prefix in tables
    )
    assert "destination_class: two" in "\n".join(problems(tmp_path, text))


def test_lists_are_named_at_class_exchange_and_trunk_and_carriers_at_trunks(tmp_path: Path) -> None:
    text = (
        GOOD.replace('user = "rtbill"', 'user = "rtbill"\ntariff = "of-exchange"')
        + 'tariff = "of-trunk"\ncarrier = "wholesale"\n'
        + '[account_classes.student]\ntariff = "of-class"\n'
    )
    place = Place("hall", "carrier")

    assert assignment(load(tmp_path, text)) == Assignment(
        default="germany",
        by_class={"student": "of-class"},
        by_pbx={"hall": "of-exchange"},
        by_trunk={place: "of-trunk"},
        carriers={place: "wholesale"},
        trunks=(place,),
    )
    assert assignment(load(tmp_path)) == Assignment(default="germany", trunks=(place,))


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ('user = "rtbill"', 'user = "rtbill"\ntariff = "Own List"', "pbx[0].tariff"),
        ('name = "carrier"', 'name = "carrier"\ntariff = ""', "pbx[0].trunk[0].tariff"),
        ('name = "carrier"', 'name = "carrier"\ncarrier = 7', "pbx[0].trunk[0].carrier"),
    ],
)
def test_a_list_that_is_no_name_is_named_by_its_place(
    tmp_path: Path, before: str, after: str, place: str
) -> None:
    [problem] = problems(tmp_path, GOOD.replace(before, after))
    assert problem.startswith(f"{place}: ")
