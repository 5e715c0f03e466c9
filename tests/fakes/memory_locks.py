"""The part of the store in memory about locks by hand."""

from __future__ import annotations

from collections.abc import Sequence

from rtbill.domain.account import DeskLock, Extension, LiftedLock
from rtbill.domain.changes import LiftDeskLock, SetDeskLock
from rtbill.storage.checks import check_lock


class MemoryLocks:
    """Those in force, and those that were lifted."""

    def __init__(self) -> None:
        self.now: dict[Extension, DeskLock] = {}
        self.lifted: list[LiftedLock] = []
        """The latest first."""

    def change(self, change: SetDeskLock | LiftDeskLock) -> None:
        """As the store does."""
        match change:
            case SetDeskLock(lock):
                replaced = self.now.get(lock.extension)
                check_lock(replaced, lock.by)
                if replaced is not None:
                    self.lifted.insert(0, replaced.replaced_by(lock))
                self.now[lock.extension] = lock
            case LiftDeskLock(extension, at, by, reason):
                check_lock(self.now.get(extension), by)
                known = self.now.pop(extension, None)
                if known is not None:
                    self.lifted.insert(0, LiftedLock(known, at, by, reason))


class LocksReader:
    """The part of ports.Reader about them."""

    _locks: MemoryLocks

    async def desk_locks(self) -> Sequence[DeskLock]:
        """By extension."""
        return [self._locks.now[key] for key in sorted(self._locks.now)]

    async def lifted_locks(self, limit: int) -> Sequence[LiftedLock]:
        """The latest first."""
        return self._locks.lifted[:limit]
