"""The tables [payments] and [[gateway]]: what they say, and each mistake in one sentence."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.fakes.config_file import ENVIRON, GOOD, load, problems

ROOT = Path(__file__).parents[3]
STRIPE = '[[gateway]]\nname = "cards"\nkind = "stripe"\nlive = false\n'
KEYS = {
    "RTBILL_GATEWAY_CARDS_API_KEY": "rk_test_of_the_tests_only",
    "RTBILL_GATEWAY_CARDS_WEBHOOK_SECRETS": "whsec_one whsec_two",
}
CONFIRMED = 'vat_confirmed_by = "A. Counter"\nvat_confirmed_on = 2026-01-05\n'
CASHLESS = """[[gateway]]
name = "canteen"
kind = "cashless"
url = "https://cashless.example/soap"
mapping_file = "canteen.toml"
ca_file = "ca.pem"
"""


def test_the_tables_shown_in_config_toml_are_right_as_they_stand(tmp_path: Path) -> None:
    text = (ROOT / "config.toml").read_text()
    shown = text[text.index("[payments]") : text.index("# What happens when money is gone.")]
    of_the_demonstration = ("demo", 'url = "http://127', "api_key =", "webhook_secrets =")
    lines = [
        line.removeprefix("# ")
        for line in shown.splitlines()
        if not line.startswith((*of_the_demonstration, "# The sim", "# two lines"))
    ]
    for name in ("stripe-key", "stripe-webhook-secrets", "canteen-password"):
        (tmp_path / name).write_text("of the tests only")
        (tmp_path / name).chmod(0o400)
    config = load(tmp_path, GOOD + "\n".join(lines))

    assert [each.name for each in config.gateways] == ["cards", "canteen"]
    assert config.payments.url == "http://localhost:9475"
    assert config.gateways[0].api_key == "of the tests only"


SIMULATED = GOOD.replace('name = "hall"\n', 'name = "hall"\ndemo = true\n')
DEMO = STRIPE + 'demo = true\nurl = "http://127.0.0.1:1"\napi_key = "sk_test_x"\n'


def test_a_demonstration_may_show_its_secrets(tmp_path: Path) -> None:
    [gateway] = load(tmp_path, SIMULATED + DEMO + 'webhook_secrets = "whsec_x"\n').gateways

    assert (gateway.api_key, gateway.webhook_secrets) == ("sk_test_x", ("whsec_x",))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("demo = true\n", "", "gateway[0].api_key: secrets are not written here; use api_key_file"),
        ("live = false", "live = true", "gateway[0].demo: a demonstration takes no real money"),
        ("http://127.0.0.1:1", "https://pay.example", "gateway[0].demo: only for a simulated"),
        ('url = "http://127.0.0.1:1"\n', "", "gateway[0].demo: only for a simulated provider"),
    ],
)
def test_secrets_that_anybody_may_read_are_for_a_simulated_provider(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    text = SIMULATED + (DEMO + 'webhook_secrets = "whsec_x"\n').replace(before, after)
    found = problems(tmp_path, text, ENVIRON | KEYS)

    assert any(each.startswith(said) for each in found), found


def test_simulated_money_makes_no_real_calls(tmp_path: Path) -> None:
    text = GOOD + DEMO + 'webhook_secrets = "whsec_x"\n'

    assert problems(tmp_path, text) == [
        "gateway[0].demo: its money is simulated, but pbx 'hall' makes real calls; remove this "
        "[[gateway]], or make it one of a provider"
    ]


def test_without_the_tables_nothing_is_sold_and_the_defaults_are_mild(tmp_path: Path) -> None:
    config = load(tmp_path)

    assert config.gateways == ()
    assert (config.payments.grace_min, config.payments.grace_micros) == (15, 2_000_000)
    assert (config.payments.url, config.payments.purchases_per_minute) == ("", 120)
    assert config.payments.purchases_at_once == 25


def test_a_stripe_account_with_its_secrets_from_the_environment(tmp_path: Path) -> None:
    [gateway] = load(tmp_path, GOOD + STRIPE, ENVIRON | KEYS).gateways

    assert (gateway.name, gateway.kind, gateway.is_live) == ("cards", "stripe", False)
    assert gateway.api_key == "rk_test_of_the_tests_only"
    assert gateway.webhook_secrets == ("whsec_one", "whsec_two")


def test_secrets_from_private_files_and_never_shown(tmp_path: Path) -> None:
    for name, text in (("key", "rk_test_in_a_file"), ("hooks", "whsec_one\nwhsec_two\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o400)
    files = 'api_key_file = "key"\nwebhook_secrets_file = "hooks"\n'
    [gateway] = load(tmp_path, GOOD + STRIPE + files).gateways

    assert (gateway.api_key, len(gateway.webhook_secrets)) == ("rk_test_in_a_file", 2)
    assert "rk_test" not in repr(gateway)
    assert "whsec" not in repr(gateway)


def test_secrets_from_systemd(tmp_path: Path) -> None:
    (tmp_path / "gateway-cards-api-key").write_text("rk_test_credential\n")
    (tmp_path / "gateway-cards-webhook-secrets").write_text("whsec_one\n")
    environ = ENVIRON | {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    [gateway] = load(tmp_path, GOOD + STRIPE, environ).gateways

    assert gateway.api_key == "rk_test_credential"


@pytest.mark.parametrize(
    ("keys", "ppm"), [('vat_percent = "19"\n', 190_000), ('vat_point = "use"\n', 0)]
)
def test_how_tax_is_booked_and_who_confirmed_it(tmp_path: Path, keys: str, ppm: int) -> None:
    vat = load(tmp_path, f"{GOOD}[payments]\n{keys}{CONFIRMED}").payments.vat
    assert vat is not None
    assert (vat.percent_ppm, vat.confirmed_by, vat.confirmed_on) == (
        *(ppm, "A. Counter"),
        date(2026, 1, 5),
    )


def test_tax_is_not_booked_where_nobody_confirmed_how(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD + '[payments]\nvat_point = "use"\n').payments.vat is None


def test_a_cashless_provider(tmp_path: Path) -> None:
    text = GOOD + CASHLESS + 'user = "rtbill"\n'
    environ = ENVIRON | {"RTBILL_GATEWAY_CANTEEN_PASSWORD": "of the tests only"}
    [gateway] = load(tmp_path, text, environ).gateways

    assert gateway.mapping_file == tmp_path / "canteen.toml"
    assert (gateway.user, gateway.password, gateway.is_digest) == (
        *("rtbill", "of the tests only"),
        True,
    )


def test_the_readable_file_of_a_secret_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("rk_test_in_a_file")
    (tmp_path / "key").chmod(0o644)
    found = problems(tmp_path, GOOD + STRIPE + 'api_key_file = "key"\n', ENVIRON | KEYS)
    assert len(found) == 1
    assert found[0].startswith("gateway[0].api_key_file: ")
    assert "0644" in found[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (STRIPE.replace("live = false\n", ""), "gateway[0].live: is missing, which a stripe"),
        (STRIPE.replace("stripe", "paypal"), "gateway[0].kind: "),
        (STRIPE + 'mapping_file = "x"\n', "gateway[0].mapping_file: means nothing to a stripe"),
        (STRIPE + "timeout_s = 90\n", "gateway[0].timeout_s: "),
        (STRIPE + 'secret = "x"\n', "gateway[0].secret: unknown key"),
        (STRIPE + STRIPE, "gateway: 'cards' stands there twice"),
        (
            CASHLESS.replace("https:", "http:"),
            "gateway[0].url: 'http://cashless.example/soap' shows",
        ),
        (CASHLESS.replace('ca_file = "ca.pem"\n', ""), "gateway[0].ca_file: is missing"),
        (CASHLESS + 'client_cert_file = "c.pem"\n', "gateway[0].client_key_file: goes together"),
        (CASHLESS + 'user = "x"\n', "gateway[0].password_file: no password found"),
        ('[payments]\nurl = "http://pay.example"\n', "payments.url: 'http://pay.example' shows"),
        ('[payments]\nurl = "pay.example"\n', "payments.url: 'pay.example' is not an address"),
        ('[payments]\ngrace = "-1"\n', "payments.grace: '-1' is below zero"),
        ('[payments]\ngrace = "much"\n', "payments.grace: 'much' is not an amount"),
        ("[payments]\ngrce = 1\n", "payments.grce: unknown key; did you mean 'grace'?"),
        ('[payments]\nvat_point = "later"\n', "payments.vat_point: "),
        ('[payments]\nvat_percent = "19"\n', "payments: vat_confirmed_by and vat_confirmed_on are"),
        ('[payments]\nvat_confirmed_by = "A"\n', "payments: vat_confirmed_by and vat_confirmed_on"),
        ("[payments]\n" + CONFIRMED, "payments: vat_percent is missing"),
        ('[payments]\nvat_percent = "0"\n' + CONFIRMED, "payments: vat_percent is missing"),
        ('[payments]\nvat_percent = "much"\n' + CONFIRMED, "payments.vat_percent: 'much' is not"),
        (
            '[payments]\nvat_point = "use"\nvat_percent = "19"\n' + CONFIRMED,
            "payments: vat_percent means nothing",
        ),
    ],
)
def test_each_mistake_is_one_sentence_that_names_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    found = problems(tmp_path, GOOD + text, ENVIRON | KEYS)
    assert any(each.startswith(problem) for each in found), found


def test_a_missing_key_names_the_three_places_where_it_may_stand(tmp_path: Path) -> None:
    [api_key, hooks] = problems(tmp_path, GOOD + STRIPE)
    assert api_key == (
        "gateway[0].api_key_file: no api-key found; name a file of mode 0400 here, give systemd "
        "the credential gateway-cards-api-key, or set RTBILL_GATEWAY_CARDS_API_KEY"
    )
    assert hooks.startswith("gateway[0].webhook_secrets_file: no webhook-secrets found")
