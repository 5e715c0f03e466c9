"""What the dialplan of an exchange should be, as an inspection is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The files generated for one exchange, and how to recognise them when they are loaded."""

    flavour: str = "plain"
    """`plain`, `freepbx16` or `freepbx17`."""
    stamp: str = ""
    """12 hex digits over the dialplan's content: the context `rtbill-stamp` holds the extension
    `files-<stamp>`. Empty for files that were written by hand.
    """
    files: Mapping[str, str] = field(default_factory=dict)
    """Text by file name. Those of the dialplan (`extensions…`) are compared with the exchange's."""
    emergency: tuple[str, ...] = ()
    """Emergency numbers of the site, as they are dialled."""

    @property
    def dialplans(self) -> dict[str, str]:
        """The files that can be compared: whole dialplan files, contexts and their lines."""
        return {name: text for name, text in self.files.items() if name.startswith("extensions")}
