"""From E.164 beginnings to dialplan patterns of every way in which people here dial them.

The exchange must sort numbers without us when we do not answer, so what the biller's number plan
says of a number is written out as patterns. Asterisk takes the pattern whose first characters are
the most definite, which makes rows of digits followed by `.` a longest-prefix match.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

OTHER = "other"
"""The class of every number that no class claims."""
ANY_NUMBER = "[0-9*#+]!"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """How the site dials: what the patterns depend on."""

    country_code: str
    national_prefix: str = ""
    """Empty where every number is dialled in full."""
    international_prefixes: tuple[str, ...] = ("00",)
    area_code: str = ""
    """Put before numbers that are dialled without one; empty where there are none."""
    national_length: int | None = None
    """Digits of a number complete without the national prefix; None where there is no such form."""
    service_codes: tuple[str, ...] = ()
    """Beginnings of short numbers that are national although dialled without the prefix."""


def number_patterns(prefix: str, dialling: Dialling) -> list[str]:
    """Patterns, without the leading underscore, of all numbers that begin with this E.164 prefix
    (digits, no plus), in every form that is dialled here.
    """
    patterns = [f"+{prefix}."]
    patterns += [f"{access}{prefix}." for access in dialling.international_prefixes]
    code = dialling.country_code
    if code.startswith(prefix) or prefix.startswith(code):
        home = _home_patterns(prefix[len(code) :], dialling)
        # What begins like an international number is read as one.
        patterns += [each for each in home if not each.startswith(dialling.international_prefixes)]
    return patterns


def class_patterns(
    classes: Mapping[str, Sequence[str]], dialling: Dialling
) -> list[tuple[str, str]]:
    """Each pattern with the class of the numbers it means, `other` for all that is not claimed.

    `classes` are E.164 prefixes (with or without plus) by name of class.
    """
    # Every form has a pattern of its own, so that no number falls into a vaguer form's class.
    claims = dict.fromkeys([ANY_NUMBER, *number_patterns("", dialling)], (0, OTHER))
    for name, prefixes in classes.items():
        for prefix in (each.removeprefix("+") for each in prefixes):
            for pattern in number_patterns(prefix, dialling):
                claims[pattern] = max(claims.get(pattern, (0, "")), (len(prefix), name))
    return [(pattern, name) for pattern, (_, name) in sorted(claims.items())]


def _home_patterns(rest: str, dialling: Dialling) -> Iterator[str]:
    """Forms without an international access code; `rest` follows our own country code."""
    if not dialling.national_prefix:
        yield f"{rest}." if rest else "X!"
        return
    yield f"{dialling.national_prefix}{rest}."
    for pattern in _bare_patterns(rest, dialling):
        if not pattern.startswith(dialling.national_prefix):
            yield pattern


def _bare_patterns(rest: str, dialling: Dialling) -> Iterator[str]:
    """Forms without any access code."""
    for service in dialling.service_codes:
        if service.startswith(rest):
            yield f"{service}!"
        elif rest.startswith(service):
            yield f"{rest}!"
    length = dialling.national_length
    if length is not None and len(rest) < length:
        yield rest + "X" * (length - len(rest))
    if dialling.area_code:
        yield from _local_patterns(rest, dialling.area_code, length)


def _local_patterns(rest: str, area: str, length: int | None) -> Iterator[str]:
    """Numbers dialled without an area code."""
    own = rest[len(area) :]
    if not (area.startswith(rest) or rest.startswith(area)):
        return
    if length is not None:
        # Where complete numbers are told by their length, so are local ones.
        yield own + "X" * (length - len(area) - len(own))
    else:
        yield f"{own}." if own else "X!"
