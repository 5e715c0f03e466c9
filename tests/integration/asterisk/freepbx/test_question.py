"""The question before dialling, as the generated dialplan of FreePBX asks it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.answerer import Answerer
from tests.integration.asterisk.freepbx.legs import (
    DID_OF_1002,
    DID_OF_GROUP,
    DID_OF_MOBILE,
    FORBIDDEN,
    GROUP_MEMBER,
    MOBILE,
    OUTSIDE,
    answered_by,
    billed_legs,
    leg_to,
    refused,
)
from tests.integration.asterisk.freepbx.with_rtbill import install_rtbill
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import rejecting

if TYPE_CHECKING:
    from tests.integration.asterisk.freepbx.lab import FreePbxLab

SET_UP_DELAY_S_MAX = 2.2


async def test_question_tells_who_pays_and_how_the_call_came(lab: FreePbxLab) -> None:
    async with Answerer() as answerer:
        await install_rtbill(lab, 'incoming = "1009"', inline_port=answerer.port)
        await lab.phones.call("1001", "9555700").wait(State.UP)
        await lab.freepbx.forward("CF", "1004", "9555701")
        await lab.phones.call("1001", "1004").wait(State.UP)
        await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
        (await answered_by(lab, "1002")).transfer("9555702")
        await leg_to(lab, "555702")
        lab.phones.policies["1003"] = rejecting(480)
        await lab.carrier.call(OUTSIDE, DID_OF_GROUP).wait(State.UP)
        await lab.carrier.call(OUTSIDE, DID_OF_MOBILE).wait(State.UP)
    found = {(asked["payer"], asked["number"], asked["kind"]) for asked in answerer.asked}
    assert found == {
        ("1001", "555700", "direct"),
        ("1004", "555701", "forwarded"),
        ("1002", "555702", "transferred"),
        ("600", GROUP_MEMBER, "group"),
        ("1009", MOBILE, "incoming"),
    }


async def test_refusal_refuses_before_any_trunk_is_tried(lab: FreePbxLab) -> None:
    async with Answerer("refuse,balance.") as answerer:
        await install_rtbill(lab, inline_port=answerer.port)
        assert await lab.phones.call("1001", "9555703").ended() == FORBIDDEN
    assert await refused(lab) == ("1001", "balance")
    assert billed_legs(lab) == []


@pytest.mark.parametrize("on_call", [True, False], ids=["mail U()", "no mail U()"])
async def test_granted_seconds_become_a_timer_on_the_trunk_leg(
    lab: FreePbxLab, *, on_call: bool
) -> None:
    await lab.freepbx.route_mail(on_call=on_call)
    async with Answerer("allow,1.") as answerer:
        await install_rtbill(lab, inline_port=answerer.port)
        await lab.phones.call("1001", "9555704").wait(State.UP)
    done = await lab.done((await leg_to(lab, "555704"))["DestUniqueid"])
    assert done.ended is not None
    assert 0.95 < done.ended - done.answered < 1.3


async def test_fail_over_asks_once(lab: FreePbxLab) -> None:
    lab.carrier.policies["*"] = rejecting(503)
    async with Answerer() as answerer:
        await install_rtbill(lab, inline_port=answerer.port)
        await lab.phones.call("1001", "0781001122").wait(State.UP)
    assert len(answerer.asked) == 1
    assert (await lab.backup.next_incoming()).me == "0781001122"


async def test_hung_biller_delays_once_and_what_was_pushed_holds(lab: FreePbxLab) -> None:
    lab.carrier.policies["*"] = rejecting(503)
    async with Answerer(hangs=True) as answerer:
        await install_rtbill(lab, inline_port=answerer.port)
        began = time.monotonic()
        await lab.phones.call("1001", "0781001122").wait(State.UP)
        assert time.monotonic() - began < SET_UP_DELAY_S_MAX + 0.2
        await lab.ami.put("rtbill/unaided", "1002", "closed")
        assert await lab.phones.call("1002", "9555705").ended() == FORBIDDEN


async def test_emergency_call_asks_nobody(lab: FreePbxLab) -> None:
    async with Answerer(hangs=True) as answerer:
        await install_rtbill(lab, inline_port=answerer.port)
        began = time.monotonic()
        await lab.phones.call("1001", "112").wait(State.UP)
        assert time.monotonic() - began < 0.6
    assert answerer.asked == []
