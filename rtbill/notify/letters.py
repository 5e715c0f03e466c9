"""Notices in the words of a person: subject, text and HTML from the templates beside this file.

A letter is written once in each language, `templates/<language>/<kind>.jinja`, with the macros of
`form.txt.jinja` or `form.html.jinja`, so that its two forms cannot say different things.
"""

from __future__ import annotations

import importlib.resources
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from rtbill.domain.contact import Language
from rtbill.domain.errors import BadRecord
from rtbill.domain.notice import ACCOUNT_KINDS, OPERATOR_KINDS, SECRET_DETAILS, Notice
from rtbill.notify.wording import amount_text, instant_text, month_text

_OPERATOR = "operator"
"""Name of the letter of operators' notices that have none of their own."""
OWN_LETTERS = (*ACCOUNT_KINDS, "topup.disputed", "test")
_BLANKS = re.compile(r"[ \t\r\n]+")
"""Not every white space: a no-break space stays."""
_GAPS = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands in one mail."""

    subject: str
    text: str
    html: str
    language: Language


class Letters:
    """Writes letters of one site, on its clock."""

    def __init__(self, site: str, zone: ZoneInfo) -> None:
        self._site = site
        self._zone = zone

    def write(self, notice: Notice, language: Language) -> Letter:
        """The letter; BadRecord when the notice lacks what has to stand in it."""
        assert notice.kind in (*OWN_LETTERS, *OPERATOR_KINDS), f"no letter for {notice.kind}"
        try:
            subject = self._rendered("subject.jinja", "txt", notice, language)
            text = self._rendered("layout.txt.jinja", "txt", notice, language)
            html = self._rendered("layout.html.jinja", "html", notice, language)
        except (jinja2.UndefinedError, BadRecord, ValueError, TypeError) as wrong:
            raise BadRecord(
                f"notice {notice.kind} of {notice.subject} cannot be written: {wrong}"
            ) from wrong
        text = _GAPS.sub("\n\n", text.strip()) + "\n"
        return Letter(_one_line(subject), text, html.strip() + "\n", language)

    def _rendered(self, layout: str, form: str, notice: Notice, language: Language) -> str:
        """One of the parts of a letter."""
        environment = _environment(form)
        kind = notice.kind if notice.kind in OWN_LETTERS else _OPERATOR
        values = self._values(notice, language) | {
            "form": environment.get_template(f"form.{form}.jinja").module,
            "layout": layout,
        }
        return environment.get_template(f"{language}/{kind}.jinja").render(values)

    def _values(self, notice: Notice, language: Language) -> dict[str, Any]:
        details = dict(notice.details)

        def money(amount: str) -> str:
            return amount_text(amount, details.get("currency", ""), language)

        def instant(text: str) -> str:
            return instant_text(datetime.fromisoformat(str(text)), self._zone, language)

        def month(text: str) -> str:
            return month_text(text, language)

        return details | {
            "account": notice.subject,
            "at": instant_text(notice.at, self._zone, language),
            "details": {k: v for k, v in details.items() if k not in SECRET_DETAILS},
            "instant": instant,
            "kind": notice.kind,
            "language": language.value,
            "money": money,
            "month_name": month,
            "said": notice.text,
            "site": self._site,
        }


def _one_line(text: str) -> str:
    """Every row of blanks and line ends is one blank; what was escaped (Markup) stays so."""
    return type(text)(_BLANKS.sub(" ", str(text)).strip())


@cache
def _environment(form: str) -> jinja2.Environment:
    folder = importlib.resources.files("rtbill.notify").joinpath("templates")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=form == "html",  # noqa: S701 - plain text has nothing to escape
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["one_line"] = _one_line
    return environment
