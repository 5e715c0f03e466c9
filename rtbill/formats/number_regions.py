"""What libphonenumber knows of a number: the range it belongs to, its country, its kind."""

from __future__ import annotations

from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberType

KINDS = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed or mobile",
    PhoneNumberType.TOLL_FREE: "free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared cost",
    PhoneNumberType.VOIP: "VoIP",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
UNKNOWN = "unknown"


class NumberRegion(NamedTuple):
    """Where a number belongs; a suggestion, for no list of the world's ranges is ever complete."""

    prefix: str
    """Digits of E.164 up to the end of the area or network code; the country code alone where the
    country has no such codes.
    """
    country: str
    """ISO 3166, or `international` for numbers of no country; empty when it is unknown."""
    kind: str
    is_whole_country: bool = False
    """The prefix is no more than the country's code."""


def region_of(number: str) -> NumberRegion:
    """Of a number in E.164 with plus."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return NumberRegion(number[1:4], "", UNKNOWN, is_whole_country=True)
    code = str(parsed.country_code)
    national = phonenumbers.national_significant_number(parsed)
    length = phonenumbers.length_of_national_destination_code(parsed)
    country = phonenumbers.region_code_for_number(parsed)
    if country is None:
        country = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    country = {"001": "international", "ZZ": ""}.get(country, country)
    kind = KINDS.get(phonenumbers.number_type(parsed), UNKNOWN)
    return NumberRegion(code + national[:length], country, kind, is_whole_country=length == 0)
