"""How people write an instant or an extension in an order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rtbill.domain.account import Extension
from rtbill.domain.errors import BadRecord

_EXTENSION = re.compile(r"[0-9A-Za-z*#+._-]{1,32}")


class Wording:
    """Reads what stands in orders by the site's zone and its exchanges' names."""

    def __init__(self, zone: str, pbxs: Sequence[str]) -> None:
        self.zone = ZoneInfo(zone)
        self.pbxs = tuple(pbxs)

    def instant(self, text: object, otherwise: datetime) -> datetime:
        """The instant in UTC; a date is its midnight at the site; none is `otherwise`."""
        return self.sure_instant(str(text)) if text else otherwise

    def sure_instant(self, text: str) -> datetime:
        """The instant in UTC; BadRecord when the text is none."""
        try:
            instant = datetime.fromisoformat(text)
            local = instant if instant.tzinfo else instant.replace(tzinfo=self.zone)
            return local.astimezone(UTC)
        except (ValueError, OverflowError):
            raise BadRecord(f"{text!r} is not a date; write 2026-12-01") from None

    def extension(self, text: object) -> Extension:
        """`hall/1001`, or `1001` where there is one exchange; BadRecord names the exchanges."""
        pbx, slash, number = str(text).partition("/")
        if not slash:
            pbx, number = "", pbx
        if not pbx and len(self.pbxs) == 1:
            pbx = self.pbxs[0]
        if not _EXTENSION.fullmatch(number) or pbx not in self.pbxs:
            known = ", ".join(self.pbxs)
            raise BadRecord(f"{text!r} is not an extension; write PBX/NUMBER, with PBX of: {known}")
        return Extension(pbx, number)
