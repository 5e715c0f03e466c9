"""AstDB.

The exchange's small key store, where locks live and where ended calls wait to be billed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping


class AstDatabase:
    """Paths such as /rtbill/lock/1001 with text values; outlives a restart of the exchange."""

    def __init__(self, on_change: Callable[[], None] | None = None) -> None:
        self._rows: dict[str, str] = {}
        self.on_change = on_change or (lambda: None)

    def put(self, family: str, key: str, value: str) -> None:
        """Store or replace one value."""
        self._rows[f"/{family}/{key}"] = value
        self.on_change()

    def get(self, family: str, key: str) -> str | None:
        """The value, or None where there is none."""
        return self._rows.get(f"/{family}/{key}")

    def has(self, family: str, key: str) -> bool:
        """What the dialplan's DB_EXISTS() says."""
        return f"/{family}/{key}" in self._rows

    def delete(self, family: str, key: str) -> bool:
        """Whether there was something to delete."""
        found = self._rows.pop(f"/{family}/{key}", None) is not None
        if found:
            self.on_change()
        return found

    def delete_tree(self, family: str, key: str = "") -> int:
        """How many rows below that path were deleted."""
        doomed = [path for path, _ in self.tree(family, key)]
        for path in doomed:
            del self._rows[path]
        if doomed:
            self.on_change()
        return len(doomed)

    def tree(self, family: str = "", key: str = "") -> Iterator[tuple[str, str]]:
        """The row /family/key and all below it in the order of their paths; all rows without a
        family.
        """
        prefix = "".join(f"/{part}" for part in (family, key) if part) + "/"
        return iter(
            [
                (path, self._rows[path])
                for path in sorted(self._rows)
                if f"{path}/".startswith(prefix)
            ]
        )

    def dump(self) -> dict[str, str]:
        """A copy of all rows, for the state file and for tests."""
        return dict(sorted(self._rows.items()))

    def load(self, rows: Mapping[str, str]) -> None:
        """Replace all rows."""
        self._rows = dict(rows)
