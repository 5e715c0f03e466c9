"""One batch of work, one commit. Used by the writer thread alone."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from itertools import groupby

from rtbill.domain.call import epoch_us
from rtbill.domain.changes import Change
from rtbill.domain.events import LiveLeg
from rtbill.domain.work import Committed, Holding, Operation, Repricing, TopUpStep
from rtbill.ports import Clock
from rtbill.storage.changes import apply_change
from rtbill.storage.memory import Memory
from rtbill.storage.operations import OperationSet
from rtbill.storage.payment_steps import take_step

Work = Operation | Holding | Repricing | LiveLeg | TopUpStep | Change
Posting = Operation | Holding | Repricing | LiveLeg
"""Work that is gathered and written together."""
Answer = Committed | Exception | None
"""What the caller of one piece of work hears: its result, or why it was not done."""

OUR_FAULT = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
)
"""SQLite errors that one row causes; every other one is the disk's and may pass."""


def is_environment(error: Exception) -> bool:
    """Whether trying the same again may succeed: disk full, I/O error, file locked."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, OUR_FAULT)


class Books:
    """The open database and what is remembered of it."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._memory = Memory(connection)

    def commit(self, works: Sequence[Work]) -> list[Answer]:
        """Do all of it in one transaction; the answers, in order, are durable.

        Work that cannot be done answers with its exception and leaves no trace. A failure of the
        disk is raised, and then nothing at all was done.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            answers: list[Answer] = []
            # Operations in a row are written together; all else is little and goes one by one.
            for is_set, run in groupby(works, lambda work: isinstance(work, Posting)):
                works_of_run = list(run)
                answers += self._set(works_of_run) if is_set else self._one_by_one(works_of_run)
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.rollback()
            self._memory.undo_to(0)
            raise
        self._memory.keep()
        return answers

    def fold_log(self) -> None:
        """Bring what the write-ahead log holds into the file, as far as no reader needs it."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Close the database; the write-ahead log is folded into it."""
        self._connection.close()

    def _set(self, works: Sequence[Work]) -> list[Answer]:
        answers = self._attempt(works)
        if answers is None:
            # One of them does not fit the tables: each on its own, so that the others go on.
            answers = []
            for work in works:
                answers += self._attempt([work]) or []
        return answers

    def _attempt(self, works: Sequence[Work]) -> list[Answer] | None:
        """The answers of a set, or None when the set could not be written and was taken back.

        A set of one always answers.
        """
        mark = self._memory.mark()
        self._connection.execute("SAVEPOINT work")
        answers: list[Answer] = []
        operations = [work for work in works if isinstance(work, Posting)]
        try:
            gathered = OperationSet(
                self._connection, self._memory, operations, epoch_us(self._clock.now())
            )
            for operation in operations:
                answers.append(_answer(gathered, operation))
            gathered.write()
        except Exception as error:
            if is_environment(error):
                raise
            self._take_back(mark)
            return [error] if len(works) == 1 else None
        self._connection.execute("RELEASE work")
        return answers

    def _one_by_one(self, works: Sequence[Work]) -> list[Answer]:
        answers: list[Answer] = []
        for work in works:
            mark = self._memory.mark()
            self._connection.execute("SAVEPOINT work")
            try:
                answer = self._do(work)
            except Exception as error:
                if is_environment(error):
                    raise
                self._take_back(mark)
                answers.append(error)
            else:
                self._connection.execute("RELEASE work")
                answers.append(answer)
        return answers

    def _do(self, work: Work) -> Committed | None:
        """The result of a step; None for a change."""
        assert not isinstance(work, Posting)
        if isinstance(work, TopUpStep):
            posted_at_us = epoch_us(self._clock.now())
            return take_step(self._connection, self._memory, work, posted_at_us)
        apply_change(self._connection, self._memory, work)
        return None

    def _take_back(self, mark: int) -> None:
        self._connection.execute("ROLLBACK TO work")
        self._connection.execute("RELEASE work")
        self._memory.undo_to(mark)


def _answer(gathered: OperationSet, operation: Posting) -> Answer:
    """What the operation decided, or the exception its rule raised: that is its own affair."""
    try:
        if isinstance(operation, Repricing):
            return gathered.reprice(operation)
        return gathered.add(operation)
    except Exception as error:
        if is_environment(error):
            raise
        return error
