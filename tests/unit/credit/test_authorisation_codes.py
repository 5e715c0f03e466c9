"""Whose money a call is that a code or a trunk names."""

from __future__ import annotations

import pytest

from rtbill.credit.authorisation import Answer, Permission, Refusal
from rtbill.domain.payer_key import WrongCode
from rtbill.domain.refusal import Reason
from rtbill.domain.stance import Stance
from tests.fakes.asked import MONEY_LOCK, OUTGOING_BY_HAND, Asked
from tests.fakes.builders import PBX


@pytest.mark.parametrize(
    ("asked", "payer", "origin", "answer"),
    [
        (Asked("0"), "1001", "4711/", Permission(599)),
        (Asked("0"), "1001", "4711/branch", Permission(599)),
        (Asked("0", service=MONEY_LOCK), "1001", "4711/", Permission(599)),
        (Asked("0"), None, "4711/telco", Permission(599)),
        (Asked("0"), None, "/branch", Permission(599)),
        (Asked("9"), "1001", "/branch", Permission(899)),
        (Asked("9"), None, "/telco", Refusal(Reason.UNKNOWN_PAYER)),
        (Asked("9", by_hand=OUTGOING_BY_HAND), "1001", "4711/", Refusal(Reason.LOCKED)),
        (Asked("9"), "1001", "4712/", Refusal(Reason.WRONG_CODE)),
        (Asked("9"), "1001", "pin:12/", Refusal(Reason.WRONG_CODE)),
        (Asked("9", wrong_code=WrongCode.PRIVATE), "1001", "4712/", Permission(899)),
        (Asked("0", wrong_code=WrongCode.PRIVATE), "1001", "4712/", Refusal(Reason.BALANCE)),
        (Asked("9", wrong_code=WrongCode.SUSPENSE), "1001", "4712/", Permission()),
        (Asked(wrong_code=WrongCode.SUSPENSE), None, "4712/telco", Refusal(Reason.WRONG_CODE)),
        (Asked(wrong_code=WrongCode.PRIVATE), None, "4712/branch", Refusal(Reason.WRONG_CODE)),
        (Asked("9", stance=Stance.OBSERVE), "1001", "4712/", Permission()),
    ],
)
async def test_money_is_of_whom_the_code_names_and_desk_locks_are_of_the_telephone(
    asked: Asked, payer: str | None, origin: str, answer: Answer
) -> None:
    assert await asked.about(payer=payer, origin=origin) == answer


async def test_after_five_wrong_codes_not_even_the_right_one_counts_for_ten_minutes() -> None:
    asked = Asked("9")
    for wrong in range(5):
        await asked.about(origin=f"pin:{wrong}/")
    assert ("codes", f"{PBX}/1001") in asked.alarm_kinds
    assert await asked.about(origin="4711/") == Refusal(Reason.WRONG_CODE)
    assert await asked.about() == Permission(899), "without a code the telephone is as before"
    assert await asked.about(payer="1002", origin="4711/") == Permission(599)
    asked.clock.pass_time(601)
    assert await asked.about(origin="4711/") == Permission(599)


async def test_an_emergency_call_passes_with_a_wrong_code_too() -> None:
    assert await Asked("0").about("112", origin="4712/") == Permission()
