"""What a value of config.toml may look like, each with its form in words. For this package only."""

from __future__ import annotations

import contextlib
import difflib
import importlib.resources
import ipaddress
import re
import zoneinfo
from collections.abc import Iterable
from datetime import date
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictInt,
    StrictStr,
)

from rtbill.domain.errors import BadRecord
from rtbill.domain.money import EXPONENTS, MICROS, known_currency, parse_micros
from rtbill.domain.price_plan import PERCENT_PPM

PERCENT_MAX = 1_000


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the nearest known word, or nothing."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def matching(pattern: str, wanted: str) -> AfterValidator:
    """A check that a text has a form, with the form in words."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"{text!r} is not {wanted}")
        return text

    return AfterValidator(check)


def _country(code: str) -> str:
    table = importlib.resources.files("tzdata").joinpath("zoneinfo", "iso3166.tab")
    lines = table.read_text(encoding="utf-8").splitlines()
    if code not in {line.split("\t")[0] for line in lines if not line.startswith("#")}:
        raise ValueError(f"unknown country {code!r}; use an ISO 3166 code such as DE")
    return code


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = suggestion(name, zoneinfo.available_timezones())
        text = f"unknown time zone {name!r}; use an IANA name such as Europe/Berlin{near}"
        raise ValueError(text) from None
    return name


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"{error}; write an address or a network such as 192.0.2.7/32") from None


def _currency(code: str) -> str:
    try:
        return known_currency(code)
    except BadRecord as bad:
        raise ValueError(f"{bad}{suggestion(code, EXPONENTS)}") from None


def _amount(text: str) -> str:
    try:
        micros = parse_micros(text)
    except BadRecord as bad:
        raise ValueError(str(bad)) from None
    if micros < 0:
        raise ValueError(f"{text!r} is below zero")
    return text


def _percent(text: str) -> str:
    micros = parse_micros(_amount(text))
    if micros > PERCENT_MAX * MICROS or micros * PERCENT_PPM % MICROS:
        raise ValueError(f"{text!r} is not per cent up to {PERCENT_MAX} with four decimals at most")
    return text


def _day(written: object) -> date:
    """A date, as text or as TOML's own; other numbers would be taken for seconds since 1970."""
    if type(written) is date:
        return written
    if isinstance(written, str) and len(written) == len("2026-12-24"):
        with contextlib.suppress(ValueError):
            return date.fromisoformat(written)
    raise ValueError(f"{written!r} is not a date; write it like 2026-12-24")


Digits = Annotated[StrictStr, matching(r"[0-9]+", "a row of digits")]
DigitsOrNothing = Annotated[StrictStr, matching(r"[0-9]*", "a row of digits or empty")]
Dialled = Annotated[StrictStr, matching(r"[0-9*#]+", "something a telephone can dial")]
Beginning = Annotated[StrictStr, matching(r"\+?[0-9]+", "digits, with or without a plus")]
Pattern = Annotated[
    StrictStr, matching(r"[0-9x]+", "a pattern of digits and x (any digit), such as 1xxx")
]
Name = Annotated[
    StrictStr,
    matching(r"[a-z0-9][a-z0-9_-]{0,31}", "a name of small letters, digits, - and _ (32 at most)"),
]
Matcher = Annotated[
    StrictStr,
    matching(
        r"(?!Local/)[A-Za-z0-9]+/[0-9A-Za-z_.@:/+-]*\*?",
        "a channel name such as PJSIP/carrier-* or DAHDI/; behind a Local channel, name the real "
        "one: every forward inside the house is a Local channel too",
    ),
]
Prefix = Annotated[
    StrictStr, matching(r"\+[1-9][0-9]{0,14}", "a beginning in international form, such as +4930")
]
DialString = Annotated[
    StrictStr,
    matching(
        r"[A-Za-z0-9]+/[0-9A-Za-z_.@:/+-]*%s[0-9A-Za-z_.@:/+-]*",
        "a dial string with %s in place of the number, such as PJSIP/%s@carrier",
    ),
]
DialOptions = Annotated[
    StrictStr,
    matching(
        r"([A-Za-z](\([A-Za-z0-9^_:/-]*\))?)*",
        "a row of Dial's options: letters, each with its argument in brackets that are closed, "
        "such as tTm(default)",
    ),
    matching(
        r"([^UbBMGLS(]|\([^()]*\))*",
        "free of U, b, B, M, G, L and S: Dial keeps one U only, which is rtbill's, and the others "
        "run steps or set limits of which rtbill does not know",
    ),
]
DialplanName = Annotated[
    StrictStr, matching(r"[A-Za-z0-9_-]{1,64}", "the name of a context or device")
]
ExtensionNumber = Annotated[
    StrictStr, matching(r"[0-9A-Za-z*#+._-]{1,32}", "the number of an extension")
]
Group = Annotated[
    StrictStr,
    matching(
        r"[0-9A-Za-z*#+._-]{1,32}", "`group`, `refuse`, or the number of the extension that pays"
    ),
]
Incoming = Annotated[
    StrictStr,
    matching(
        r"[0-9A-Za-z*#+._-]{1,32}",
        "`refuse`, `trunk`, or the number of the extension that pays",
    ),
]
RemotePath = Annotated[StrictStr, matching(r"/[0-9A-Za-z_./-]+", "a path on the exchange")]
Url = Annotated[
    StrictStr,
    matching(r"https?://[0-9A-Za-z.:\[\]-]+", "an address such as https://rtbill.example:9465"),
]
CalendarName = Annotated[
    StrictStr,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", "a name of letters, digits, dots, - and _ (32 at most)"
    ),
]
Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[StrictStr, Field(min_length=1)]
Title = Annotated[
    StrictStr,
    matching(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,64}", "a title of one line (64 at most)"),
]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
Country = Annotated[StrictStr, AfterValidator(_country)]
Zone = Annotated[StrictStr, AfterValidator(_zone)]
CurrencyCode = Annotated[StrictStr, AfterValidator(_currency)]
Percent = Annotated[StrictStr, AfterValidator(_percent)]
Amount = Annotated[StrictStr, AfterValidator(_amount)]
Network = Annotated[StrictStr, AfterValidator(_network)]
