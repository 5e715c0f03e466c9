"""FreePBX's lists of extensions, and what reading them gives."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rtbill.formats.freepbx_accounts import Defaults, Standing
from rtbill.formats.freepbx_csv import Choice, Export, read_export

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECRET = "Z7q-telephone-password"
HALL = Defaults(pbx="hall", currency="EUR", account_class="student")
NOTHING = Standing(at=NOW, accounts={}, memberships=())


def a_list(*rows: Mapping[str, str], **dialect: str) -> str:
    """An export with core columns in FreePBX's order, and those of ours that a row names."""
    core = ["extension", "password", "name", "voicemail", "tech", "dial", "description", "secret"]
    ours = dict.fromkeys(name for row in rows for name in row if name not in core)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [*core, *ours], restval="", lineterminator="\n", **dialect)  # type: ignore[arg-type]  # texts only
    writer.writeheader()
    for row in rows:
        writer.writerow({"tech": "pjsip", "secret": SECRET, "password": SECRET} | dict(row))
    return out.getvalue()


def phone(number: str, name: str = "Lena Brandt", **ours: str) -> dict[str, str]:
    return {"extension": number, "name": name} | {f"rtbill_{key}": ours[key] for key in ours}


def read(
    text: str,
    defaults: Defaults = HALL,
    standing: Standing = NOTHING,
    choice: Choice | None = None,
) -> Export:
    return read_export(text, BERLIN, defaults, standing, choice or Choice())


def problems(text: str, defaults: Defaults = HALL, standing: Standing = NOTHING) -> list[str]:
    found = read(text, defaults, standing).accounts
    assert found.accounts == ()
    return [str(problem) for problem in found.problems]


def after(export: Export) -> Standing:
    """The books once this was imported."""
    return Standing(
        at=NOW,
        accounts={account.id: account for account in export.accounts.accounts},
        memberships=export.accounts.memberships,
    )
