"""The files of [pbx.tls], checked with the rest of the configuration."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from rtbill.config import client_context, load_config
from rtbill.domain.errors import ConfigError
from tests.fakes.authority import Authority, openssl
from tests.fakes.config_file import ENVIRON, GOOD

FAR = GOOD.replace("127.0.0.1", "192.0.2.10") + "[pbx.tls]\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("certificates")
    authority = Authority(made)
    authority.issue("biller", "DNS:rtbill")
    authority.issue("other", "DNS:rtbill")
    (made / "empty.pem").touch()
    openssl(
        *("ec", "-in", str(made / "biller.key"), "-out", str(made / "locked.key")),
        *("-aes256", "-passout", "pass:secret"),
    )
    (made / "locked.key").chmod(0o400)
    (made / "open.key").write_bytes((made / "biller.key").read_bytes())
    (made / "open.key").chmod(0o644)
    return made


def problems(folder: Path, **tls: str) -> list[str]:
    keys = {"ca_file": "ca.pem", "server_name": "pbx.example.org"} | tls
    path = folder / "config.toml"
    path.write_text(FAR + "".join(f'{key} = "{value}"\n' for key, value in keys.items()))
    try:
        found = load_config(path, ENVIRON).pbxs[0].tls
    except ConfigError as error:
        return [problem.replace(f"{folder}/", "") for problem in error.problems]
    assert found is not None
    assert client_context(found).verify_mode is ssl.CERT_REQUIRED
    return []


@pytest.mark.parametrize(
    ("tls", "problem"),
    [
        ({}, ""),
        ({"client_cert_file": "biller.pem", "client_key_file": "biller.key"}, ""),
        ({"ca_file": "none.pem"}, "ca_file: none.pem cannot be read: No such file or directory"),
        ({"ca_file": "empty.pem"}, "ca_file: empty.pem holds no certificate in PEM form"),
        ({"ca_file": "biller.key"}, "ca_file: biller.key holds no certificate in PEM form"),
        (
            {"client_cert_file": "biller.pem"},
            "client_key_file: is missing, but client_cert_file is there; they go together",
        ),
        (
            {"client_key_file": "biller.key"},
            "client_cert_file: is missing, but client_key_file is there; they go together",
        ),
        (
            {"client_cert_file": "none.pem", "client_key_file": "biller.key"},
            "client_cert_file: none.pem cannot be read: No such file or directory",
        ),
        (
            {"client_cert_file": "biller.pem", "client_key_file": "none.key"},
            "client_key_file: none.key cannot be read: No such file or directory",
        ),
        (
            {"client_cert_file": "biller.pem", "client_key_file": "other.key"},
            "client_key_file: other.key is not the key of biller.pem",
        ),
        (
            {"client_cert_file": "biller.pem", "client_key_file": "open.key"},
            "client_key_file: open.key has mode 0644; run: chmod 0400 open.key",
        ),
        (
            {"client_cert_file": "biller.pem", "client_key_file": "locked.key"},
            "client_cert_file: biller.pem and locked.key are not a certificate and its key in PEM "
            "form, without passphrase",
        ),
    ],
)
def test_each_file_is_tried_and_named_with_what_is_wrong(
    folder: Path, tls: dict[str, str], problem: str
) -> None:
    assert problems(folder, **tls) == ([f"pbx[0].tls.{problem}"] if problem else [])


def test_the_context_trusts_one_authority_and_wants_the_name_and_tls_1_2(folder: Path) -> None:
    path = folder / "config.toml"
    path.write_text(FAR + 'ca_file = "ca.pem"\nserver_name = "pbx"\n')
    tls = load_config(path, ENVIRON).pbxs[0].tls
    assert tls is not None
    context = client_context(tls)
    assert len(context.get_ca_certs()) == 1
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
