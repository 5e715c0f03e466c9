"""Emergency, free-phone and short service numbers of each country: facts, one row a country.

Sources: the short-number and toll-free tables of Google's libphonenumber, which follow the number
plans that regulators notify to the ITU (`resources/ShortNumberMetadata.xml` and
`resources/PhoneNumberMetadata.xml`, Apache-2.0; facts only, read in 2026). Beyond those tables,
from the national plans: Austria 128, 140, 141 and Switzerland 145, 1414, 1415 (gas, mountain and
air rescue, doctors, poisons), France 191, 196, 197 (rescue at sea and in the air), United Kingdom
18000 (relay emergency) and 111 (health), Greece 108, Croatia 195, Italy 1530 (coast guards),
Spain 061, 062, 080, 091, 092 (older services still answered), United States 933 (test of a 911
line). 116xxx: Commission Decision 2007/116/EC, adopted by the United Kingdom, Switzerland, Norway
and others as well. 00 800: ITU-T E.169.1, free to the caller by definition.

A site adds its own numbers in the configuration; nothing here can be taken away, because a wrongly
free call costs pennies and a wrongly refused emergency call costs a life.
"""

from __future__ import annotations

from typing import NamedTuple


class Country(NamedTuple):
    """What is special in one country's number plan."""

    emergency: frozenset[str]
    """Whole numbers, compared exactly: 1120000 is not 112."""
    freephone: tuple[str, ...]
    """Leading digits of free national numbers, without the national prefix: 800 for 0800."""
    free_codes: frozenset[str] = frozenset()
    """Free short codes beyond 116xxx, dialled as they stand."""
    service_codes: tuple[str, ...] = ()
    """Leading digits of numbers dialled without the national prefix that are not local numbers."""
    has_116: bool = True
    """Whether 116 and three digits is a free helpline (Europe)."""


def _country(
    emergency: str,
    freephone: str,
    free_codes: str = "",
    services: str = "",
    *,
    has_116: bool = True,
) -> Country:
    return Country(
        frozenset(emergency.split()),
        tuple(freephone.split()),
        frozenset(free_codes.split()),
        tuple(services.split()),
        has_116,
    )


_NORTH_AMERICA = _country(
    "911 933",
    "800 833 844 855 866 877 888",
    "988 711 811",
    "211 311 411 511 611",
    has_116=False,
)

COUNTRIES: dict[str, Country] = {
    "AT": _country("112 122 128 133 140 141 144", "800", "142 147", "115 116 118 120 123 130"),
    "AU": _country("000 106 112", "1800", services="12 13", has_116=False),
    "BE": _country("100 101 112", "800", "102 103 105 106 107 110", "1"),
    "BG": _country("112 150 160 166", "800", services="1"),
    "BR": _country("112 128 190 192 193 911", "800", "100 180 188", "1", has_116=False),
    "CA": _NORTH_AMERICA,
    "CH": _country("112 117 118 144 145 1414 1415", "800", "142 147", "1"),
    "CN": _country("110 119 120 122", "800", services="1", has_116=False),
    "CY": _country("112 199", "800"),
    "CZ": _country("112 150 155 156 158", "800"),
    "DE": _country("110 112", "800", services="115 116 118"),
    "DK": _country("112", "80", "114"),
    "EE": _country("110 112", "800"),
    "ES": _country("061 062 080 085 088 091 092 112", "800 900", "016"),
    "FI": _country("112", "800", services="116 118"),
    "FR": _country("112 114 115 15 17 18 191 196 197", "800 801 802 803 804 805", "119", "1 3"),
    "GB": _country("112 18000 999", "800 808", "105 111 119", "1"),
    "GR": _country("100 108 112 166 199", "800"),
    "HK": _country("112 992 999", "800", has_116=False),
    "HR": _country("112 192 193 194 195", "800", services="1"),
    "HU": _country("104 105 107 112", "80", services="1"),
    "IE": _country("112 999", "1800", services="1"),
    "IL": _country("100 101 102 112", "1800", services="1", has_116=False),
    "IN": _country("100 101 102 108 112", "1800", services="1", has_116=False),
    "IS": _country("112", "800"),
    "IT": _country("112 113 115 118 1530", "800 803", "117"),
    "JP": _country("110 118 119", "120 800", services="1", has_116=False),
    "KR": _country("112 119", "80", services="1", has_116=False),
    "LI": _country("112 117 118 144 145 1414 1415", "800", "147", "1"),
    "LT": _country("112", "800", services="1"),
    "LU": _country("112 113", "800"),
    "LV": _country("110 112 113", "80"),
    "MT": _country("112", "800"),
    "MX": _country("911", "800", has_116=False),
    "NL": _country("112 911", "800", services="1"),
    "NO": _country("110 112 113", "800"),
    "NZ": _country("111", "800 508", services="1", has_116=False),
    "PL": _country("112 997 998 999", "800"),
    "PT": _country("112 115", "800"),
    "RO": _country("112", "800", services="1"),
    "SE": _country("112 90000", "20", services="11"),
    "SG": _country("993 995 999", "800 1800", has_116=False),
    "SI": _country("112 113", "80", services="1"),
    "SK": _country("112 150 155 158", "800", services="1"),
    "TR": _country("110 112 155", "800", services="1", has_116=False),
    "UA": _country("101 102 103 112", "800", services="1", has_116=False),
    "US": _NORTH_AMERICA,
    "ZA": _country("10111 10177 112", "80", services="1", has_116=False),
}
"""By ISO 3166 code."""

ELSEWHERE = Country(frozenset({"112", "911"}), ())
"""A country not listed: the two numbers that ITU-T E.161.1 recommends; the site adds the rest."""

UNIVERSAL_FREEPHONE = "800"
"""Country code of the Universal International Freephone Numbers, +800 and eight digits."""
