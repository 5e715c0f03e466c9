"""The connection to a CDR database, where no server is needed to see what is said."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import Unavailable
from rtbill.mediation import cdr_database
from rtbill.mediation.cdr_address import parse_address
from rtbill.mediation.cdr_database import CdrDatabase

ADDRESS = parse_address("mysql://rtbill@127.0.0.1/asteriskcdrdb")


def test_a_way_to_sign_in_that_needs_another_library_is_said_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def connect(**_: object) -> None:  # MySQL 8 without TLS, MariaDB's ed25519
        raise RuntimeError("'cryptography' package is required for sha256_password")

    monkeypatch.setattr(f"{cdr_database.__name__}.pymysql.connect", connect)
    with pytest.raises(Unavailable, match=r"is required .*; give .* mysql_native_password"):
        CdrDatabase(ADDRESS, "secret").__enter__()
