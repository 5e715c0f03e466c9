"""Asterisk's own call detail records (CDR): one row for each pair of channels that were connected.

Master.csv (cdr_csv) has no header. Sixteen columns, then `uniqueid` and `userfield` where cdr.conf
says `loguniqueid` and `loguserfield`, then `peeraccount,linkedid,sequence` where it says
`newcdrcolumns`. Times are whole seconds on the exchange's clock, in UTC where it says `usegmtime`.

What is odd: a row is not a call. A transferred trunk leg has several rows, some with the trunk in
`channel` as if it had come in. `billsec` is rounded while `duration` is cut, so 3 of 2 seconds is
possible. A caller who was connected before (a transfer, an announcement) counts as answered while
the trunk still rings. Specified by `main/cdr.c` and `cdr/cdr_csv.c` of Asterisk 16 to 22.

    >>> reader = CdrReader("UTC")
    >>> row = reader.master_row([
    ...     "1001", "1001", "95551234", "from-phones", '"Ext 1001" <1001>',
    ...     "PJSIP/1001-00000000", "PJSIP/carrier-00000001", "Dial", "PJSIP/5551234@carrier,60,TK",
    ...     "2026-11-22 14:00:12", "2026-11-22 14:00:13", "2026-11-22 14:00:15", "3", "2",
    ...     "ANSWERED", "DOCUMENTATION", "1795356012.0", "", "1001", "1795356012.0", "0"])
    >>> row.began_us, row.talk_s, row.is_answered, row.unique_id
    (1795356012000000, 2, True, '1795356012.0')
    >>> dialled_number(row.application, row.arguments, row.far_channel)
    '5551234'
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rtbill.domain.call import DURATION_MAX_S, YEARS, epoch_us
from rtbill.domain.errors import BadRecord

BASE = (
    *("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp"),
    *("lastdata", "start", "answer", "end", "duration", "billsec", "disposition", "amaflags"),
)
"""The columns of every Master.csv, in their order."""
NEW = ("peeraccount", "linkedid", "sequence")
REQUIRED = ("channel", "dstchannel", "lastapp", "lastdata", "duration", "billsec", "disposition")
"""Without these columns a table cannot be compared; `calldate` or `start` is needed as well."""
OPTIONAL = ("dst", "src", "cnum", "accountcode", "uniqueid", "sequence", "answer", "end")
STARTS = ("calldate", "start")

_SECOND_US = 1_000_000
_SHIFT_US = 900 * _SECOND_US
"""No two zones differ by less."""
_UNIQUE_ID = re.compile(r"(?:.*-)?([0-9]{9,11})\.[0-9]+")
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_DIGITS_MAX = 18
"""Of whole numbers that are read: more is no count of anything, and Python refuses thousands."""
_ANY_LINE = re.compile(r"[iIgGrR]?[0-9]+[a-z]?")
"""DAHDI's word for a group of lines or one of them: g0, r1, 5, i1."""


class CdrRow(NamedTuple):
    """One row, its times as microseconds since 1970."""

    channel: str
    far_channel: str
    application: str
    arguments: str
    account_code: str
    source: str
    destination: str
    began_us: int
    answered_us: int | None
    ended_us: int
    talk_s: int
    """`billsec`."""
    is_answered: bool
    unique_id: str
    sequence: int


class CdrReader:
    """Reads rows of one file or table; the exchange's clock and its zone stand behind them all."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._tens: dict[str, tuple[int, int]] = {}
        """Beginnings of ten minutes on the wall clock as instants, once for each fold."""
        self._last_us: int | None = None
        self._columns: Mapping[int, tuple[str, ...]] = {
            16: BASE,
            18: (*BASE, "uniqueid", "userfield"),
            19: (*BASE, *NEW),
            21: (*BASE, "uniqueid", "userfield", *NEW),
        }
        self._nearest_us: int | None = None

    def master_row(self, cells: Sequence[str]) -> CdrRow:
        """A line of Master.csv; BadRecord says what is wrong with it."""
        columns = self._columns.get(len(cells))
        if columns is None and len(cells) in (17, 20):
            is_id = _UNIQUE_ID.fullmatch(cells[16]) is not None
            columns = (*BASE, "uniqueid" if is_id else "userfield", *NEW[: len(cells) - 17])
        if columns is None:
            raise BadRecord(f"has {len(cells)} columns; Master.csv has 16 to 21")
        return self.row(dict(zip(columns, cells, strict=True)))

    def row(self, cells: Mapping[str, str]) -> CdrRow:
        """A row by the names of its columns, the database's or Master.csv's."""
        duration_s, talk_s = _whole(cells, "duration"), _whole(cells, "billsec")
        unique_id = cells.get("uniqueid", "")
        began_us = self._began_us(cells.get("calldate") or cells.get("start", ""), unique_id)
        ended_us = began_us + duration_s * _SECOND_US
        if cells.get("end"):
            ended_us = self._instant_us(cells["end"], ended_us)
        is_answered = cells["disposition"] == "ANSWERED"
        answered_us: int | None = None
        if cells.get("answer"):
            answered_us = self._instant_us(cells["answer"], began_us)
        elif is_answered:
            answered_us = max(began_us, ended_us - talk_s * _SECOND_US)
        sequence = cells.get("sequence", "")
        return CdrRow(
            cells["channel"],
            cells["dstchannel"],
            cells["lastapp"],
            cells["lastdata"],
            cells.get("accountcode", ""),
            cells.get("cnum") or cells.get("src", ""),
            cells.get("dst", ""),
            began_us,
            answered_us,
            ended_us,
            talk_s,
            is_answered,
            unique_id,
            int(sequence) if sequence.isdecimal() and len(sequence) <= _DIGITS_MAX else 0,
        )

    def zone_problem(self) -> str:
        """What is wrong when no row began near the second that its own id names; else empty."""
        apart_us = self._nearest_us
        if apart_us is None or abs(apart_us) < _SHIFT_US - 60 * _SECOND_US:
            return ""
        hours = apart_us / (3600 * _SECOND_US)
        return (
            f"its times are {hours:+.2f} h from the seconds in its own call ids, read as "
            f"{self._zone.key}; name the zone they are written in with --cdr-zone "
            "(UTC where cdr.conf says usegmtime = yes)"
        )

    def _began_us(self, text: str, unique_id: str) -> int:
        """The instant of a beginning. In the hour that comes twice the call's own id tells which
        one it is, and without an id the row before.
        """
        found = _UNIQUE_ID.fullmatch(unique_id)
        born_us = int(found[1]) * _SECOND_US if found else None
        # Rows run forward, but a long call's is written late: a quarter of an hour is allowed.
        after_us = None if self._last_us is None else self._last_us + 900 * _SECOND_US
        began_us = self._instant_us(text, after_us if born_us is None else born_us)
        if born_us is not None:
            apart_us = began_us - born_us
            if self._nearest_us is None or abs(apart_us) < abs(self._nearest_us):
                self._nearest_us = apart_us
        self._last_us = max(began_us, self._last_us or 0)
        return began_us

    def _instant_us(self, text: str, near_us: int | None) -> int:
        """The instant of a wall clock time, of two the one nearer to another instant."""
        text = text[:19].replace("T", " ")
        tens = self._tens.get(text[:15])
        if tens is None or not _STAMP.fullmatch(text):
            tens = self._tens[text[:15]] = self._new_tens(text)
        rest_us = (int(text[15]) * 60 + int(text[17:19])) * _SECOND_US
        first, second = tens[0] + rest_us, tens[1] + rest_us
        if first == second or near_us is None:
            return first
        return min(first, second, key=lambda each: abs(each - near_us))

    def _new_tens(self, text: str) -> tuple[int, int]:
        try:
            local = datetime.fromisoformat(text if _STAMP.fullmatch(text) else "")
        except ValueError:
            raise BadRecord(f"{text!r} is not a time like 2026-11-22 14:00:12") from None
        if local.year not in YEARS:
            raise BadRecord(f"{text!r}: the year is not within {YEARS[0]} to {YEARS[-1]}")
        local = local.replace(minute=local.minute // 10 * 10, second=0, tzinfo=self._zone)
        first, second = (epoch_us(local.replace(fold=fold).astimezone(UTC)) for fold in (0, 1))
        # In the hour that does not exist both readings are names for one instant each; the first
        # is what a clock not yet put forward shows.
        return first, second if second > first else first


def dialled_number(application: str, arguments: str, trunk_channel: str) -> str | None:
    """The number that Dial's arguments give to the trunk this channel belongs to; None when they
    name none, or several.
    """
    if application != "Dial":
        return None
    technology = trunk_channel.partition("/")[0]
    found = set()
    for device in arguments.partition(",")[0].split("&"):
        kind, _, rest = device.partition("/")
        if kind == technology:
            number = _number_for(rest, trunk_channel[len(technology) + 1 :])
            if number:
                found.add(number)
    return found.pop() if len(found) == 1 else None


def endpoint(channel: str) -> str:
    """The endpoint in a channel's name: 1001 of PJSIP/1001-00000082; empty for Local channels."""
    technology, _, rest = channel.partition("/")
    return "" if technology == "Local" else rest.rpartition("-")[0]


def _number_for(device: str, line: str) -> str | None:
    """The number of `5551234@carrier`, `carrier/5551234`, `carrier/sip:5551234@host`, `g0/5551234`
    when the line is the one that the device names.
    """
    before, slash, after = device.rpartition("/")
    if slash:
        name = before.rpartition("@")[2]
        number = after.partition("@")[0]
        fits = _is_line_of(line, name) or _ANY_LINE.fullmatch(name) is not None
    else:
        number, at, name = device.partition("@")
        fits = bool(at) and _is_line_of(line, name.partition(":")[0])
    return number.removeprefix("sip:").removeprefix("sips:") if fits else None


def _is_line_of(line: str, name: str) -> bool:
    return line.startswith((f"{name}-", f"{name}:", f"{name}/"))


def _whole(cells: Mapping[str, str], column: str) -> int:
    text = cells[column].partition(".")[0]
    if not (text.isdecimal() and text.isascii()):
        raise BadRecord(f"{column} {cells[column]!r} is not a number of seconds")
    if len(text) > _DIGITS_MAX or int(text) > DURATION_MAX_S:
        raise BadRecord(f"{column} {text[:20]!r} is longer than ten years")
    return int(text)
