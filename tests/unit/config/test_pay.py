"""The `[pay]` table: where the pages are served, and what is said to what cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.config_file import ENVIRON, GOOD, load, problems

GATEWAY = '[[gateway]]\nname = "stripe"\nkind = "stripe"\nlive = false\n'
SECRETS = ENVIRON | {
    "RTBILL_GATEWAY_STRIPE_API_KEY": "sk_test_" + "0" * 24,
    "RTBILL_GATEWAY_STRIPE_WEBHOOK_SECRETS": "whsec_" + "0" * 24,
}
URL = '[payments]\nurl = "https://pay.example"\n'


def _text(pay: str, payments: str = URL, gateway: str = GATEWAY) -> str:
    return f"{GOOD}{payments}{gateway}[pay]\n{pay}"


def test_without_the_table_no_pages_are_served(tmp_path: Path) -> None:
    assert load(tmp_path).pay is None


def test_a_port_on_loopback_behind_a_proxy_is_enough(tmp_path: Path) -> None:
    pay = load(tmp_path, _text("port = 9475"), SECRETS).pay
    assert pay is not None
    assert (pay.host, pay.port, pay.cert_file) == ("127.0.0.1", 9475, None)
    assert (pay.trusted_proxy, pay.webhook_port, pay.texts) == ("", 0, None)


def test_everything_can_be_said(tmp_path: Path) -> None:
    text = _text(
        'host = "0.0.0.0"\nport = 443\ntrusted_proxy = "192.0.2.4"\nwebhook_host = "::1"\n'
        'webhook_port = 8443\ntexts = "mandates"\n'
        '[pay.tls]\ncert_file = "c.pem"\nkey_file = "k.pem"\n'
    )
    pay = load(tmp_path, text, SECRETS).pay
    assert pay is not None
    assert (pay.cert_file, pay.texts) == (tmp_path / "c.pem", tmp_path / "mandates")
    assert (pay.trusted_proxy, pay.webhook_host, pay.webhook_port) == ("192.0.2.4", "::1", 8443)


@pytest.mark.parametrize(
    ("pay", "payments", "gateway", "said"),
    [
        ('host = "0.0.0.0"\nport = 80', URL, GATEWAY, "pay.host: 0.0.0.0 is not this machine"),
        (
            'port = 80\nwebhook_host = "192.0.2.1"\nwebhook_port = 81',
            URL,
            GATEWAY,
            "pay.webhook_host: 192.0.2.1 is not this machine",
        ),
        ('port = 80\nwebhook_host = "::1"', URL, GATEWAY, "pay.webhook_port: is missing"),
        ("port = 80\nwebhook_port = 80", URL, GATEWAY, "pay.webhook_port: is that of the pages"),
        ("port = 80", "", GATEWAY, "payments.url: is missing"),
        (
            "port = 80",
            '[payments]\nurl = "http://pay.example"\n',
            GATEWAY,
            "payments.url: 'http://pay.example' shows links and cards to the network; use https",
        ),
        (
            "port = 80",
            '[payments]\nurl = "https://hall.example/pay"\n',
            GATEWAY,
            "payments.url: https://hall.example/pay has a path",
        ),
        (
            'port = 80\n[pay.tls]\ncert_file = "c"\nkey_file = "k"',
            '[payments]\nurl = "http://localhost:80"\n',
            GATEWAY,
            "payments.url: http://localhost:80 is without TLS, but [pay.tls] is there",
        ),
        ("port = 80", URL, "", "pay: there is no [[gateway]]"),
        ('port = 80\ntrusted_proxy = "proxy"', URL, GATEWAY, "pay.trusted_proxy: 'proxy' is not"),
        ("port = 0", URL, GATEWAY, "pay.port: "),
        ("prot = 80", URL, GATEWAY, "pay.prot: unknown key; did you mean 'port'?"),
    ],
)
def test_what_cannot_work_is_told_with_its_place(
    tmp_path: Path, pay: str, payments: str, gateway: str, said: str
) -> None:
    found = problems(tmp_path, _text(pay, payments, gateway), SECRETS)
    assert any(each.startswith(said) for each in found), found
