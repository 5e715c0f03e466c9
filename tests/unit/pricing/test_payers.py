"""Who pays: the first that says something of code, extension and trunk, as of the answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rtbill.domain.account import HOUSE, SUSPENSE
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.origin import Origin
from rtbill.domain.payer_key import KeyKind, WrongCode, pin_digest
from rtbill.domain.rated import CallStatus, RatedCall
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment
from rtbill.pricing.payers import FoundBy, Payer, Payers
from rtbill.rating.price_book import PriceBook
from tests.fakes.books import a_record
from tests.fakes.builders import (
    PBX,
    SWITZERLAND,
    a_binding,
    a_directory,
    a_membership,
    a_state,
    a_tariff,
    an_account,
    at,
)

DIGEST = pin_digest("salt", "864297")
RIGHT_PIN, WRONG_PIN = f"pin:{DIGEST}", f"pin:{pin_digest('salt', '864298')}"
MOVED = "2026-10-15"
"""On this day code 4711 goes from project-1 to project-2."""
DIRECTORY = a_directory(
    [
        a_state(account=an_account(name))
        for name in ("room-1", "project-1", "project-2", "lena", "branch")
    ],
    [a_membership("room-1", "1001", person="Kim Lee")],
    [
        a_binding("project-1", value="4711", until=MOVED),
        a_binding("project-2", value="4711", since=MOVED),
        a_binding("lena", KeyKind.PIN, DIGEST, person="Lena"),
        a_binding("branch", KeyKind.TRUNK, "branch"),
    ],
)


def payer(
    extension: str | None = "1001",
    code: str = "",
    trunk: str = "",
    when: str = "2026-10-05",
    wrong_code: WrongCode = WrongCode.DENY,
) -> Payer:
    payers = Payers(DIRECTORY, wrong_code)
    return payers.of(PBX, extension, at(when), Origin(code, trunk))


@pytest.mark.parametrize(
    ("found", "account", "by"),
    [
        (payer(), "room-1", FoundBy.EXTENSION),
        (payer(code="4711"), "project-1", FoundBy.CODE),
        (payer(code="4711", trunk="branch"), "project-1", FoundBy.CODE),
        (payer(code=RIGHT_PIN), "lena", FoundBy.CODE),
        (payer(None, code="4711"), "project-1", FoundBy.CODE),
        (payer(trunk="branch"), "room-1", FoundBy.EXTENSION),
        (payer(None, trunk="branch"), "branch", FoundBy.TRUNK),
        (payer("1999", trunk="branch"), "branch", FoundBy.TRUNK),
        (payer("1999", trunk="telco"), HOUSE, FoundBy.NOTHING),
        (payer("1999"), HOUSE, FoundBy.NOTHING),
        (payer(None, trunk="telco"), SUSPENSE, FoundBy.NOTHING),
        (payer(None), SUSPENSE, FoundBy.NOTHING),
    ],
)
def test_code_comes_before_extension_and_extension_before_trunk(
    found: Payer, account: str, by: FoundBy
) -> None:
    assert (found.account, found.found_by, found.is_code_wrong) == (account, by, False)


def test_a_code_stands_for_whose_it_was_at_the_answer() -> None:
    assert payer(code="4711", when="2026-10-14T23:59").account == "project-1"
    assert payer(code="4711", when=MOVED).account == "project-2"


def test_the_trunk_of_another_exchange_is_another_trunk() -> None:
    found = Payers(DIRECTORY).of("other", None, at("2026-10-05"), Origin("", "branch"))
    assert found.account == SUSPENSE


def test_a_key_with_a_person_names_who_called() -> None:
    assert payer(code=RIGHT_PIN).person == "Lena"
    assert payer().person == "Kim Lee"


@pytest.mark.parametrize("code", ["4712", WRONG_PIN, DIGEST, "pin:4711", "pin:unreadable"])
@pytest.mark.parametrize(
    ("policy", "account"),
    [
        (WrongCode.DENY, SUSPENSE),
        (WrongCode.SUSPENSE, SUSPENSE),
        (WrongCode.PRIVATE, "room-1"),
    ],
)
def test_a_wrong_code_does_as_the_site_says(policy: WrongCode, account: str, code: str) -> None:
    found = payer(code=code, wrong_code=policy)
    assert (found.account, found.is_code_wrong) == (account, True)


def assessed(code: str, wrong_code: WrongCode = WrongCode.DENY) -> RatedCall:
    book = PriceBook([a_tariff()])
    assignment = Assignment(default="retail")
    assessor = Assessor(DIRECTORY, NumberPlan(), book, assignment, wrong_code=wrong_code)
    began = at("2026-10-05T12:00")
    record = a_record(
        answered_at=began,
        ended_at=began + timedelta(seconds=90),
        payer="1001",
        dialled=SWITZERLAND,
        origin=Origin(code, "branch"),
    )
    return assessor.assess(record)


def test_the_books_keep_a_code_and_the_trunk() -> None:
    call = assessed("4711")
    assert (call.account, call.status) == ("project-1", CallStatus.RATED)
    assert call.record.origin == Origin("4711", "branch")


def test_of_a_pin_the_books_keep_whose_it_was_and_nothing_else() -> None:
    call = assessed(RIGHT_PIN)
    assert (call.account, call.person) == ("lena", "Lena")
    assert call.record.origin == Origin("pin:lena", "branch")


def test_of_a_wrong_pin_the_books_keep_that_it_was_wrong() -> None:
    call = assessed(WRONG_PIN)
    assert call.record.origin.code == "pin:wrong"
    assert call.note == "the PIN that was entered belonged to nobody"
    assert (call.account, call.status) == (SUSPENSE, CallStatus.RATED)


def test_a_call_that_is_private_for_want_of_a_right_code_says_so() -> None:
    call = assessed("4712", WrongCode.PRIVATE)
    assert (call.account, call.person) == ("room-1", "Kim Lee")
    assert call.note == "account code 4712 that was entered belonged to nobody"
