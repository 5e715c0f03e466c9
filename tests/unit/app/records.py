"""Records of calls to set side by side: ours in the books, theirs in files as others write them."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from rtbill.app.comparing import Compared
from rtbill.app.their_calls import BillFiles, CdrFiles
from rtbill.domain.call import CallId
from rtbill.formats.bill_mapping import BillMapping
from tests.fakes.books import a_record
from tests.fakes.builders import at
from tests.unit.app.hall import PBX, Hall
from tests.unit.comparison.builders import lines

NOON = at("2026-11-22T12:00:00")


def master_row(
    answer: datetime = NOON, talk_s: int = 60, number: str = "030123456", payer: str = "1001",
    line: int = 1, disposition: str = "ANSWERED",
) -> str:  # fmt: skip
    """A row of Master.csv with ids and without new columns; ten seconds of ringing."""
    start, end = answer - timedelta(seconds=10), answer + timedelta(seconds=talk_s)
    answered = f'"{answer:%F %T}"' if disposition == "ANSWERED" else ""
    return (
        f'"","{payer}","0{number}","from-internal","""X"" <{payer}>","PJSIP/{payer}-{line:08x}",'
        f'"PJSIP/carrier-{line:08x}","Dial","PJSIP/{number}@carrier,300,T","{start:%F %T}",'
        f'{answered},"{end:%F %T}",{talk_s + 10},{talk_s},"{disposition}","DOCUMENTATION",'
        f'"{start.timestamp():.0f}.{line}",""\n'
    )


async def bill(hall: Hall, answer: datetime = NOON, talk_s: float = 60, **fields: object) -> None:
    """A call in our books, as real as those of the rows."""
    values = {
        "payer": "1001",
        "dialled": "030123456",
        "ended_at": answer + timedelta(seconds=talk_s),
        "id": CallId(PBX, f"{answer.timestamp()}"),
    }
    await hall.bill(a_record("", answer, **(values | fields)))


def told(done: Compared) -> list[str]:
    return lines(done.comparison)


def master(folder: Path, *rows: str, name: str = "Master.csv") -> CdrFiles:
    path = folder / name
    path.write_text("".join(rows))
    return CdrFiles(paths=[path], zone="UTC")


COLUMNS = "calldate, channel, dstchannel, lastapp, lastdata, duration, billsec, disposition"


def sqlite_file(folder: Path, columns: str, *rows: tuple[object, ...]) -> CdrFiles:
    path = folder / "master.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE cdr ({columns})")
        marks = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO cdr VALUES ({marks})", rows)
    connection.close()
    return CdrFiles(paths=[path], zone="UTC")


MAPPING = BillMapping(
    delimiter=";",
    number="to",
    number_prefix="+",
    start=("at",),
    start_format="%Y-%m-%d %H:%M:%S",
    zone="UTC",
    duration="s",
    duration_form="seconds",
    price="eur",
    currency="EUR",
    caller="line",
)


def carriers_bill(folder: Path, *rows: str, mapping: BillMapping = MAPPING) -> BillFiles:
    path = folder / "bill.csv"
    path.write_text("to;at;s;eur;line\n" + "".join(f"{row}\n" for row in rows))
    return BillFiles(paths=[path], mapping=mapping, trunk="carrier")
