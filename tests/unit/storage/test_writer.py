"""Whose turn it is: slices of runs stand back for calls, and are not kept waiting for ever."""

from __future__ import annotations

from typing import NoReturn

import pytest

from rtbill.domain.work import Repricing
from rtbill.storage.writer import Item, StoreSettings, Writer
from tests.fakes.books import a_leg
from tests.fakes.environment import ManualClock


@pytest.fixture
def writer(settings: StoreSettings) -> Writer:
    """Not running; batches are taken by hand."""
    return Writer(settings, ManualClock(), lambda _: None, lambda _: None, lambda: None)


def put(writer: Writer, text: str) -> None:
    """`c` is about a call, `s` is a slice of a run, `.` is the end."""
    for letter in text:
        if letter == ".":
            writer.queue.put(None)
        elif letter == "c":
            writer.queue.put([Item(a_leg(), None)])
        else:
            slice_ = Repricing(1, "room-1", (), is_last=True, decide=_never)
            writer.queue.put([Item(slice_, None)])


def _never(*_: object) -> NoReturn:
    raise AssertionError("nothing is decided here")


def taken(writer: Writer) -> str:
    batch, is_last = writer._next_batch()
    letters = "".join("s" if isinstance(item.work, Repricing) else "c" for item in batch)
    return letters + ("." if is_last else "")


def test_calls_behind_a_slice_go_first_and_the_slice_has_a_batch_to_itself(writer: Writer) -> None:
    put(writer, "cscc")
    assert [taken(writer), taken(writer)] == ["ccc", "s"]


def test_the_last_batch_has_everything(writer: Writer) -> None:
    put(writer, "csccs.")
    assert taken(writer) == "cccss."


def test_a_slice_waits_for_one_batch_of_calls_and_no_longer(writer: Writer) -> None:
    put(writer, "scc")
    assert taken(writer) == "cc"
    put(writer, "ccc")
    assert taken(writer) == "s"
    assert taken(writer) == "ccc"


def test_slices_alone_go_one_by_one(writer: Writer) -> None:
    put(writer, "ss")
    assert taken(writer) == ""
    assert [taken(writer), taken(writer)] == ["s", "s"]


def test_calls_go_before_the_second_of_two_slices(writer: Writer) -> None:
    put(writer, "ssc")
    assert [taken(writer), taken(writer)] == ["c", "s"]
    put(writer, "c")
    assert [taken(writer), taken(writer)] == ["c", "s"]


class _CountingBooks:
    folds = 0

    def fold_log(self) -> None:
        self.folds += 1


@pytest.mark.parametrize(("waiting", "slices_folded"), [("", 4), ("c", 8)])
def test_the_log_is_folded_every_few_slices_and_later_while_calls_wait(
    writer: Writer, waiting: str, slices_folded: int
) -> None:
    put(writer, waiting)
    books = _CountingBooks()
    for _ in range(3 * slices_folded - 1):
        writer._fold(books)  # type: ignore[arg-type]
    assert books.folds == 2
    writer._fold(books)  # type: ignore[arg-type]
    assert books.folds == 3
