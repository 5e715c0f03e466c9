"""Calls in progress on a terminal: as many columns as it is wide, as many calls as it is high."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rtbill.app.view import clock_text
from rtbill.cli.live import left_text, more_text, state_text, totals_text
from rtbill.observability import escape_controls

URGENT_S = 10.0
FRAME_LINES = 4
"""Title, blank line, headings, and a last line: how many calls are not shown, or a legend."""
COLUMNS: tuple[tuple[str, int], ...] = (
    ("Extension", 0),
    ("Person", 0),
    ("Account", 100),
    ("Number", 0),
    ("Destination", 110),
    ("Since", 130),
    ("Talk", 0),
    ("Cost", 0),
    ("Held", 0),
    ("Granted", 120),
    ("Left", 0),
    ("State", 0),
    ("Balance", 0),
    ("Grantable", 120),
)
"""Headings, and how wide a terminal must be for the column."""
STEADY_FROM = 80
_STEADY = {"Extension": 9, "Number": 13, "Talk": 5, "Cost": 7, "Held": 7, "Left": 6, "State": 8}
_STEADY |= {"Balance": 7, "Granted": 7, "Since": 8}
"""Least widths where there is room, so that columns do not jump about as calls come and go."""
LEGEND = "+ more talk is granted in time; FINAL there is no money for more"
_FLEXIBLE = frozenset({"Person", "Destination"})
_RIGHT = frozenset({"Talk", "Cost", "Held", "Granted", "Left", "Balance", "Grantable"})


class LiveScreen:
    """Draws one answer of the service after the other."""

    def __init__(self, zone: str, console: Console | None = None) -> None:
        self._zone = ZoneInfo(zone)
        self._console = console or Console()
        self._last: dict[str, Any] | None = None

    @property
    def rows_max(self) -> int:
        """So many calls fit."""
        return max(1, self._console.size.height - FRAME_LINES)

    def show(self, answers: Iterable[dict[str, Any] | None]) -> None:
        """Draw each; None stands for no answer, and the last one stays. A terminal is given back as
        it was found, whatever ends this.
        """
        answers = iter(answers)
        first = next(answers)
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            live.update(self.drawn(first), refresh=True)
            for answer in answers:
                live.update(self.drawn(answer), refresh=True)

    def drawn(self, answer: dict[str, Any] | None) -> RenderableType:
        """The whole screen, never larger than the terminal."""
        is_silent = answer is None
        shown = answer or self._last
        assert shown is not None, "the first answer is one"
        self._last = shown
        at = datetime.fromisoformat(shown["at"]).astimezone(self._zone)
        title = Text("rtbill live ", style="bold", no_wrap=True, overflow="ellipsis")
        title.append(f"{at:%H:%M:%S}  ", style="not bold")
        if is_silent:
            title.append("no answer from rtbill since then; trying again", style="bold red")
        else:
            title.append(totals_text(shown["totals"]), style="not bold")
        parts: list[RenderableType] = [title, Text(""), self._table(shown["calls"])]
        foot = (more_text(shown) or LEGEND) if shown["calls"] else "no call in progress"
        parts.append(Text(foot, style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*parts)

    def _table(self, calls: list[dict[str, Any]]) -> Table:
        width = self._console.size.width
        table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
        shown = [heading for heading, least in COLUMNS if width >= least]
        for heading in shown:
            table.add_column(
                heading,
                no_wrap=True,
                overflow="ellipsis",
                justify="right" if heading in _RIGHT else "left",
                ratio=1 if heading in _FLEXIBLE else None,
                min_width=_STEADY.get(heading) if width >= STEADY_FROM else None,
            )
        has_one_currency = len({call["currency"] for call in calls}) == 1
        for call in calls[: self.rows_max]:
            cells = self._cells(call, "" if has_one_currency else f" {call['currency']}")
            row = [Text(escape_controls(cells[heading])) for heading in shown]
            table.add_row(*row, style=_style(call))
        return table

    def _cells(self, call: dict[str, Any], currency: str) -> dict[str, str]:
        since = ""
        if call["since"]:
            since = f"{datetime.fromisoformat(call['since']).astimezone(self._zone):%H:%M:%S}"
        return {
            "Extension": f"{call['pbx']}/{call['payer'] or 'unknown'}",
            "Person": call["person"] or "",
            "Account": call["account"],
            "Number": call["number"] or "unknown",
            "Destination": call["destination"],
            "Since": since,
            "Talk": clock_text(call["talk_s"]) if call["state"] == "talking" else "",
            "Cost": "unknown" if call["cost"] is None else call["cost"] + currency,
            "Held": call["held"] or "",
            "Granted": "" if call["granted_s"] is None else clock_text(call["granted_s"]),
            "Left": left_text(call, clock_text),
            "State": state_text(call),
            "Balance": call["balance"] + currency,
            "Grantable": call["grantable"],
        }


def _style(call: dict[str, Any]) -> str:
    if call["state"] == "ringing":
        return "dim"
    if call["final"]:
        is_urgent = call["left_s"] is not None and call["left_s"] < URGENT_S
        return "bold red" if is_urgent else "bold yellow"
    return ""
