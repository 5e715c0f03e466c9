"""Stripe's decline codes as classes (rule RP-30)."""

from __future__ import annotations

import logging

import pytest

from payments.stripe_declines import UNKNOWN_CODES_MAX, DeclineCodes, DeclineTable, read_codes
from rtbill.domain.payment import DeclineClass

CLASSES = """
fast    try_again_later processing_error issuer_not_available reenter_transaction
soft    insufficient_funds withdrawal_count_limit_exceeded card_velocity_exceeded
vague   do_not_honor generic_decline call_issuer no_action_taken
action  authentication_required
card    expired_card incorrect_number incorrect_cvc incorrect_zip invalid_account
card    invalid_expiry_year card_not_supported currency_not_supported
never   lost_card stolen_card pickup_card restricted_card fraudulent
never   revocation_of_authorization revocation_of_all_authorizations stop_payment_order
"""
TABLE = [
    (code, DeclineClass(line.split()[0]))
    for line in CLASSES.strip().splitlines()
    for code in line.split()[1:]
]


@pytest.mark.parametrize(("code", "expected"), TABLE)
def test_a_decline_code_has_its_class(code: str, expected: DeclineClass) -> None:
    table = DeclineTable()
    assert table.sort(DeclineCodes(decline=code, code="card_declined")) is expected
    assert not table.unknown_codes


@pytest.mark.parametrize(
    ("advice", "decline", "expected"),
    [
        ("do_not_try_again", "insufficient_funds", DeclineClass.NEVER),
        ("do_not_try_again", "generic_decline", DeclineClass.NEVER),
        ("confirm_card_data", "generic_decline", DeclineClass.CARD),
        ("try_again_later", "generic_decline", DeclineClass.FAST),
        ("try_again_later", "stolen_card", DeclineClass.NEVER),
        ("try_again_later", "expired_card", DeclineClass.CARD),
        ("", "insufficient_funds", DeclineClass.SOFT),
    ],
)
def test_the_issuers_advice_comes_before_its_reason(
    advice: str, decline: str, expected: DeclineClass
) -> None:
    assert DeclineTable().sort(DeclineCodes(advice=advice, decline=decline)) is expected


def test_the_error_code_counts_where_there_is_no_decline_code() -> None:
    assert DeclineTable().sort(DeclineCodes(code="expired_card")) is DeclineClass.CARD


def test_a_decline_without_any_code_is_vague() -> None:
    table = DeclineTable()
    assert table.sort(DeclineCodes()) is DeclineClass.VAGUE
    assert DeclineCodes().told == "unknown"


@pytest.mark.parametrize(
    "codes", [DeclineCodes(decline="invented"), DeclineCodes(code="invented", advice="")]
)
def test_an_unknown_code_is_vague_counted_and_logged_once(
    codes: DeclineCodes, caplog: pytest.LogCaptureFixture
) -> None:
    table = DeclineTable()
    with caplog.at_level(logging.WARNING):
        assert [table.sort(codes) for _ in range(3)] == [DeclineClass.VAGUE] * 3
    assert table.unknown_codes == {"invented": 3}
    assert [record.__dict__["code"] for record in caplog.records] == ["invented"]


def test_an_unknown_advice_is_counted_and_the_reason_decides() -> None:
    table = DeclineTable()
    sorted_as = table.sort(DeclineCodes(advice="wait_for_moonlight", decline="lost_card"))
    assert sorted_as is DeclineClass.NEVER
    assert table.unknown_codes == {"wait_for_moonlight": 1}


def test_a_flood_of_invented_codes_is_counted_in_bounded_room() -> None:
    table = DeclineTable()
    for number in range(3 * UNKNOWN_CODES_MAX):
        table.sort(DeclineCodes(decline=f"invented_{number}"))
    assert len(table.unknown_codes) == UNKNOWN_CODES_MAX + 1
    assert table.unknown_codes["others"] == 2 * UNKNOWN_CODES_MAX


@pytest.mark.parametrize("code", ["4242 4242 4242 4242", "Lost\ncard", "x" * 65, 7, ["a"]])
def test_what_cannot_be_a_code_is_not_repeated(code: object) -> None:
    assert read_codes({"decline_code": code}).told == "unreadable"
