"""`rtbill compare` against FreePBX's call records in a real MariaDB."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rtbill.app.record_sources import cdr_source
from rtbill.app.their_calls import TheirSource
from rtbill.comparison.trunk_legs import Site
from rtbill.domain.call import CallId
from rtbill.domain.errors import BadRecord, ConfigError, Unavailable
from rtbill.mediation import cdr_database
from rtbill.mediation.cdr_address import parse_address
from rtbill.mediation.cdr_database import CdrDatabase
from tests.fakes.books import a_record
from tests.integration.mariadb.freepbx import DATABASE, PASSWORD, USER, insert
from tests.integration.mariadb.server import MariaDb
from tests.transcripts.test_asterisk_captures import FOLDER
from tests.unit.app.hall import PBX, Hall
from tests.unit.comparison.builders import lines

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 11, tzinfo=UTC)
"""Noon in Berlin."""


def dsn(server: MariaDb, rest: str = "") -> str:
    return f"mysql://{USER}@127.0.0.1:{server.port}/{DATABASE}{rest}"


def source(server: MariaDb, rest: str = "", password: str = PASSWORD) -> TheirSource:
    environ = {"RTBILL_CDR_PASSWORD": password}
    return cdr_source([dsn(server, rest)], "Europe/Berlin", None, environ)


def row(answer: datetime, talk_s: int, line: int, **cells: str | int) -> dict[str, str | int]:
    """A call of 1001 by the trunk, as FreePBX's macro dials it, after twelve seconds of ringing."""
    start = answer - timedelta(seconds=12)
    values: dict[str, str | int] = {
        "calldate": f"{start.astimezone(BERLIN):%Y-%m-%d %H:%M:%S}",
        "clid": '"Zoë" <1001>',
        "src": "030987654",
        "dst": "030123456",
        "dcontext": "from-internal",
        "channel": f"PJSIP/1001-{line:08x}",
        "dstchannel": f"PJSIP/carrier-{line:08x}",
        "lastapp": "Dial",
        "lastdata": "PJSIP/030123456@carrier,300,Tb(func-apply-sipheaders^s^1,(1))U(sub-send-",
        "duration": talk_s + 12,
        "billsec": talk_s,
        "disposition": "ANSWERED",
        "amaflags": 3,
        "uniqueid": f"{start.timestamp():.0f}.{line}",
        "cnum": "1001",
        "linkedid": f"{start.timestamp():.0f}.{line}",
        "sequence": line,
    }
    return values | cells


@pytest.fixture
async def hall(tmp_path: Path) -> Hall:
    return await Hall(tmp_path, "Europe/Berlin").open()


async def bill(hall: Hall, answer: datetime, talk_s: float) -> None:
    ended_at = answer + timedelta(seconds=talk_s)
    call = CallId(PBX, f"{answer.timestamp()}")
    await hall.bill(a_record("", answer, id=call, dialled="030123456", ended_at=ended_at))


async def test_a_lost_call_and_a_wrong_duration_are_found_over_three_days(
    mariadb: MariaDb, hall: Hall
) -> None:
    answers = [NOON + timedelta(minutes=30 * each) for each in range(144)]
    rows = []
    for each, answer in enumerate(answers):
        rows.append(row(answer, 120 if each == 90 else 60, each))
        if each != 50:
            await bill(hall, answer, 60)
    insert(mariadb, rows)
    done = await hall.compare(source(mariadb))
    assert lines(done.comparison) == [
        f"missing {answers[50]:%T} room-1 0.60",
        f"duration {answers[90]:%T} room-1 0.60",
    ]
    assert done.comparison.matched.calls == 143
    assert done.problem_count == 0


async def test_only_the_span_is_read(
    mariadb: MariaDb, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(mariadb, [row(NOON + timedelta(days=each), 60, each) for each in range(20)])
    read: list[str] = []
    real = CdrDatabase.rows

    def counting(self: CdrDatabase, since: datetime, until: datetime) -> Iterator[dict[str, str]]:
        for each in real(self, since, until):
            read.append(each["uniqueid"])
            yield each

    monkeypatch.setattr(CdrDatabase, "rows", counting)
    since = NOON + timedelta(days=9, hours=-1)
    done = await hall.compare(source(mariadb), since=since, until=since + timedelta(hours=2))
    assert len(done.comparison.findings) == 1
    assert len(read) == 1


async def test_a_day_is_read_in_pages_from_a_cursor_on_the_server(
    mariadb: MariaDb, hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdr_database, "PAGE_ROWS", 7)
    insert(mariadb, [row(NOON + timedelta(seconds=90 * each), 60, each) for each in range(50)])
    done = await hall.compare(source(mariadb))
    assert len(done.comparison.findings) == 50


async def test_a_table_from_before_linkedid_and_sequence_is_read_too(
    mariadb: MariaDb, hall: Hall
) -> None:
    old = row(NOON, 60, 1)
    del old["linkedid"], old["sequence"]
    insert(mariadb, [old], "cdr_old")
    await bill(hall, NOON, 60)
    done = await hall.compare(source(mariadb, "?table=cdr_old"))
    assert (lines(done.comparison), done.comparison.matched.calls) == ([], 1)


async def test_an_empty_table_is_an_empty_record(mariadb: MariaDb, hall: Hall) -> None:
    insert(mariadb, [])
    await bill(hall, NOON, 60)
    done = await hall.compare(source(mariadb))
    assert [one.kind for one in done.comparison.findings] == ["extra"]


async def test_a_row_without_a_date_is_passed_over(mariadb: MariaDb, hall: Hall) -> None:
    insert(mariadb, [row(NOON, 60, 1)])
    mariadb.run(
        "SET SESSION sql_mode = ''",
        "INSERT INTO cdr (channel, dstchannel) VALUES ('PJSIP/1001-9', 'PJSIP/carrier-9')",
        database=DATABASE,
    )
    await bill(hall, NOON, 60)
    assert lines((await hall.compare(source(mariadb))).comparison) == []


async def test_a_row_of_an_impossible_year_is_named_and_the_others_are_compared(
    mariadb: MariaDb, hall: Hall
) -> None:
    late = [f"{each}-12-31 23:59:59" for each in (2100, 9999)]
    early = "0001-01-01 00:00:00"
    wrong = [row(NOON, 60, 7 + each, calldate=day) for each, day in enumerate([*late, early])]
    insert(mariadb, [*wrong, row(NOON, 60, 1)])
    await bill(hall, NOON, 60)
    done = await hall.compare(source(mariadb))
    assert (lines(done.comparison), done.comparison.matched.calls) == ([], 1)
    assert [problem.text for problem in done.problems] == [
        f"{day!r}: the year is not within 1970 to 2099" for day in late
    ], "a row before all others is passed over like one without a date"
    until = NOON + timedelta(days=1)
    asked = await hall.compare(source(mariadb), until=until)
    assert (lines(asked.comparison), asked.problem_count) == ([], 0), "not of the span"


async def test_only_rows_of_impossible_years_are_named_too(mariadb: MariaDb, hall: Hall) -> None:
    insert(mariadb, [row(NOON, 60, 1, calldate="2100-01-01 00:00:00")])
    done = await hall.compare(source(mariadb))
    assert (lines(done.comparison), done.problem_count) == ([], 1)


@pytest.mark.parametrize("day", ["2026-00-00 00:00:00", "2099-00-17 00:00:00"])
async def test_a_first_or_last_day_that_no_calendar_has_is_said_with_the_remedy(
    mariadb: MariaDb, hall: Hall, day: str
) -> None:
    insert(mariadb, [row(NOON, 60, 1)])
    mariadb.run(
        "SET SESSION sql_mode = ''",
        f"INSERT INTO cdr (calldate, channel) VALUES ('{day}', 'PJSIP/1001-9')",
        database=DATABASE,
    )
    with pytest.raises(BadRecord, match=f"calldate '{day}' is no time; correct that row"):
        await hall.compare(source(mariadb))


async def test_the_hour_that_comes_twice_is_told_apart_by_the_calls_ids(
    mariadb: MariaDb, hall: Hall
) -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    answers = [first, first + timedelta(hours=1)]
    assert len({f"{each.astimezone(BERLIN):%T}" for each in answers}) == 1
    insert(mariadb, [row(answer, 60 + 60 * each, each) for each, answer in enumerate(answers)])
    for each, answer in enumerate(answers):
        await bill(hall, answer, 60 + 60 * each)
    done = await hall.compare(source(mariadb))
    assert (lines(done.comparison), done.comparison.matched.calls) == ([], 2)


TRANSFERS = ("22/atxfer_in_to_out", "22/bxfer_out_to_int", "22/atxfer_ringing")


@pytest.mark.parametrize("name", TRANSFERS)
async def test_real_rows_of_transfers_are_one_leg_without_answer_and_end_columns(
    mariadb: MariaDb, hall: Hall, name: str
) -> None:
    rows: list[dict[str, str | int]] = []
    with (FOLDER / f"{name}.cdr.csv").open(newline="") as file:
        for cells in csv.reader(file):
            rows.append(
                {
                    "calldate": cells[9],
                    **dict(zip(("src", "dst", "dcontext", "clid"), cells[1:5], strict=True)),
                    **dict(
                        zip(
                            ("channel", "dstchannel", "lastapp", "lastdata"),
                            cells[5:9],
                            strict=True,
                        )
                    ),
                    "duration": int(cells[12]),
                    "billsec": int(cells[13]),
                    "disposition": cells[14],
                    "uniqueid": cells[16],
                    "sequence": int(cells[20]),
                }
            )
    insert(mariadb, rows)
    environ = {"RTBILL_CDR_PASSWORD": PASSWORD}
    in_utc = cdr_source([dsn(mariadb)], "UTC", None, environ)
    done = await hall.compare(in_utc)
    [found] = done.comparison.findings
    assert (found.kind, found.theirs and found.theirs.payer) == ("missing", "1001")
    truth_s = {"22/atxfer_in_to_out": 3.52, "22/bxfer_out_to_int": 4.51, "22/atxfer_ringing": 2.51}
    assert found.theirs is not None
    assert found.theirs.talk_us / 1e6 == pytest.approx(truth_s[name], abs=2.0)


def test_a_table_in_the_wrong_zone_is_refused(mariadb: MariaDb) -> None:
    insert(mariadb, [row(NOON, 60, 1)])
    environ = {"RTBILL_CDR_PASSWORD": PASSWORD}
    wrong = cdr_source([dsn(mariadb)], "UTC", None, environ)
    with pytest.raises(BadRecord, match="--cdr-zone"):
        wrong.read(
            Site(trunks={}, is_extension=bool, read_number=str), NOON - timedelta(days=1), None
        )


def test_tls_is_used_and_the_certificate_checked(
    mariadb: MariaDb, certificate: Path, tmp_path: Path
) -> None:
    address = parse_address(dsn(mariadb, f"?tls_ca={certificate / 'cert.pem'}"))
    with CdrDatabase(address, PASSWORD) as database:
        [(_, cipher)] = database.ask("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert cipher
    stranger = tmp_path / "stranger.pem"
    stranger.write_text("")
    with (
        pytest.raises(ConfigError, match="tls_ca"),
        CdrDatabase(parse_address(dsn(mariadb, f"?tls_ca={stranger}")), PASSWORD),
    ):
        pass


@pytest.mark.parametrize(
    ("rest", "password", "error", "said"),
    [
        ("", "wrong", Unavailable, "check the password"),
        ("?table=nothing", PASSWORD, Unavailable, "give this user SELECT on the table"),
        ("?table=cel", PASSWORD, BadRecord, "table cel has no column calldate, channel"),
    ],
)
def test_what_the_server_refuses_is_said_with_the_remedy(
    mariadb: MariaDb, rest: str, password: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught, CdrDatabase(parse_address(dsn(mariadb, rest)), password):
        pass
    assert said in str(caught.value)
    assert password not in str(caught.value)


@pytest.mark.parametrize("password", ["Zoë", "9 €", "a@b/c#d?%zz["])
def test_a_password_may_hold_any_letters(mariadb: MariaDb, password: str) -> None:
    change = f"ALTER USER {USER}@'127.0.0.1' IDENTIFIED BY "
    mariadb.run(f"{change} '{password}'")
    try:
        with CdrDatabase(parse_address(dsn(mariadb)), password) as database:
            assert [list(row) for row in database.ask("SELECT 1")] == [["1"]]
    finally:
        mariadb.run(f'{change} "{PASSWORD}"')


def test_a_table_that_is_not_there_is_said(mariadb: MariaDb) -> None:
    root = parse_address(f"mysql://root@127.0.0.1:{mariadb.port}/{DATABASE}?table=nothing")
    with pytest.raises(BadRecord, match=r"name it with \?table="), CdrDatabase(root, ""):
        pass


def test_nothing_can_be_written_through_the_connection(mariadb: MariaDb) -> None:
    root = parse_address(f"mysql://root@127.0.0.1:{mariadb.port}/{DATABASE}")
    with CdrDatabase(root, "") as database, pytest.raises(Unavailable, match="READ ONLY"):
        database.ask("DELETE FROM cdr")


def test_a_server_that_falls_silent_is_left_after_the_deadline(mariadb: MariaDb) -> None:
    insert(mariadb, [row(NOON, 60, 1)])
    address = parse_address(dsn(mariadb))
    locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        connection = mariadb.connect(database=DATABASE)
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLES cdr WRITE")
            locked.set()
            release.wait(20)
        connection.close()

    with CdrDatabase(address, PASSWORD, read_timeout_s=1) as database:
        holder = threading.Thread(target=lock)
        holder.start()
        try:
            assert locked.wait(10)
            with pytest.raises(Unavailable):
                database.first_and_last()
        finally:
            release.set()
            holder.join()
