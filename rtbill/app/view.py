"""What a person sees while the service runs: a screen on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rtbill.alarms import Alarm
from rtbill.domain.money import Money
from rtbill.observability import escape_controls
from rtbill.ports import Clock

REFRESH_S = 0.25
PLAIN_LIVE_S = 5.0
HAPPENINGS_MAX = 12
ALARMS_MAX = 3
_KEPT = 100
"""Happenings remembered while they wait to be drawn; the screen never shows more."""
_COLUMNS_MIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    """One call in progress, as of the moment it was asked for."""

    call: str
    extension: str
    """`hall/1001`, or what the exchange named as payer."""
    person: str
    number: str
    """As it may be shown: already masked."""
    destination: str
    state: str
    """`ringing` or `talking`."""
    talk_s: float
    cost: Money | None
    """So far; None while the price is unknown."""
    balance: Money | None
    """Available to the account once this call so far is paid; None when it does not matter."""
    left_s: float | None
    """Until the money or the limit ends the call; None without a limit."""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """How an exchange is heard."""

    pbx: str
    state: str
    """`up`, `down` or `connecting`."""
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened, as one sentence."""

    sequence: int
    at: datetime
    text: str


class ViewModel(Protocol):
    """What the running service tells about itself; every call answers at once, from memory."""

    def live(self) -> Sequence[LiveRow]:
        """Calls in progress, the oldest first."""
        ...

    def happenings(self, since: int) -> Sequence[Line]:
        """What happened after this sequence number, oldest first."""
        ...

    def links(self) -> Sequence[LinkRow]:
        """Every exchange."""
        ...

    def alarms(self) -> Sequence[Alarm]:
        """Alarms in force, the oldest first."""
        ...


async def show(view: ViewModel, clock: Clock, console: Console, zone: str = "UTC") -> None:
    """Show what goes on until cancelled; a terminal is given back as it was found."""
    local = ZoneInfo(zone)
    if console.is_terminal:
        await _show_screen(view, clock, console, local)
    else:
        await _show_lines(view, clock, console, local)


async def _show_screen(view: ViewModel, clock: Clock, console: Console, zone: tzinfo) -> None:
    lines: list[Line] = []
    with Live(console=console, screen=True, auto_refresh=False, transient=True) as live:
        while True:
            lines += view.happenings(lines[-1].sequence if lines else 0)
            del lines[:-_KEPT]
            live.update(screen(view, lines, clock.now(), console.size, zone), refresh=True)
            await clock.sleep(REFRESH_S)


async def _show_lines(view: ViewModel, clock: Clock, console: Console, zone: tzinfo) -> None:
    seen = 0
    alarms: list[tuple[str, str]] = []
    told_at = clock.monotonic()
    while True:
        for line in view.happenings(seen):
            seen = line.sequence
            _say(console, line.at, zone, line.text)
        now = clock.now()
        raised = [(alarm.kind, alarm.subject) for alarm in view.alarms()]
        for alarm in view.alarms():
            if (alarm.kind, alarm.subject) not in alarms:
                _say(console, now, zone, f"ALARM {_alarm_text(alarm)}")
        alarms = raised
        if clock.monotonic() - told_at >= PLAIN_LIVE_S:
            told_at = clock.monotonic()
            for row in view.live():
                _say(console, now, zone, live_text(row))
        await clock.sleep(REFRESH_S)


def _say(console: Console, at: datetime, zone: tzinfo, text: str) -> None:
    line = f"{at.astimezone(zone):%H:%M:%S} {escape_controls(text)}"
    console.print(line, markup=False, highlight=False, soft_wrap=True, emoji=False)


def live_text(row: LiveRow) -> str:
    """A call in progress as one plain line."""
    parts = [f"in call   {row.extension} {row.person}".rstrip(), "->", row.number, row.destination]
    if row.state == "ringing":
        return " ".join([*parts, "ringing"])
    parts += [clock_text(row.talk_s), f"cost {row.cost}" if row.cost else "price unknown"]
    if row.balance is not None:
        parts.append(f"balance {row.balance}")
    if row.left_s is not None:
        parts.append(f"left {clock_text(row.left_s)}")
    return " ".join(part for part in parts if part)


def clock_text(seconds: float) -> str:
    """`1:05` or `2:00:00`; whole seconds, downwards."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Size(Protocol):
    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...


def screen(
    view: ViewModel, lines: Sequence[Line], now: datetime, size: _Size, zone: tzinfo
) -> RenderableType:
    """The whole screen, never taller than the terminal: links and alarms, calls, happenings."""
    alarms = view.alarms()
    rows = view.live()
    shown_alarms = min(len(alarms), ALARMS_MAX)
    # Title, one heading for the calls and one for the happenings, one blank line before each.
    room = size.height - 5 - shown_alarms
    for_lines = min(len(lines), HAPPENINGS_MAX, max(room // 2, room - max(len(rows), 1)))
    for_rows = max(room - for_lines, 1)
    parts: list[RenderableType] = [_title(view.links(), now, zone)]
    parts += [_one_line(f"! {_alarm_text(alarm)}", "bold red") for alarm in alarms[:shown_alarms]]
    parts += [Text(""), _calls(rows, for_rows, size.width), Text("")]
    parts.append(_one_line("What happened", "bold"))
    if for_lines > 0:
        parts += [
            _one_line(f"{line.at.astimezone(zone):%H:%M:%S} {line.text}", _style(line.text))
            for line in lines[-for_lines:]
        ]
    return Group(*parts)


def _title(links: Sequence[LinkRow], now: datetime, zone: tzinfo) -> Text:
    title = Text("rtbill ", style="bold", no_wrap=True, overflow="ellipsis")
    title.append(f"{now.astimezone(zone):%Y-%m-%d %H:%M:%S}  ", style="not bold")
    for link in links:
        title.append(
            f"{link.pbx} {link.state}  ", style="green" if link.state == "up" else "bold red"
        )
    return title


def _calls(rows: Sequence[LiveRow], rows_max: int, width: int) -> RenderableType:
    """The table of calls; when there are too many, the last line says how many are not shown."""
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for heading in ("Extension", "Person", "Number", "Destination"):
        flexible = heading in ("Person", "Destination")
        table.add_column(heading, no_wrap=True, overflow="ellipsis", ratio=1 if flexible else None)
    for heading in ("Talk", "Cost", "Balance", "Left"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis", justify="right")
    if width < _COLUMNS_MIN:
        table.columns[1].ratio = None
        table.columns[1].max_width = 1
    shown = rows if len(rows) <= rows_max else rows[: max(rows_max - 1, 0)]
    for row in shown:
        table.add_row(*(_cell(text) for text in _cells(row)), style=_urgency(row))
    if len(shown) < len(rows):
        return Group(table, _one_line(f"and {len(rows) - len(shown)} more", "dim"))
    if not rows:
        return Group(table, _one_line("no call in progress", "dim"))
    return table


def _cells(row: LiveRow) -> tuple[str, ...]:
    named = (row.extension, row.person, row.number, row.destination)
    if row.state == "ringing":
        return (*named, "ringing", "", str(row.balance or ""), "")
    return (
        *named,
        clock_text(row.talk_s),
        str(row.cost) if row.cost else "unknown",
        str(row.balance or ""),
        "" if row.left_s is None else clock_text(row.left_s),
    )


def _urgency(row: LiveRow) -> str:
    if row.state == "ringing":
        return "dim"
    return "bold yellow" if row.left_s is not None and row.left_s < 10 else ""


def _style(text: str) -> str:
    if text.startswith(("locked", "refused ", "cut", "unpaid", "confirm")):
        return "yellow"
    return "green" if text.startswith(("credited", "opened", "bought")) else ""


def _alarm_text(alarm: Alarm) -> str:
    return f"{alarm.kind} {alarm.subject}: {alarm.text}"


def _cell(text: str) -> Text:
    return Text(escape_controls(text))


def _one_line(text: str, style: str) -> Text:
    return Text(escape_controls(text), style=style, no_wrap=True, overflow="ellipsis")
