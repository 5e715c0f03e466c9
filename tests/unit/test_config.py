"""The configuration: every mistake at once, each with its place; secrets where they belong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from rtbill.config import Config, load_config
from rtbill.domain.account import Incoming, Outgoing, Service
from rtbill.domain.errors import ConfigError

ROOT = Path(__file__).parents[2]
SECRET = "0123456789abcdef0123"  # long enough, and nobody's default
GOOD = """
[site]
name = "Hall"
country = "DE"
country_code = "49"
internal = ["1xxx"]
zone = "Europe/Berlin"
currency = "EUR"
emergency = ["112"]
[store]
path = "books.sqlite"
[control]
socket = "rtbill.sock"
[rating]
default_tariff = "germany"
[[pbx]]
name = "hall"
mode = "reactive"
host = "127.0.0.1"
user = "rtbill"
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
"""
ENVIRON = {"RTBILL_PBX_HALL_SECRET": SECRET}


def load(folder: Path, text: str = GOOD, environ: Mapping[str, str] = ENVIRON) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return load_config(path, environ)


def problems(folder: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ)
    return caught.value.problems


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


# ---- an exchange that asks before it dials

ASKING = GOOD.replace('"reactive"', '"inline"') + "[inline]\nport = 9465\n"
ASKING_ENVIRON = ENVIRON | {"RTBILL_PBX_HALL_TOKEN": "a-token-of-the-tests-only"}


def test_an_exchange_that_asks_has_a_token_and_an_address_to_ask(tmp_path: Path) -> None:
    config = load(tmp_path, ASKING, ASKING_ENVIRON)
    assert config.pbxs[0].token == "a-token-of-the-tests-only"
    assert config.inline.address == "http://127.0.0.1:9465"


def test_an_exchange_that_asks_needs_a_place_to_ask(tmp_path: Path) -> None:
    text = ASKING.replace("port = 9465", "")
    assert "inline.port: is missing" in "\n".join(problems(tmp_path, text, ASKING_ENVIRON))


def test_a_token_is_looked_for_only_where_an_exchange_asks(tmp_path: Path) -> None:
    assert load(tmp_path).pbxs[0].token == ""
    assert "RTBILL_PBX_HALL_TOKEN" in "\n".join(problems(tmp_path, ASKING))


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("secret", "token: is one that everybody knows"),
        ("short-but-new", "token: is shorter than 16"),
        ("a token with ${EPOCH} inside", "token: may hold letters"),
    ],
)
def test_a_token_that_is_weak_or_unsafe_in_a_dialplan_is_refused(
    tmp_path: Path, token: str, expected: str
) -> None:
    environ = ENVIRON | {"RTBILL_PBX_HALL_TOKEN": token}
    assert expected in "\n".join(problems(tmp_path, ASKING, environ))


@pytest.mark.parametrize("more", ['host = "0.0.0.0"', 'host = "192.0.2.7"'])
def test_questions_from_another_host_need_tls(tmp_path: Path, more: str) -> None:
    found = "\n".join(problems(tmp_path, ASKING + more, ASKING_ENVIRON))
    assert "inline.tls" in found
    config = load(tmp_path, ASKING + more + "\nplain_text_accepted = true", ASKING_ENVIRON)
    assert config.inline.port == 9465


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:9465"),
        ("::", "http://[::1]:9465"),
        ("::1", "http://[::1]:9465"),
        ("192.0.2.7", "http://192.0.2.7:9465"),
    ],
)
def test_an_exchange_on_this_machine_asks_an_address_that_can_be_asked(
    tmp_path: Path, host: str, address: str
) -> None:
    text = f'{ASKING}host = "{host}"\nplain_text_accepted = true\n'
    assert load(tmp_path, text, ASKING_ENVIRON).inline.address == address


ASKING_FROM_AFAR = ASKING.replace(
    'host = "127.0.0.1"', 'host = "192.0.2.10"\nplain_text_accepted = true'
)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "0.0.0.0", "::"])
def test_an_exchange_on_another_machine_is_told_an_address_that_it_reaches(
    tmp_path: Path, host: str
) -> None:
    text = f'{ASKING_FROM_AFAR}host = "{host}"\nplain_text_accepted = true\n'
    (found,) = problems(tmp_path, text, ASKING_ENVIRON)
    assert found.startswith("inline.url: is missing, but pbx 'hall' at 192.0.2.10 is another")
    assert f"at {host} it would ask itself; write the address" in found
    told = text + 'url = "http://192.0.2.20:9465"\n'
    assert load(tmp_path, told, ASKING_ENVIRON).inline.address == "http://192.0.2.20:9465"


def test_an_address_of_this_machine_that_the_exchange_reaches_is_enough(tmp_path: Path) -> None:
    text = ASKING_FROM_AFAR + 'host = "192.0.2.20"\nplain_text_accepted = true\n'
    config = load(tmp_path, text, ASKING_ENVIRON)
    assert config.inline.address == "http://192.0.2.20:9465"


def test_who_does_not_ask_needs_no_address(tmp_path: Path) -> None:
    text = ASKING_FROM_AFAR.replace('"inline"', '"reactive"')
    assert load(tmp_path, text).inline.url is None


@pytest.mark.parametrize("url", ["http://0.0.0.0:9465", "https://[::]:9465"])
def test_all_addresses_at_once_cannot_be_asked(tmp_path: Path, url: str) -> None:
    (found,) = problems(tmp_path, f'{ASKING}url = "{url}"\n', ASKING_ENVIRON)
    assert found == f"inline.url: {url} stands for all addresses and is none to ask; name one"


def test_the_end_of_a_tunnel_on_the_exchange_may_be_named(tmp_path: Path) -> None:
    text = ASKING_FROM_AFAR + 'url = "http://127.0.0.1:9465"\n'
    assert load(tmp_path, text, ASKING_ENVIRON).inline.address == "http://127.0.0.1:9465"


def test_the_certificate_makes_the_address_https(tmp_path: Path) -> None:
    text = ASKING + '[inline.tls]\ncert_file = "c.pem"\nkey_file = "k.pem"\n'
    config = load(tmp_path, text, ASKING_ENVIRON)
    assert config.inline.address == "https://127.0.0.1:9465"
    assert config.inline.tls is not None
    assert config.inline.tls.cert_file == tmp_path / "c.pem"


# ---- what the generated dialplan is told


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
