"""Dialled digits to the number that is priced, by the rules of the site.

Order of the questions: emergency, then internal, then the forms of an outside number
(international, national, service code, local), then whether that number is free. A number that
cannot be read is chargeable with no number: its price is unknown, never zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rtbill.domain.errors import ConfigError
from rtbill.domain.rated import NumberKind
from rtbill.domain.special_numbers import COUNTRIES, ELSEWHERE, UNIVERSAL_FREEPHONE, Country
from rtbill.domain.trunk_numbers import NumberForm, TrunkNumbers

E164_DIGITS_MAX = 15
_DIGITS_MAX = 32
"""More digits than anyone dials: garbage."""
_SEPARATORS = str.maketrans("", "", " -./()\u00a0")
_AFTER_ANSWER = re.compile(r"[wp,;].*", re.IGNORECASE | re.DOTALL)
"""A pause and the tones sent after it are not part of the number."""
_WAIT_FOR_TONE = "wWpP,"
"""The same marks in front of a number: wait for the exchange's dial tone first."""


class CalledNumber(NamedTuple):
    """What was called, in the form that tariffs are written in."""

    kind: NumberKind
    number: str | None
    """E.164 with plus; an emergency number or free short code as such; an internal number as
    dialled; None when the digits cannot be read as any of these.
    """
    reason: str
    """How the digits were read, or why they could not be; for people."""


_UNKNOWN = CalledNumber(NumberKind.CHARGEABLE, None, "the exchange named no number")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPlan:
    """How people at one site dial."""

    country: str = "DE"
    """ISO 3166 code; chooses the lists of emergency and free numbers."""
    country_code: str = "49"
    national_prefix: str = "0"
    """Empty where every number is dialled in full, as in Spain or Italy."""
    international_prefixes: tuple[str, ...] = ("00",)
    area_code: str = ""
    """Without the national prefix; empty refuses to guess at local numbers."""
    national_length: int | None = None
    """Digits of a number that is complete without the national prefix: 10 in North America."""
    outside_prefixes: tuple[str, ...] = ()
    """Digits for an outside line, only where the exchange passes them on; then always stripped."""
    internal: tuple[str, ...] = ()
    """Regular expressions; a number that one of them matches as a whole never leaves the house."""
    short_codes: Mapping[str, str] = field(default_factory=dict)
    """Code as dialled to the number it stands for."""
    emergency: tuple[str, ...] = ()
    """Emergency numbers beyond the country's."""
    freephone: tuple[str, ...] = ()
    """Free numbers beyond the country's: `+4918030` is a prefix, `7700` a whole number."""

    _whole: dict[str, CalledNumber] = field(init=False, repr=False, compare=False)
    _internal: re.Pattern[str] | None = field(init=False, repr=False, compare=False)
    _free: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _special: Country = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        special = COUNTRIES.get(self.country.upper(), ELSEWHERE)
        code = self.country_code
        free = [code + prefix for prefix in special.freephone]
        free += [entry[1:] for entry in self.freephone if entry.startswith("+")]
        object.__setattr__(self, "_special", special)
        object.__setattr__(self, "_free", tuple(free))
        object.__setattr__(self, "_internal", _one_pattern(self.internal))
        object.__setattr__(self, "_whole", {})
        self._remember_whole_numbers(special)

    @property
    def emergency_forms(self) -> dict[str, str]:
        """Every way to dial an emergency number here, and the number itself."""
        return self._forms_of(NumberKind.EMERGENCY)

    @property
    def free_forms(self) -> dict[str, str]:
        """Every way to dial a short free number here, and the number itself."""
        return self._forms_of(NumberKind.FREEPHONE)

    @property
    def free_prefixes(self) -> tuple[str, ...]:
        """E.164 digits with which longer free numbers begin."""
        return self._free

    @property
    def service_codes(self) -> tuple[str, ...]:
        """Beginnings of national numbers that are dialled without the national prefix."""
        return self._special.service_codes

    @property
    def has_116(self) -> bool:
        """Whether 116 and three digits is a free helpline."""
        return self._special.has_116

    def _forms_of(self, kind: NumberKind) -> dict[str, str]:
        return {
            form: called.number
            for form, called in self._whole.items()
            if called.kind is kind and called.number is not None
        }

    def classify(self, dialled: str | None, on_trunk: TrunkNumbers | None = None) -> CalledNumber:
        """The number behind these digits, as dialled or as they stand on a trunk with rules of its
        own, and whether it is chargeable; never raises.
        """
        if dialled is None:
            return _UNKNOWN
        if on_trunk is not None:
            return self._classify_on_trunk(dialled, on_trunk)
        found = self._whole.get(dialled)
        if found is not None:
            return found
        if dialled.isdecimal() and dialled.isascii():
            return self._read_digits(dialled)
        return self._read_written(dialled)

    def _classify_on_trunk(self, dialled: str, numbers: TrunkNumbers) -> CalledNumber:
        """What is an emergency or free number as it stands, or without the trunk's codes, stays
        one.
        """
        digits = numbers.bare(dialled)
        found = self._whole.get(dialled) or self._whole.get(digits)
        if found is not None:
            return found
        if not digits:
            return _unreadable(f"{dialled!r} is nothing but the trunk's codes")
        if numbers.form is NumberForm.DIALLED or not (digits.isdecimal() and digits.isascii()):
            return self.classify(digits)
        if numbers.form is NumberForm.NATIONAL:
            return self._outside(self.country_code + digits, "national, as the trunk has it")
        return self._outside(digits, "international, as the trunk has it")

    def _read_written(self, dialled: str) -> CalledNumber:
        """A number with a plus, separators, a closing # or a pause in it."""
        text = dialled.translate(_SEPARATORS).lstrip(_WAIT_FOR_TONE)
        text = _AFTER_ANSWER.sub("", text).rstrip("#")
        digits = text.removeprefix("+")
        if not (digits.isdecimal() and digits.isascii()):
            return _UNKNOWN if not text else _unreadable(f"{dialled!r} is not a telephone number")
        found = self._whole.get(text)
        if found is not None:
            return found
        return self._outside(digits, "international") if text != digits else self._read_digits(text)

    def _read_digits(self, digits: str) -> CalledNumber:
        if self._internal is not None and self._internal.fullmatch(digits):
            return CalledNumber(NumberKind.INTERNAL, digits, "internal number")
        for prefix in self.outside_prefixes:
            if digits.startswith(prefix):
                digits = digits[len(prefix) :]
                found = self._whole.get(digits)
                if found is not None:
                    return found
                break
        for prefix in self.international_prefixes:
            if digits.startswith(prefix):
                return self._outside(digits[len(prefix) :], "international")
        if self.national_prefix and digits.startswith(self.national_prefix):
            national = digits[len(self.national_prefix) :]
            return self._outside(self.country_code + national, "national")
        return self._read_bare(digits)

    def _read_bare(self, digits: str) -> CalledNumber:
        """Digits without any access prefix: a service code, a whole number, or a local one."""
        special = self._special
        if special.has_116 and len(digits) == 6 and digits.startswith("116"):
            return CalledNumber(NumberKind.FREEPHONE, digits, "free helpline 116")
        is_complete = not self.national_prefix or len(digits) == self.national_length
        if digits.startswith(special.service_codes) and not is_complete:
            return self._outside(self.country_code + digits, "service code")
        if is_complete:
            return self._outside(self.country_code + digits, "national")
        if self.area_code:
            return self._outside(self.country_code + self.area_code + digits, "local")
        return _unreadable("a local number, and no area code is configured")

    def _outside(self, digits: str, reason: str) -> CalledNumber:
        """An E.164 number, free or not."""
        if not 0 < len(digits) <= E164_DIGITS_MAX:
            if not 0 < len(digits) <= _DIGITS_MAX:
                return _unreadable(f"{len(digits)} digits cannot be a telephone number")
            reason = f"more than {E164_DIGITS_MAX} digits, priced by its first ones"
        if digits.startswith(self._free) or (
            digits.startswith(UNIVERSAL_FREEPHONE) and len(digits) == 11
        ):
            return CalledNumber(NumberKind.FREEPHONE, "+" + digits, "free-phone number")
        if self._special.has_116 and digits.startswith(self.country_code + "116"):
            code = digits[len(self.country_code) :]
            if len(code) == 6:
                return CalledNumber(NumberKind.FREEPHONE, code, "free helpline 116")
        return CalledNumber(NumberKind.CHARGEABLE, "+" + digits, reason)

    def _remember_whole_numbers(self, special: Country) -> None:
        """Fill the table of numbers known as a whole; the first to claim a form keeps it."""
        whole = self._whole
        for number in sorted({*special.emergency, *self.emergency}):
            called = CalledNumber(NumberKind.EMERGENCY, number, "emergency number")
            for form in self._forms(number):
                whole.setdefault(form, called)
        codes = {entry for entry in self.freephone if not entry.startswith("+")}
        for number in sorted({*special.free_codes, *codes}):
            called = CalledNumber(NumberKind.FREEPHONE, number, "free short code")
            for form in self._forms(number):
                whole.setdefault(form, called)
        for code, target in self.short_codes.items():
            whole.setdefault(code, self.classify(target))

    def _forms(self, number: str) -> Iterator[str]:
        """Every way the digits of a short number may reach the trunk."""
        written = [number, "+" + number, f"+{self.country_code}{number}"]
        written += [
            f"{prefix}{self.country_code}{number}" for prefix in self.international_prefixes
        ]
        yield from written
        for outside in self.outside_prefixes:
            yield from (outside + form for form in written)


def _one_pattern(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    """One expression for all; ConfigError names each that cannot be read."""
    problems = []
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            problems.append(f"internal number pattern {pattern!r}: {error}")
    if problems:
        raise ConfigError(problems)
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None


def _unreadable(reason: str) -> CalledNumber:
    return CalledNumber(NumberKind.CHARGEABLE, None, reason)
