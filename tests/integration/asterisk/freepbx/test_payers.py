"""Who pays on FreePBX, for every way in which a call can leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.freepbx.exchange import SAME_CHANNEL
from tests.integration.asterisk.freepbx.legs import (
    DID_OF_1002,
    DID_OF_GROUP,
    DID_OF_MOBILE,
    GROUP_MEMBER,
    MOBILE,
    OUTSIDE,
    answered_by,
    billed_legs,
    leg_to,
    payer,
    refused,
)
from tests.integration.asterisk.freepbx.with_rtbill import install_rtbill
from tests.integration.asterisk.lab import variables
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding, rejecting

if TYPE_CHECKING:
    from tests.integration.asterisk.freepbx.lab import FreePbxLab

WITH_A_CODE = """[from-internal-custom]
exten => _*81XXXX.,1,Set(__RTB_CODE=${EXTEN:3:4})
 same => n,Goto(from-internal,${FILTER(0-9+,${EXTEN:7})},1)
"""
"""*81, an account code of four digits, and a number."""


# ---- dialled


async def test_who_dials_pays(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.phones.call("1001", "9555100").wait(State.UP)
    assert await payer(lab, "555100") == "1001"


async def test_device_pays_for_its_user(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.phones.call("91010", "9555101").wait(State.UP)
    assert await payer(lab, "555101") == "1010"


async def test_caller_id_names_nobody(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    forged = ('P-Asserted-Identity: "Ext 1004" <sip:1004@127.0.0.1>',)
    await lab.phones.call("1001", "9555102", forged).wait(State.UP)
    assert await payer(lab, "555102") == "1001"


async def test_next_trunk_after_a_failure_has_the_same_payer(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    lab.carrier.policies["*"] = rejecting(503)
    await lab.phones.call("1001", "0781001122").wait(State.UP)
    await lab.ami.event("DialBegin", lambda event: event["DestChannel"].startswith("PJSIP/backup-"))
    legs = [variables(each, "DestChanVariable")["RTB_PAYER"] for each in billed_legs(lab)]
    assert legs == ["1001", "1001"]


async def test_code_of_the_site_is_carried_by_every_attempt_and_through_a_custom_trunk(
    lab: FreePbxLab,
) -> None:
    await install_rtbill(lab)
    await lab.freepbx.install_custom(WITH_A_CODE)
    lab.carrier.policies["0781001122"] = rejecting(503)
    await lab.phones.call("1001", "*8147110781001122").wait(State.UP)
    await lab.ami.event("DialBegin", lambda event: event["DestChannel"].startswith("PJSIP/backup-"))
    await lab.phones.call("1002", "*814712019990001").wait(State.UP)
    await leg_to(lab, "019990001")
    legs = [variables(each, "DestChanVariable")["RTB_ORIGIN"] for each in billed_legs(lab)]
    assert legs == ["4711/", "4711/", "4712/"]


async def test_caller_of_a_trunk_who_is_transferred_outside_is_told_with_it(
    lab: FreePbxLab,
) -> None:
    await install_rtbill(lab)
    await lab.carrier.call("0311234567", DID_OF_1002).wait(State.UP)
    (await answered_by(lab, "1002")).transfer("9555108")
    leg = variables(await leg_to(lab, "555108"), "DestChanVariable")
    assert (leg["RTB_PAYER"], leg["RTB_ORIGIN"]) == ("1002", "/carrier")


@pytest.mark.parametrize("dialled", ["019990001", "039990002"])
async def test_custom_and_iax2_trunks_carry_the_payer(lab: FreePbxLab, dialled: str) -> None:
    await install_rtbill(lab)
    await lab.phones.call("1001", dialled).wait(State.UP)
    assert await payer(lab, dialled) == "1001"


async def test_chan_sip_trunk_carries_the_payer(lab: FreePbxLab) -> None:
    if lab.freepbx.version != 16:
        pytest.skip("Asterisk 22 has no chan_sip")
    await install_rtbill(lab)
    await lab.phones.call("1001", "049990003").wait(State.UP)
    assert await payer(lab, "049990003") == "1001"


# ---- forwarded


@pytest.mark.parametrize("kind", ["CF", "CFB", "CFU"])
@pytest.mark.parametrize("ring_timer", ["0", SAME_CHANNEL], ids=["local", "same channel"])
@pytest.mark.parametrize("caller", ["inside", "outside"])
async def test_who_forwards_pays(lab: FreePbxLab, kind: str, ring_timer: str, caller: str) -> None:
    await install_rtbill(lab)
    lab.phones.policies["1002"] = rejecting(486 if kind == "CFB" else 480)
    await lab.freepbx.forward(kind, "1002", "9555200", ring_timer)
    if caller == "inside":
        await lab.phones.call("1001", "1002").wait(State.UP)
    else:
        await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    assert await payer(lab, "555200") == "1002"


async def test_last_of_a_chain_of_forwards_pays(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.freepbx.forward("CF", "1002", "1003")
    await lab.freepbx.forward("CF", "1003", "9555201")
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert await payer(lab, "555201") == "1003"


@pytest.mark.parametrize("strategy", ["ringall", "ringallv2"])
async def test_owner_of_a_follow_me_pays(lab: FreePbxLab, strategy: str) -> None:
    await install_rtbill(lab)
    lab.phones.policies["1002"] = rejecting(480)
    await lab.freepbx.follow_me("1002", "1002-9555202#", strategy)
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert await payer(lab, "555202") == "1002"


@pytest.mark.parametrize("caller", ["inside", "outside"])
async def test_telephone_that_forwards_by_302_pays(lab: FreePbxLab, caller: str) -> None:
    await install_rtbill(lab)
    lab.phones.policies["1002"] = forwarding("9555203")
    if caller == "inside":
        await lab.phones.call("1001", "1002").wait(State.UP)
    else:
        await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    assert await payer(lab, "555203") == "1002"


async def test_forward_of_a_locked_extension_does_not_leave(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/lock", "1002")
    await lab.freepbx.forward("CF", "1002", "9555204")
    lab.phones.call("1001", "1002")
    assert await refused(lab) == ("1002", "locked")
    assert billed_legs(lab) == []


async def test_forwards_can_be_refused_by_policy(lab: FreePbxLab) -> None:
    await install_rtbill(lab, 'forwarded = "refuse"')
    await lab.freepbx.forward("CF", "1002", "9555205")
    lab.phones.call("1001", "1002")
    assert await refused(lab) == (None, "unknown-payer")
    await lab.phones.call("1001", "9555206").wait(State.UP)
    assert await payer(lab, "555206") == "1001"


# ---- ring groups


@pytest.mark.parametrize("caller", ["inside", "outside"])
@pytest.mark.parametrize(
    ("policy", "expected"), [("", "600"), ('groups = "1009"', "1009"), ('groups = "refuse"', None)]
)
async def test_outside_member_of_a_ring_group_is_paid_as_declared(
    lab: FreePbxLab, caller: str, policy: str, expected: str | None
) -> None:
    await install_rtbill(lab, policy)
    lab.phones.policies["1003"] = rejecting(480)
    if caller == "inside":
        lab.phones.call("1001", "600")
    else:
        lab.carrier.call(OUTSIDE, DID_OF_GROUP)
    if expected is None:
        assert await refused(lab) == (None, "unknown-payer")
    else:
        assert await payer(lab, GROUP_MEMBER) == expected


# ---- transferred


async def test_who_transfers_a_caller_outside_pays(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    (await answered_by(lab, "1002")).transfer("9555300")
    assert await payer(lab, "555300") == "1002"


async def test_who_transfers_a_colleague_outside_pays(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.phones.call("1001", "1002").wait(State.UP)
    (await answered_by(lab, "1002")).transfer("9555301")
    assert await payer(lab, "555301") == "1002"


async def test_called_colleague_who_is_transferred_does_not_pay(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    call = await lab.phones.call("1001", "1002").wait(State.UP)
    await answered_by(lab, "1002")
    call.transfer("9555302")
    assert await payer(lab, "555302") == "1001"


async def test_trunk_leg_transferred_outside_keeps_its_own_payer(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    call = await lab.phones.call("1001", "9555303").wait(State.UP)
    first = await leg_to(lab, "555303")
    await lab.talking(first["DestChannel"])
    call.transfer("9555304")
    second = await leg_to(lab, "555304")
    assert variables(second, "DestChanVariable")["RTB_PAYER"] == "1001"
    (await (await lab.carrier.next_incoming("555304")).wait(State.UP)).hang_up()
    ended = await lab.hangup_of(first["DestUniqueid"])
    assert variables(ended)["RTB_DEST"] == "555303"


async def test_transferred_to_who_has_forwarded_is_paid_by_who_forwarded(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.freepbx.forward("CF", "1003", "9555305")
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    (await answered_by(lab, "1002")).transfer("1003")
    assert await payer(lab, "555305") == "1003"


async def test_attended_transfer_is_paid_by_who_made_the_call(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    call = await answered_by(lab, "1002")
    call.hold()
    consultation = await lab.phones.call("1002", "9555306").wait(State.UP)
    await lab.talking((await leg_to(lab, "555306"))["DestChannel"])
    call.transfer_to(consultation)
    await call.ended()
    assert await payer(lab, "555306") == "1002"


async def test_transfers_outside_can_be_refused_by_policy(lab: FreePbxLab) -> None:
    await install_rtbill(lab, 'transferred = "refuse"')
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    (await answered_by(lab, "1002")).transfer("9555307")
    assert await refused(lab) == (None, "unknown-payer")
    assert billed_legs(lab) == []


# ---- incoming calls that leave again


async def test_incoming_call_sent_outside_is_refused_unless_somebody_pays(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.carrier.call(OUTSIDE, DID_OF_MOBILE).ended()
    assert await refused(lab) == (None, "unknown-payer")
    assert billed_legs(lab) == []


@pytest.mark.parametrize("shown", [OUTSIDE, "1001"])
async def test_incoming_call_sent_outside_is_paid_by_whom_the_site_names(
    lab: FreePbxLab, shown: str
) -> None:
    await install_rtbill(lab, 'incoming = "1009"')
    await lab.carrier.call(shown, DID_OF_MOBILE).wait(State.UP)
    assert await payer(lab, MOBILE) == "1009"


# ---- where FreePBX has no hook


@pytest.mark.parametrize("did", ["0311000301", "0311000303"], ids=["trunk", "custom trunk"])
async def test_trunk_as_destination_leaves_without_a_payer(lab: FreePbxLab, did: str) -> None:
    await install_rtbill(lab)
    await lab.carrier.call(OUTSIDE, did).wait(State.UP)
    assert await payer(lab, did) is None


async def test_enum_trunk_leaves_without_a_payer(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.phones.call("1001", "029990005").wait(State.UP)
    assert await payer(lab, "029990005") is None


# ---- calls that a program begins


async def test_click_to_call_is_paid_by_the_extension_that_is_rung_first(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.action(
        "Originate",
        Channel="Local/1001@from-internal",
        Context="from-internal",
        Exten="9555400",
        Priority="1",
        Async="true",
    )
    assert await payer(lab, "555400") == "1001"
