"""Emergency calls, locks, diverts and attempts at fraud on FreePBX with rtbill's files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.integration.asterisk.freepbx.exchange import SAME_CHANNEL
from tests.integration.asterisk.freepbx.legs import (
    BILLED,
    DID_OF_1002,
    FORBIDDEN,
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

EMERGENCY_ROUTE, OTHER_ROUTE = ("112", "911"), ("110", "+112", "9112", "9911")
"""Numbers that FreePBX has an emergency route for, and forms that fall into other routes."""


# ---- emergency


@pytest.mark.parametrize("dialled", [*EMERGENCY_ROUTE, *OTHER_ROUTE])
async def test_emergency_call_passes_whatever_is_locked_and_whoever_is_dead(
    lab: FreePbxLab, dialled: str
) -> None:
    await install_rtbill(lab, 'unaided = "closed"')
    await lab.ami.delete_family("rtbill")
    for family in ("rtbill/lock", "rtbill/divert"):
        await lab.ami.put(family, "1001")
    await lab.ami.put("rtbill/unaided", "1001", "closed")
    await lab.phones.call("1001", dialled).wait(State.UP)
    assert (await lab.carrier.next_incoming()).me.removeprefix("+") == dialled[-3:]
    said = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillEmergency")
    assert said["Extension"] == "1001"
    assert lab.ami.seen("UserEvent", lambda event: event["UserEvent"] == "RtbillRefused") == []


async def test_emergency_call_of_a_device_that_nobody_pays_for_passes(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.delete_family("DEVICE/1001")
    await lab.phones.call("1001", "112").wait(State.UP)
    assert (await lab.carrier.next_incoming()).me == "112"


async def test_emergency_call_takes_the_next_trunk(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    lab.carrier.policies["*"] = rejecting(503)
    await lab.phones.call("1001", "112").wait(State.UP)
    assert (await lab.backup.next_incoming()).me == "112"


async def test_call_back_rings_for_an_hour_though_diverted(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/divert", "1002")
    (await lab.phones.call("1002", "112").wait(State.UP)).hang_up()
    await lab.carrier.call("112", DID_OF_1002).wait(State.UP)
    assert (await lab.phones.next_incoming()).me == "1002"


async def test_number_that_only_begins_like_an_emergency_number_is_a_call(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/lock", "1001")
    await lab.phones.call("1001", "1120000").ended()
    assert await refused(lab) == ("1001", "locked")


# ---- locks and diverts


async def test_locked_extension_is_refused_and_reaches_colleagues_and_free_numbers(
    lab: FreePbxLab,
) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/lock", "1001")
    assert await lab.phones.call("1001", "9555500").ended() == FORBIDDEN
    assert await refused(lab) == ("1001", "locked")
    assert billed_legs(lab) == []
    await lab.phones.call("1001", "1002").wait(State.UP)
    await lab.phones.call("1001", "90800123456").wait(State.UP)
    assert await payer(lab, "0800123456") == "1001"


async def test_lock_counts_for_the_user_whatever_device_he_takes(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/lock", "1010")
    assert await lab.phones.call("91010", "9555501").ended() == FORBIDDEN


async def test_diverted_extension_gets_voicemail_without_ringing(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/divert", "1002")
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    assert lab.phones.incoming == []


async def test_diverted_extension_still_rings_in_its_ring_group(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/divert", "1003")
    lab.phones.call("1001", "600")
    assert (await lab.phones.next_incoming()).me == "1003"


async def test_refused_forward_on_the_callers_own_channel_ends_at_voicemail(
    lab: FreePbxLab,
) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/lock", "1002")
    await lab.freepbx.forward("CF", "1002", "9555502", SAME_CHANNEL)
    lab.phones.call("1001", "1002")
    assert await refused(lab) == ("1002", "locked")
    assert billed_legs(lab) == []


async def test_grant_pushed_beforehand_is_a_timer_on_the_trunk_leg(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.ami.delete_family("rtbill")
    await lab.ami.put("rtbill/unaided", "1001", "home:other/1:0")
    await lab.phones.call("1001", "9555503").wait(State.UP)
    done = await lab.done((await leg_to(lab, "555503"))["DestUniqueid"])
    assert done.ended is not None
    assert 0.95 < done.ended - done.answered < 1.5
    assert await lab.phones.call("1001", "90041315550100").ended() == FORBIDDEN


# ---- attempts to let somebody else pay

FORGED = (
    "Diversion: <sip:1004@127.0.0.1>;reason=unconditional",
    'P-Asserted-Identity: "Ext 1004" <sip:1004@127.0.0.1>',
    'Remote-Party-ID: "Ext 1004" <sip:1004@127.0.0.1>;party=calling;screen=yes',
    "Referred-By: <sip:1004@127.0.0.1>",
)


@pytest.mark.parametrize("header", FORGED, ids=lambda header: header.split(":")[0])
async def test_caller_who_names_somebody_else_pays_himself(lab: FreePbxLab, header: str) -> None:
    await install_rtbill(lab)
    await lab.phones.call("1001", "9555504", (header,)).wait(State.UP)
    assert await payer(lab, "555504") == "1001"


@pytest.mark.parametrize("header", FORGED, ids=lambda header: header.split(":")[0])
async def test_locked_caller_is_not_unlocked_by_naming_somebody_else(
    lab: FreePbxLab, header: str
) -> None:
    await install_rtbill(lab)
    await lab.ami.put("rtbill/lock", "1001")
    assert await lab.phones.call("1001", "9555505", (header,)).ended() == FORBIDDEN


@pytest.mark.parametrize("header", FORGED, ids=lambda header: header.split(":")[0])
async def test_forwarding_phone_that_names_somebody_else_pays_itself(
    lab: FreePbxLab, header: str
) -> None:
    await install_rtbill(lab)
    lab.phones.policies["1003"] = forwarding("9555506", (header,))
    await lab.phones.call("1001", "1003").wait(State.UP)
    assert await payer(lab, "555506") == "1003"


@pytest.mark.parametrize("shown", ["1004", "Ext 1004"])
async def test_outside_caller_who_shows_an_extension_makes_nobody_pay(
    lab: FreePbxLab, shown: str
) -> None:
    await install_rtbill(lab)
    await lab.carrier.call(quote(shown), "0311000900").ended()
    assert await refused(lab) == (None, "unknown-payer")
    assert billed_legs(lab) == []


async def test_name_left_from_an_earlier_part_of_the_call_does_not_pay(lab: FreePbxLab) -> None:
    """1001 rings 1002 (whose name stays on the call) and is then transferred by 1002 elsewhere."""
    await install_rtbill(lab)
    await lab.freepbx.forward("CFB", "1002", "9555507")
    await lab.phones.call("1001", "1002").wait(State.UP)
    call = await answered_by(lab, "1002")
    await lab.ami.put("rtbill/lock", "1002")
    call.transfer("9555508")
    assert await refused(lab) == ("1002", "locked")
    assert billed_legs(lab) == []


# ---- attempts to dial what may not be dialled


@pytest.mark.parametrize(
    "dialled",
    [
        "9555@carrier&Local/09001@from-internal/n&PJSIP/666",
        "9555&PJSIP/666@carrier",
        "9555@other",
        "9555^1",
        '9555" | "1" = "1',
        "9555)",
        "9555${EPOCH}",
        "9112&Local/09001@from-internal",
        "9555\r\nExtension: 1002",
    ],
)
async def test_dialled_string_that_is_no_number_is_refused(lab: FreePbxLab, dialled: str) -> None:
    await install_rtbill(lab)
    assert await lab.phones.call("1001", quote(dialled, safe="")).ended() >= 400
    assert billed_legs(lab) == []
    assert "1002" not in [each.get("Extension") for each in lab.ami.seen("UserEvent")]


async def test_comma_is_cut_off_by_freepbx_and_what_is_left_is_billed(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.phones.call("1001", quote("9555,s,1", safe="")).wait(State.UP)
    assert await payer(lab, "555") == "1001"


async def test_locked_telephone_cannot_transfer_outside(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    call = await answered_by(lab, "1002")
    await lab.ami.put("rtbill/lock", "1002")
    call.transfer("9555509")
    assert await refused(lab) == ("1002", "locked")
    assert billed_legs(lab) == []


async def test_outside_party_that_transfers_itself_makes_nobody_pay(lab: FreePbxLab) -> None:
    await install_rtbill(lab, 'incoming = "1009"')
    await lab.phones.call("1001", "9555510").wait(State.UP)
    outside = await lab.carrier.next_incoming("555510")
    await lab.talking("PJSIP/carrier-")
    outside.transfer("9555511")
    assert await refused(lab) == (None, "unknown-payer")
    assert len(billed_legs(lab)) == 1


async def test_carrier_that_redirects_to_a_premium_number_makes_nobody_pay(
    lab: FreePbxLab,
) -> None:
    await install_rtbill(lab, 'incoming = "1009"')
    lab.carrier.policies["555512"] = forwarding("09001234567")
    await lab.phones.call("1001", "9555512").ended()
    numbers = [each["DialString"].partition("@")[0] for each in billed_legs(lab)]
    assert "09001234567" not in numbers


@pytest.mark.parametrize("caller", ["inside", "outside"])
async def test_302_that_calls_a_trunk_past_the_dialplan_lets_nobody_talk(
    lab: FreePbxLab, caller: str
) -> None:
    await install_rtbill(lab)
    lab.phones.policies["1002"] = forwarding(quote("PJSIP/09001234567@carrier", safe=""))
    if caller == "inside":
        call = lab.phones.call("1001", "1002")
    else:
        call = lab.carrier.call(OUTSIDE, DID_OF_1002)
    assert await call.ended() >= 400
    assert await refused(lab) == ("1002", "malformed")


async def test_302_is_not_even_tried_where_forwards_are_refused(lab: FreePbxLab) -> None:
    await install_rtbill(lab, 'forwarded = "refuse"')
    lab.phones.policies["1002"] = forwarding(quote("PJSIP/09001234567@carrier", safe=""))
    await lab.phones.call("1001", "1002").wait(State.UP)  # with 1002's voicemail
    assert billed_legs(lab) == []


async def test_forward_set_in_another_name_is_paid_by_who_forwards(lab: FreePbxLab) -> None:
    """`*72` believes the caller id, so a telephone can forward another; check-pbx tells of it."""
    await install_rtbill(lab)
    await lab.phones.call("1001", "*729555513", FORGED[1:2]).ended()
    assert await lab.ami.get("CF", "1004") == "9555513"
    await lab.phones.call("1001", "1004").wait(State.UP)
    assert await payer(lab, "555513") == "1004"


async def test_leg_that_is_not_dialled_by_a_hook_has_no_payer_and_no_record(
    lab: FreePbxLab,
) -> None:
    await install_rtbill(lab)
    call = await lab.phones.call("1001", "029990009").wait(State.UP)
    leg = await lab.ami.event("DialBegin", lambda event: event["DestChannel"].startswith(BILLED))
    call.hang_up()
    await lab.hangup_of(leg["DestUniqueid"])
    assert not variables(leg, "DestChanVariable").get("RTB_PAYER")
    assert await lab.rows("rtbill/done") == []
