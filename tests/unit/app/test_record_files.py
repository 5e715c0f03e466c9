"""Records that come by a pipe, which can be read only once."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from rtbill.app.record_files import record_file
from rtbill.app.their_calls import BillFiles, CdrFiles
from rtbill.domain.errors import BadRecord
from tests.unit.app.hall import Hall
from tests.unit.app.records import COLUMNS, MAPPING, NOON, bill, master_row, sqlite_file, told

BILL = b"to;at;s;eur;line\n4930123456;2026-11-22 12:00:00;60;0.10;1001\nx y z!;;;;\n"


@contextmanager
def piped(content: bytes) -> Iterator[Path]:
    """The name that a shell gives to `<(zcat …)`: it can be read once."""
    for_reading, for_writing = os.pipe()
    with os.fdopen(for_writing, "wb") as pipe:
        pipe.write(content)
    try:
        yield Path(f"/dev/fd/{for_reading}")
    finally:
        os.close(for_reading)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_a_record_from_a_pipe_is_compared_from_its_first_row_on(hall: Hall) -> None:
    rows = [master_row(NOON + timedelta(minutes=each), line=each) for each in range(100)]
    await bill(hall, NOON)
    with piped("".join(rows).encode()) as pipe:
        done = await hall.compare(CdrFiles(paths=[pipe], zone="UTC"))
    assert done.comparison.matched.calls == 1, "the first row is there"
    assert [finding.kind for finding in done.comparison.findings] == ["missing"] * 99


async def test_a_file_of_sqlite_may_come_by_a_pipe(hall: Hall, tmp_path: Path) -> None:
    await bill(hall, NOON + timedelta(seconds=8))
    trunk = ("PJSIP/1001-1", "PJSIP/carrier-2", "Dial", "PJSIP/030123456@carrier,60")
    files = sqlite_file(tmp_path, COLUMNS, (f"{NOON:%F %T}", *trunk, "68", "60", "ANSWERED"))
    with piped(files.paths[0].read_bytes()) as pipe:
        done = await hall.compare(CdrFiles(paths=[pipe], zone="UTC"))
    assert (told(done), done.comparison.matched.calls) == ([], 1)


async def test_what_is_wrong_in_a_piped_file_of_sqlite_is_said_by_the_pipes_name(
    hall: Hall, tmp_path: Path
) -> None:
    content = sqlite_file(tmp_path, "calldate").paths[0].read_bytes()
    with piped(content) as pipe, pytest.raises(BadRecord, match=f"table cdr of {pipe} has no"):
        await hall.compare(CdrFiles(paths=[pipe], zone="UTC"))


async def test_rows_of_a_piped_bill_are_named_as_the_operator_named_it(hall: Hall) -> None:
    with piped(BILL) as pipe:
        done = await hall.compare(BillFiles(paths=[pipe], mapping=MAPPING))
    [missing] = done.comparison.findings
    assert missing.theirs is not None
    assert missing.theirs.source == f"{pipe}:2"
    assert done.problems[0].place == f"{pipe}, line 3"


def test_a_copy_of_a_pipe_is_private_and_goes_away(temporary: Path) -> None:
    with piped(b"a record") as pipe, record_file(pipe) as file:
        assert file.path.is_relative_to(temporary)
        assert file.path.read_bytes() == b"a record"
        assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert list(temporary.iterdir()) == []


def test_a_copy_goes_away_when_the_record_is_refused(temporary: Path) -> None:
    with piped(b"") as pipe, pytest.raises(BadRecord, match="refused"), record_file(pipe):
        raise BadRecord("refused")
    assert list(temporary.iterdir()) == []


def test_a_file_is_read_where_it_is(tmp_path: Path, temporary: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_text("a record")
    with record_file(path) as file:
        assert file == (str(path), "Master.csv", path)
        assert list(temporary.iterdir()) == []


def test_a_copy_that_finds_no_room_says_where_and_what_to_do(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    said = rf"cannot be copied to {temporary}: No space left on device; TMPDIR may name"
    with piped(b"a record") as pipe, pytest.raises(BadRecord, match=said), record_file(pipe):
        pass
    assert list(temporary.iterdir()) == []


def test_a_folder_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="cannot be read: Is a directory"), record_file(tmp_path):
        pass


def test_a_file_that_only_others_can_read_is_said_with_the_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    path = tmp_path / "Master.csv"
    path.touch()
    monkeypatch.setattr(Path, "open", refused)
    said = r"Master\.csv cannot be read: Permission denied; .* cat FILE \| sudo rtbill compare"
    with pytest.raises(BadRecord, match=said), record_file(path):
        pass
