"""What stands behind --cdr and --bill, and what is said when it cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtbill.app.record_sources import bill_source, cdr_source
from rtbill.app.their_calls import BillFiles
from rtbill.domain.errors import BadRecord, ConfigError


def test_the_example_mapping_is_read_from_its_file() -> None:
    example = Path(__file__).parents[3] / "examples" / "bill-mapping.toml"
    assert isinstance(bill_source([], example, "UTC", None), BillFiles)


def test_a_mapping_file_is_named_with_its_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text("colums = 1\n")
    with pytest.raises(ConfigError, match=r"mapping\.toml: colums: is no key here"):
        bill_source([], path, "UTC", None)
    path.write_text("not toml")
    with pytest.raises(ConfigError, match=r"mapping\.toml"):
        bill_source([], path, "UTC", None)
    with pytest.raises(BadRecord, match="cannot be read"):
        bill_source([], tmp_path / "none.toml", "UTC", None)


# ---------------------------------------------------------------------- where a database is


def dsn_problem(dsn: str, environ: dict[str, str] | None = None, *others: str) -> str:
    with pytest.raises(ConfigError) as caught:
        cdr_source([dsn, *others], "UTC", None, environ or {})
    return str(caught.value)


@pytest.mark.parametrize(
    "password",
    [
        "hunter2",
        "a@hunter2",
        "a/hunter2",
        "12/hunter2",
        "a#hunter2",
        "a?hunter2",
        "a?table=hunter2",
        "%zzhunter2",
        "[hunter2",
        "]hunter2",
        "[::1hunter2",
        "a:hunter2",
        "\u2100hunter2",
        "\udcffhunter2",
        " hunter2",
    ],
)
@pytest.mark.parametrize(
    "dsn",
    [
        "mysql://rtbill:{}@127.0.0.1/asteriskcdrdb",
        "mysql://rtbill:{}@127.0.0.1:port/asteriskcdrdb",
        "mysql://rtbill:{}@[::1/asteriskcdrdb",
        "mysql://rtbill%3A{}@127.0.0.1/asteriskcdrdb",
        "mysql://rtbill@127.0.0.1/asteriskcdrdb?password={}",
    ],
)
def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    dsn: str, password: str
) -> None:
    said = dsn_problem(dsn.format(password))
    assert "--password-file" in said or "@ or a #" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "dsn",
    [
        "mysql://rtbill:hunter2/asteriskcdrdb",
        "mysql://rtbill:12/hunter-2",
        "mysql://rtbill@127.0.0.1:hunter2/asteriskcdrdb",
        "mysql://rtbill@hunter2@127.0.0.1/asteriskcdrdb",
        "mysql://rtbill@a/hunter2@127.0.0.1/asteriskcdrdb",
        "mysql://rtbill@127.0.0.1/asteriskcdrdb#hunter2",
        "mysql:/rtbill:hunter2@127.0.0.1/asteriskcdrdb",
        "mysql:rtbill:hunter2@127.0.0.1/asteriskcdrdb",
        "MySQL://rtbill:hunter2@127.0.0.1/asteriskcdrdb",
        "mariadb://rtbill:hunter2@127.0.0.1/asteriskcdrdb",
    ],
)
def test_a_password_where_none_can_stand_is_not_repeated_either(dsn: str) -> None:
    said = dsn_problem(dsn)
    assert "mysql://" in said
    assert "hunter" not in said


@pytest.mark.parametrize(
    ("dsn", "problem"),
    [
        ("mysql://rtbill@127.0.0.1/", "no database is named"),
        ("mysql://127.0.0.1/asteriskcdrdb", "no username"),
        ("mysql://rtbill@/asteriskcdrdb", "no hostname"),
        ("mysql://rtbill@127.0.0.1:port/asteriskcdrdb", "the port is not a number"),
        ("mysql://rtbill@127.0.0.1:0/asteriskcdrdb", "the port is not a number"),
        ("mysql://rtbill@[::1/asteriskcdrdb", "IPv6 stands in brackets"),
        ("mysql://rtbill@pbx..example/asteriskcdrdb", "the host is no name"),
        ("mysql://rtbill@127.0.0.1/cdr-db", "the name of the database"),
        ("mysql://\udcff@127.0.0.1/asteriskcdrdb", "the username is not text"),
        ("mysql://rtbill@127.0.0.1/asteriskcdrdb?tls_ca=a%00b", "tls_ca is no name of a file"),
        ("mysql://rtbill@127.0.0.1/asteriskcdrdb?table=cdr`x", "table 'cdr`x' is not a name"),
        ("mysql://rtbill@127.0.0.1/asteriskcdrdb?tabel=cdr", "unknown option 'tabel'"),
        ("postgresql://rtbill@127.0.0.1/cdr", "only mysql:// can be read"),
        ("mysql://rtbill@192.0.2.7/asteriskcdrdb", "add tls_ca=FILE"),
        ("mysql://rtbill@127.0.0.1/asteriskcdrdb", "no password for the database"),
    ],
)
def test_a_mistake_in_an_address_is_named_with_the_remedy(dsn: str, problem: str) -> None:
    assert problem in dsn_problem(dsn)


def test_a_database_stands_alone() -> None:
    assert "given alone" in dsn_problem("mysql://u@127.0.0.1/d", {}, "Master.csv")


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("secret")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 0400"):
        cdr_source(["mysql://u@127.0.0.1/d"], "UTC", path, {})


def test_whose_the_password_file_must_be_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "password"
    path.write_text("secret")
    path.chmod(0o400)
    monkeypatch.setattr(os, "geteuid", lambda: 3_999_999_999)
    with pytest.raises(ConfigError, match="that belongs to user 3999999999, who runs this"):
        cdr_source(["mysql://u@127.0.0.1/d"], "UTC", path, {})


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ConfigError, match="--cdr-zone: unknown time zone 'Berlin'"):
        cdr_source(["Master.csv"], "Berlin", None, {})
