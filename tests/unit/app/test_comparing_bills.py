"""Whole comparisons: books in memory against the bills of carriers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rtbill.app.their_calls import BillFiles
from rtbill.comparison.values import Finding
from rtbill.domain.call import CallId
from rtbill.domain.errors import BadRecord, ConfigError
from tests.unit.app.hall import Hall
from tests.unit.app.records import MAPPING, NOON, bill, carriers_bill, master, told


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
    mapping = replace(MAPPING, tariff="buying")
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
    done = await hall.compare(BillFiles(paths=[path], mapping=replace(MAPPING, skip_rows=2)))
    assert "bill.csv, line 4" in str(done.problems[0])


async def test_more_lines_to_skip_than_there_are_end_with_the_file(
    hall: Hall, tmp_path: Path
) -> None:
    files = carriers_bill(tmp_path, mapping=replace(MAPPING, skip_rows=10**15))
    with pytest.raises(ConfigError, match=r"has no column 'to'; .* is skip_rows right"):
        await hall.compare(files)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
async def test_a_bill_in_another_encoding_is_refused_with_the_remedy(
    hall: Hall, tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("to;at;s;eur;line\n" * 9)
    mapping = replace(MAPPING, encoding=encoding)
    said = rf"bill\.csv is not {encoding} text: .* BOM; name its own encoding in the mapping"
    with pytest.raises(BadRecord, match=said):
        await hall.compare(BillFiles(paths=[path], mapping=mapping))


async def test_a_bill_in_utf_16_is_read(hall: Hall, tmp_path: Path) -> None:
    await bill(hall)
    files = carriers_bill(
        tmp_path,
        "4930123456;2026-11-22 12:00:00;60;0.10;1001",
        mapping=replace(MAPPING, encoding="utf-16"),
    )
    [path] = files.paths
    path.write_text(path.read_text(), encoding="utf-16")
    assert told(await hall.compare(files)) == []
