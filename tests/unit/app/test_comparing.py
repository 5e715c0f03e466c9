"""Whole comparisons: books in memory against CDR files as exchanges write them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rtbill.app.their_calls import CdrFiles
from rtbill.domain.call import CallId
from rtbill.domain.errors import BadRecord
from tests.unit.app.hall import Hall
from tests.unit.app.records import COLUMNS, NOON, bill, master, master_row, sqlite_file, told


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


async def test_a_quotation_mark_that_is_never_closed_is_named_by_its_line(
    hall: Hall, tmp_path: Path
) -> None:
    files = master(tmp_path, master_row(), '"half a row', "\n" * 140_000)
    with pytest.raises(BadRecord, match=r"Master\.csv, line 2: .* mark that is not closed"):
        await hall.compare(files)


@pytest.mark.parametrize("began", ["0001-01-01 00:00:00", "9999-12-31 23:59:59"])
async def test_a_row_of_an_impossible_year_is_named_and_the_others_are_compared(
    hall: Hall, tmp_path: Path, began: str
) -> None:
    await bill(hall)
    wrong = master_row(line=2).replace(f"{NOON - timedelta(seconds=10):%F %T}", began)
    done = await hall.compare(master(tmp_path, wrong, master_row()))
    assert (told(done), done.comparison.matched.calls) == ([], 1)
    assert [str(problem) for problem in done.problems] == [
        f"{tmp_path}/Master.csv, line 1: {began!r}: the year is not within 1970 to 2099"
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
