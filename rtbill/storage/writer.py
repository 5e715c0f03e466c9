"""The writing thread: takes a batch, commits it, answers, and starts again.

Nobody waits for more work to fill a batch: what is asked for during one commit, or follows at once
from its answers, is the next batch. That was better at every rate than a window of 5 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from rtbill.domain.errors import Unavailable
from rtbill.domain.work import Repricing
from rtbill.ports import Clock
from rtbill.storage.books import Answer, Books, Work, is_environment
from rtbill.storage.migrate import migrate
from rtbill.storage.sqlite import open_writer, process_lock

SLICES_FOLDED, SLICES_UNFOLDED_MAX = 4, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """How the store is run; every time in seconds."""

    path: Path
    queue_max: int = 20_000
    """Work waiting for its commit; more is refused as Unavailable."""
    batch_max: int = 1024
    """Work in one commit."""
    close_timeout_s: float = 10.0
    """How long closing may take to write what is queued."""
    change_timeout_s: float = 30.0
    retry_pause_min_s: float = 0.1
    retry_pause_max_s: float = 5.0


class Item(NamedTuple):
    """One piece of work and who waits for it."""

    work: Work
    future: asyncio.Future[Any] | None


@dataclass(frozen=True, slots=True)
class Done:
    """A batch that was answered."""

    items: Sequence[Item]
    answers: Sequence[Answer]
    seconds: float


class Writer:
    """The body of the thread. `deliver`, `opened` and `stopped` are called in it."""

    def __init__(
        self,
        settings: StoreSettings,
        clock: Clock,
        deliver: Callable[[Done], None],
        opened: Callable[[Exception | None], None],
        stopped: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._deliver = deliver
        self._opened = opened
        self._stopped = stopped
        self._abandon = threading.Event()
        self.queue: SimpleQueue[Sequence[Item] | None] = SimpleQueue()
        """Batches, none of them empty. None is the last: write what came before and stop."""
        self._held: deque[Item] = deque()
        """Slices of runs that stand back."""
        self._has_stood_back = False
        self._slices = 0
        self.failing: str | None = None

    def abandon(self) -> None:
        """Stop trying to write what cannot be written now."""
        self._abandon.set()

    def run(self) -> None:
        """Open, write until told to stop, close."""
        try:
            with self._open() as books:
                self._opened(None)
                self._write_all(books)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: who waits must hear it
            self.failing = f"the writer of {self._settings.path} stopped: {error}"
            self._opened(error)
        finally:
            self._stopped()

    @contextlib.contextmanager
    def _open(self) -> Iterator[Books]:
        path = self._settings.path
        with process_lock(path), contextlib.closing(open_writer(path)) as connection:
            migrate(connection, str(path))
            yield Books(connection, self._clock)

    def _write_all(self, books: Books) -> None:
        is_last = False
        while not is_last:
            batch, is_last = self._next_batch()
            if batch:
                started = self._clock.monotonic()
                answers = self._commit(books, batch)
                self._deliver(Done(batch, answers, self._clock.monotonic() - started))
                if isinstance(batch[0].work, Repricing):
                    self._fold(books)

    def _fold(self, books: Books) -> None:
        """Fold the log into the file every few slices, a little at a time, and rather while nobody
        waits: all that the log may hold at once would keep calls waiting for tens of milliseconds.
        """
        self._slices += 1
        is_asked = self.queue.empty() or self._slices >= SLICES_UNFOLDED_MAX
        if self._slices >= SLICES_FOLDED and is_asked:
            self._slices = 0
            with contextlib.suppress(sqlite3.Error):  # the next commit tells what is wrong
                books.fold_log()

    def _next_batch(self) -> tuple[list[Item], bool]:
        """At least one item, and all that was handed over with it; True with the last of all.

        A slice of a run stands back once for what has queued up, and then has a batch to itself:
        a call waits for one slice at most.
        """
        if self._held and (self._has_stood_back or self.queue.empty()):
            self._has_stood_back = False
            return [self._held.popleft()], False
        batch: list[Item] = []
        while not batch or (len(batch) < self._settings.batch_max and not self.queue.empty()):
            handed = self.queue.get()
            if handed is None:
                return [*batch, *self._held], True
            for item in handed:
                (self._held if isinstance(item.work, Repricing) else batch).append(item)
            if self._held and self.queue.empty():
                break
        self._has_stood_back = bool(self._held and batch)
        return batch, False

    def _commit(self, books: Books, batch: Sequence[Item]) -> Sequence[Answer]:
        """The answers once durable. While the disk fails the batch is kept, in order, and retried;
        nobody is told that anything was written. After `abandon` all of it is refused.
        """
        works = [item.work for item in batch]
        pause_s = self._settings.retry_pause_min_s
        while True:
            try:
                answers = books.commit(works)
            except sqlite3.Error as error:
                if not is_environment(error):
                    return self._unwritten(batch, error)
                self.failing = (
                    f"{self._settings.path} cannot be written: {error}; what is queued waits in "
                    "memory and is written as soon as the disk takes it: free space or repair it"
                )
                if self._abandon.wait(pause_s):
                    return self._unwritten(batch, error)
                pause_s = min(2 * pause_s, self._settings.retry_pause_max_s)
            else:
                self.failing = None
                return answers

    def _unwritten(self, batch: Sequence[Item], error: Exception) -> list[Answer]:
        why = f"nothing was written to {self._settings.path}: {error}"
        return [Unavailable(why) for _ in batch]
