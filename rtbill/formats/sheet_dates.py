"""Days as rate sheets write them.

>>> read_date("2026-12-01T00:00:00")
datetime.date(2026, 12, 1)
>>> read_date("01.12.26", "%d.%m.%y")
datetime.date(2026, 12, 1)
>>> form_of(["01/12/2026", "13/12/2026"])
'%d/%m/%Y'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from rtbill.domain.errors import BadRecord

FORMS = (
    *("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d"),
    *("%Y%m%d", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y"),
    *("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M:%S"),
)
"""Those that are tried when no form is declared."""


def read_date(cell: str, form: str = "") -> date | None:
    """The day of a cell, None of an empty one; BadRecord names the form that it is not of."""
    if not cell:
        return None
    found = _read(cell, form) if form else None
    if found is None:
        try:
            found = datetime.fromisoformat(cell).date()
        except ValueError:
            raise BadRecord(f"{cell!r} is not a date of the form {form or '2026-12-01'}") from None
    return found


def form_of(cells: Sequence[str]) -> str:
    """The form of all these dates, empty for that of ISO 8601; BadRecord when there is none, or
    when they are other days in another form.
    """
    there = sorted({cell for cell in cells if cell})
    if all(_is_iso(cell) for cell in there):
        return ""
    fitting = {
        form: found
        for form in FORMS
        if None not in (found := tuple(_read(cell, form) for cell in there))
    }
    if not fitting:
        raise BadRecord(f"{there[0]!r} is a date of no known form; declare it as valid_from.format")
    if len(set(fitting.values())) > 1:
        forms = " or ".join(fitting)
        raise BadRecord(f"{there[0]!r} may be {forms}; declare one as valid_from.format")
    return next(iter(fitting))


def _is_iso(cell: str) -> bool:
    try:
        datetime.fromisoformat(cell)
    except ValueError:
        return False
    return True


def _read(cell: str, form: str) -> date | None:
    try:
        return datetime.strptime(cell, form).date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
