"""The `[mail]` table: what is mailed by whom, and secrets that nobody sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtbill.config import MailConfig
from rtbill.domain.contact import Language
from rtbill.domain.notice import OPERATOR_KINDS
from tests.fakes.certificates import Authority
from tests.fakes.config_file import ENVIRON, GOOD, load, problems

MAIL = GOOD + '[mail]\nhost = "mail.example.org"\nsender = "rtbill@example.org"\n'
SIGNING_IN = MAIL + 'username = "rtbill"\n'
PASSWORD = "s3cret"
WITH_PASSWORD = ENVIRON | {"RTBILL_MAIL_PASSWORD": PASSWORD}


def mail(folder: Path, text: str = MAIL, environ: dict[str, str] = ENVIRON) -> MailConfig:
    found = load(folder, text, environ).mail
    assert found is not None
    return found


def test_without_the_table_nothing_is_mailed(tmp_path: Path) -> None:
    assert load(tmp_path).mail is None


def test_what_is_left_out_is_safe(tmp_path: Path) -> None:
    assert mail(tmp_path) == MailConfig(
        host="mail.example.org",
        port=587,
        security="starttls",
        ca_file=None,
        username="",
        password="",
        sender="rtbill@example.org",
        bounces_to="rtbill@example.org",
        operators=(),
        operator_kinds=frozenset(OPERATOR_KINDS),
        language=Language.EN,
        connect_timeout_s=10,
        send_timeout_s=60,
        give_up_h=72,
    )


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_the_security_unless_it_is_given(
    tmp_path: Path, security: str, port: int
) -> None:
    text = MAIL.replace("mail.example.org", "127.0.0.1") + f'security = "{security}"\n'
    assert mail(tmp_path, text).port == port
    assert mail(tmp_path, text + "port = 2525\n").port == 2525


def test_the_password_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mail-password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o400)
    found = mail(tmp_path, SIGNING_IN + 'password_file = "mail-password"\n')
    assert found.password == PASSWORD
    assert PASSWORD not in repr(found)


def test_the_password_may_be_a_credential_of_systemd_or_in_the_environment(tmp_path: Path) -> None:
    assert mail(tmp_path, SIGNING_IN, WITH_PASSWORD).password == PASSWORD
    (tmp_path / "mail-password").write_text("of-systemd\n")
    environ = WITH_PASSWORD | {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert mail(tmp_path, SIGNING_IN, environ).password == "of-systemd"


@pytest.mark.parametrize(
    ("lines", "environ", "said"),
    [
        ('username = "x"', ENVIRON, "mail.password_file: no password found; name a file"),
        ("", WITH_PASSWORD, "mail.username: is missing, but a password is there"),
        (
            'username = "x"\nsecurity = "none"\nplain_text_accepted = true',
            WITH_PASSWORD,
            'mail.security: "none" would show the password to the network',
        ),
        ('security = "none"', ENVIRON, "mail.security: mail.example.org is not this machine"),
        ('security = "ssl"', ENVIRON, "mail.security: Input should be 'starttls', 'tls' or"),
        ('password_file = "gone"', ENVIRON, "mail.password_file: "),
        ('ca_file = "gone.pem"', ENVIRON, "mail.ca_file: "),
        (
            'security = "none"\nplain_text_accepted = true\nca_file = "gone.pem"',
            ENVIRON,
            'mail.ca_file: is given, but security is "none"',
        ),
        ('operators = ["desk"]', ENVIRON, "mail.operators[0]: 'desk' is no e-mail address"),
        ('bounces_to = "x@"', ENVIRON, "mail.bounces_to: 'x@' is no e-mail address"),
        ('operator_kinds = ["alarm"]', ENVIRON, "mail.operator_kinds[0]: 'alarm' is no kind"),
        ('language = "fr"', ENVIRON, "mail.language: Input should be 'en' or 'de'"),
        ("port = 0", ENVIRON, "mail.port: "),
        ("give_up_h = 0", ENVIRON, "mail.give_up_h: "),
        ('password = "x"', ENVIRON, "mail.password: unknown key; did you mean 'password_file'"),
    ],
)
def test_a_table_that_cannot_work_is_refused_with_its_key(
    tmp_path: Path, lines: str, environ: dict[str, str], said: str
) -> None:
    [found] = problems(tmp_path, MAIL + lines + "\n", environ)
    assert found.startswith(said)


def test_a_sender_that_is_no_address_is_refused(tmp_path: Path) -> None:
    text = MAIL.replace("rtbill@example.org", "rtbill")
    [found] = problems(tmp_path, text)
    assert found.startswith("mail.sender: 'rtbill' is no e-mail address")


def test_plain_text_is_for_this_machine_or_where_it_is_accepted(tmp_path: Path) -> None:
    text = MAIL + 'security = "none"\n'
    assert mail(tmp_path, text.replace("mail.example.org", "localhost")).security == "none"
    assert mail(tmp_path, text + "plain_text_accepted = true\n").security == "none"


def test_a_file_that_others_may_read_is_no_place_for_a_password(tmp_path: Path) -> None:
    (tmp_path / "mail-password").write_text(PASSWORD)
    (tmp_path / "mail-password").chmod(0o644)
    [found] = problems(tmp_path, SIGNING_IN + 'password_file = "mail-password"\n')
    assert "has mode 0644; run: chmod 0400" in found


def test_an_authority_is_read_when_the_configuration_is(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    text = MAIL + f'ca_file = "{authority.cert_file}"\n'
    assert mail(tmp_path, text).ca_file == authority.cert_file
    authority.cert_file.write_text("no certificate")
    [found] = problems(tmp_path, text)
    assert "holds no certificate in PEM form" in found
