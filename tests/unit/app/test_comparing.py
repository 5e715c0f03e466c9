"""Whole comparisons: books in memory against files as exchanges and carriers write them."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rtbill.app.comparing import Compared
from rtbill.app.record_sources import bill_source, cdr_source
from rtbill.app.their_calls import BillFiles, CdrFiles
from rtbill.comparison.values import Finding
from rtbill.domain.call import CallId
from rtbill.domain.errors import BadRecord, ConfigError
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


@pytest.fixture
async def hall(tmp_path: Path) -> Hall:
    return await Hall(tmp_path).open()


def master(folder: Path, *rows: str, name: str = "Master.csv") -> CdrFiles:
    path = folder / name
    path.write_text("".join(rows))
    return CdrFiles(paths=[path], zone="UTC")


async def test_one_lost_row_each_way_is_found_and_priced(hall: Hall, tmp_path: Path) -> None:
    minutes = [NOON + timedelta(minutes=each) for each in range(30)]
    for each, minute in enumerate(minutes):
        if each != 7:
            await bill(hall, minute)
    rows = [master_row(minute, line=each) for each, minute in enumerate(minutes) if each != 11]
    done = await hall.compare(master(tmp_path, *rows))
    assert told(done) == ["missing 12:07:00 room-1 0.60", "extra 12:11:00 room-1 -0.60"]
    assert done.comparison.matched.calls == 28


async def test_ten_of_ten_thousand_calls_that_we_lost_are_all_named(
    hall: Hall, tmp_path: Path
) -> None:
    """The owner's own yardstick (CA-18)."""
    lost = set(range(500, 10_000, 950))
    assert len(lost) == 10
    rows = []
    for each in range(10_000):
        answer = NOON + timedelta(seconds=each)
        number, payer = f"030{each % 97:07}", f"100{1 + each % 9}"
        rows.append(master_row(answer, 20 + each % 300, number, payer, each))
        if each not in lost:
            await bill(hall, answer, 20 + each % 300, payer=payer, dialled=number)
    done = await hall.compare(master(tmp_path, *rows))
    expected = sorted(NOON + timedelta(seconds=each) for each in lost)
    assert told(done) == [
        f"missing {when:%T} room-{1 + int((when - NOON).total_seconds()) % 9} "
        f"{(20 + int((when - NOON).total_seconds()) % 300) / 100:.2f}"
        for when in expected
    ]


async def test_a_call_in_the_books_by_its_own_number_form_is_the_same_call(
    hall: Hall, tmp_path: Path
) -> None:
    await bill(hall, dialled="004930123456")
    rows = (master_row(number="123456"),)
    assert told(await hall.compare(master(tmp_path, *rows))) == []


async def test_digits_that_the_exchange_adds_can_be_taken_away(hall: Hall, tmp_path: Path) -> None:
    await bill(hall)
    rows = (master_row(number="01033030123456").replace("001033030123456", "s"),)
    assert len(told(await hall.compare(master(tmp_path, *rows)))) == 2
    done = await hall.compare(master(tmp_path, *rows), strip=("01033",))
    assert told(done) == []


async def test_the_span_begins_with_the_later_record_and_ends_with_theirs(
    hall: Hall, tmp_path: Path
) -> None:
    await bill(hall, NOON)
    await bill(hall, NOON + timedelta(hours=3))
    rows = (
        master_row(NOON - timedelta(hours=5), line=1),
        master_row(NOON, line=2),
        master_row(NOON + timedelta(hours=1), line=3),
    )
    done = await hall.compare(master(tmp_path, *rows))
    assert told(done) == ["missing 13:00:00 room-1 0.60"], "not what was before and after"
    every = await hall.compare(
        master(tmp_path, *rows), since=NOON - timedelta(days=1), until=NOON + timedelta(days=1)
    )
    assert told(every) == [
        "missing 07:00:00 room-1 0.60",
        "missing 13:00:00 room-1 0.60",
        "extra 15:00:00 room-1 -0.60",
    ]


async def test_empty_records_differ_in_nothing(hall: Hall, tmp_path: Path) -> None:
    done = await hall.compare(master(tmp_path))
    assert (told(done), done.comparison.matched.calls) == ([], 0)


async def test_an_empty_record_of_theirs_makes_ours_extra(hall: Hall, tmp_path: Path) -> None:
    await bill(hall)
    assert told(await hall.compare(master(tmp_path))) == ["extra 12:00:00 room-1 -0.60"]


async def test_only_calls_of_the_trunk_asked_for_are_compared(hall: Hall, tmp_path: Path) -> None:
    await bill(hall)
    await bill(hall, NOON + timedelta(minutes=1), trunk="other")
    rows = (master_row(), master_row(NOON + timedelta(minutes=9), line=2))
    done = await hall.compare(master(tmp_path, *rows), trunk="carrier")
    assert told(done) == ["missing 12:09:00 room-1 0.60"]


async def test_calls_of_another_exchange_are_not_in_this_ones_record(
    hall: Hall, tmp_path: Path
) -> None:
    await bill(hall, id=CallId("elsewhere", "1"))
    assert told(await hall.compare(master(tmp_path))) == []


async def test_several_files_are_one_record(hall: Hall, tmp_path: Path) -> None:
    await bill(hall)
    await bill(hall, NOON + timedelta(minutes=9))
    one = master(tmp_path, master_row(), name="Master.csv")
    two = master(tmp_path, master_row(NOON + timedelta(minutes=9), line=2), name="Master.csv.1")
    both = CdrFiles(paths=[*two.paths, *one.paths], zone="UTC")
    assert told(await hall.compare(both)) == []


async def test_a_row_that_cannot_be_read_is_named_and_the_others_are_compared(
    hall: Hall, tmp_path: Path
) -> None:
    await bill(hall)
    done = await hall.compare(master(tmp_path, '"half a row', "\n", master_row()))
    assert done.problem_count == 1, "a quote that is never closed swallows what follows"
    done = await hall.compare(master(tmp_path, '"half","a row"\n', master_row()))
    assert told(done) == []
    assert [str(problem) for problem in done.problems] == [
        f"{tmp_path}/Master.csv, line 1: has 2 columns; Master.csv has 16 to 21"
    ]


async def test_times_in_another_zone_are_refused_with_the_remedy(
    hall: Hall, tmp_path: Path
) -> None:
    files = master(tmp_path, master_row())
    with pytest.raises(BadRecord, match="--cdr-zone"):
        await hall.compare(CdrFiles(paths=files.paths, zone="Europe/Berlin"))


async def test_a_file_that_is_not_there_is_named(hall: Hall, tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match=r"nothing\.csv cannot be read"):
        await hall.compare(CdrFiles(paths=[tmp_path / "nothing.csv"], zone="UTC"))


async def test_an_unknown_exchange_or_trunk_is_named_with_those_there_are(
    hall: Hall, tmp_path: Path
) -> None:
    with pytest.raises(BadRecord, match="no exchange 'hotel'; name one with --pbx: hall"):
        await hall.compare(master(tmp_path), pbx="hotel")
    with pytest.raises(BadRecord, match="no trunk 'telecom'; there are: carrier"):
        await hall.compare(master(tmp_path), trunk="telecom")


# ---------------------------------------------------------------------- cdr_sqlite3_custom


def sqlite_file(folder: Path, columns: str, *rows: tuple[object, ...]) -> CdrFiles:
    path = folder / "master.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE cdr ({columns})")
        marks = ", ".join("?" * len(columns.split(",")))
        connection.executemany(f"INSERT INTO cdr VALUES ({marks})", rows)
    connection.close()
    return CdrFiles(paths=[path], zone="UTC")


COLUMNS = "calldate, channel, dstchannel, lastapp, lastdata, duration, billsec, disposition"


async def test_a_file_of_sqlite_is_a_record_too(hall: Hall, tmp_path: Path) -> None:
    await bill(hall, NOON + timedelta(seconds=8))
    trunk = ("PJSIP/1001-1", "PJSIP/carrier-2", "Dial", "PJSIP/030123456@carrier,60")
    files = sqlite_file(tmp_path, COLUMNS, (f"{NOON:%F %T}", *trunk, "68", "60", "ANSWERED"))
    done = await hall.compare(files)
    assert (told(done), done.comparison.matched.calls) == ([], 1)


async def test_a_table_that_lacks_columns_is_refused_by_their_names(
    hall: Hall, tmp_path: Path
) -> None:
    files = sqlite_file(tmp_path, "calldate, channel, dstchannel, duration")
    with pytest.raises(BadRecord, match="no column lastapp, lastdata, billsec, disposition"):
        await hall.compare(files)


# ---------------------------------------------------------------------- bills

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


async def test_a_bill_is_compared_with_margin(hall: Hall, tmp_path: Path) -> None:
    await bill(hall)
    await bill(hall, NOON + timedelta(minutes=5), talk_s=120)
    rows = (
        "4930123456;2026-11-22 11:59:55;60;0.10;1001",
        "4930123456;2026-11-22 12:04:55;180;0.30;1001",
        "41315550100;2026-11-22 12:07:00;60;0.50;1002",
    )
    done = await hall.compare(carriers_bill(tmp_path, *rows))
    assert told(done) == ["duration 12:05:00 room-1 0.60", "missing 12:07:00 room-2 1.20"]
    assert done.comparison.charged.micros == {"EUR": 400_000}
    assert done.comparison.margin_micros == {"EUR": 1_800_000 - 400_000}
    missing: Finding = done.comparison.findings[1]
    assert missing.theirs is not None
    assert (missing.theirs.source, missing.theirs.price_micros) == ("bill.csv:4", 500_000)


async def test_a_bill_is_of_all_exchanges_unless_one_is_named(tmp_path: Path) -> None:
    hall = await Hall(tmp_path, annexe=True).open()
    await bill(hall)
    await bill(hall, NOON + timedelta(minutes=5), id=CallId("annexe", "1"))
    rows = (
        "4930123456;2026-11-22 12:00:00;60;0.10;1001",
        "4930123456;2026-11-22 12:05:00;60;0.10;1001",
        "4930123456;2026-11-22 12:08:00;60;0.10;1001",
    )
    done = await hall.compare(carriers_bill(tmp_path, *rows))
    assert told(done) == ["missing 12:08:00 suspense 0.60"], "1001 may be of either exchange"
    done = await hall.compare(carriers_bill(tmp_path, *rows), pbx="hall")
    assert told(done) == ["missing 12:05:00 room-1 0.60", "missing 12:08:00 room-1 0.60"]


async def test_rows_of_one_of_several_exchanges_need_its_name(tmp_path: Path) -> None:
    hall = await Hall(tmp_path, annexe=True).open()
    with pytest.raises(BadRecord, match="several exchanges; name one with --pbx: hall, annexe"):
        await hall.compare(master(tmp_path))
    assert told(await hall.compare(master(tmp_path), pbx="annexe")) == []


async def test_a_price_list_that_is_not_in_the_books_is_named(hall: Hall, tmp_path: Path) -> None:
    mapping = BillMapping(
        **{each: getattr(MAPPING, each) for each in MAPPING.__slots__} | {"tariff": "buying"}
    )
    with pytest.raises(BadRecord, match="no tariff 'buying'; there are: retail"):
        await hall.compare(carriers_bill(tmp_path, mapping=mapping))


async def test_a_bill_without_the_mappings_columns_is_refused(hall: Hall, tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("number;start\n")
    with pytest.raises(ConfigError, match=r"bill\.csv: has no column 'to'"):
        await hall.compare(BillFiles(paths=[path], mapping=MAPPING))


async def test_lines_above_the_header_are_skipped_and_lines_counted_all_the_same(
    hall: Hall, tmp_path: Path
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("Carrier Ltd\n\nto;at;s;eur;line\nx y z!;;;;\n")
    values = {each: getattr(MAPPING, each) for each in MAPPING.__slots__} | {"skip_rows": 2}
    done = await hall.compare(BillFiles(paths=[path], mapping=BillMapping(**values)))
    assert "bill.csv, line 4" in str(done.problems[0])


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


def test_a_password_on_the_command_line_is_refused_and_not_repeated() -> None:
    said = dsn_problem("mysql://rtbill:hunter2@127.0.0.1/asteriskcdrdb")
    assert "--password-file" in said
    assert "RTBILL_CDR_PASSWORD" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("dsn", "problem"),
    [
        ("mysql://rtbill@127.0.0.1/", "no database is named"),
        ("mysql://127.0.0.1/asteriskcdrdb", "no username"),
        ("mysql://rtbill@/asteriskcdrdb", "no hostname"),
        ("mysql://rtbill@127.0.0.1:port/asteriskcdrdb", "the port is not a number"),
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


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ConfigError, match="--cdr-zone: unknown time zone 'Berlin'"):
        cdr_source(["Master.csv"], "Berlin", None, {})
