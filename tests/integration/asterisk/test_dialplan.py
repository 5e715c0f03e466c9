"""Who may call, and who pays, on a real exchange with the shipped dialplan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.generated import PLAIN, Generated
from tests.integration.asterisk.lab import TRUNK, variables
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import rejecting

if TYPE_CHECKING:
    from tests.integration.asterisk.lab import Lab

FORBIDDEN = 403
INCOMPLETE = 484


async def test_trunk_leg_carries_its_payer_in_every_event_from_dialling_to_hangup(lab: Lab) -> None:
    call = await lab.phones.call("1001", "9555100").wait(State.UP)
    leg = await lab.trunk_leg("555100")
    call.hang_up()
    ended = await lab.hangup_of(leg["DestUniqueid"])
    up = lab.ami.seen(
        "Newstate",
        lambda event: event["Uniqueid"] == leg["DestUniqueid"] and event["ChannelState"] == "6",
    )
    wanted = {"RTB_PAYER": "1001", "RTB_DEST": "555100"}
    for event in (up[0], ended):
        assert wanted.items() <= variables(event).items()
    assert wanted.items() <= variables(leg, "DestChanVariable").items()


async def test_live_row_stands_from_answer_and_outbox_row_from_hangup(lab: Lab) -> None:
    call = await lab.phones.call("1001", "9555101").wait(State.UP)
    leg = (await lab.trunk_leg("555101"))["DestUniqueid"]
    live = await lab.live(leg)
    call.hang_up()
    done = await lab.done(leg)
    assert (live.payer, live.number, live.ended) == ("1001", "555101", None)
    assert (done.payer, done.number, done.answered) == ("1001", "555101", live.answered)
    assert await lab.rows("rtbill/live") == []


async def test_times_in_the_outbox_are_those_of_the_events(lab: Lab) -> None:
    call = await lab.phones.call("1001", "9555102").wait(State.UP)
    leg = (await lab.trunk_leg("555102"))["DestUniqueid"]
    call.hang_up()
    done = await lab.done(leg)
    up = lab.ami.seen(
        "Newstate", lambda event: event["Uniqueid"] == leg and event["ChannelState"] == "6"
    )
    ended = lab.ami.seen("Hangup", lambda event: event["Uniqueid"] == leg)
    assert done.answered == pytest.approx(float(up[0]["Timestamp"]), abs=0.2)
    assert done.ended == pytest.approx(float(ended[0]["Timestamp"]), abs=0.2)


@pytest.mark.parametrize("status", [486, 603])
async def test_call_that_nobody_answers_leaves_no_row(lab: Lab, status: int) -> None:
    lab.carrier.policies["*"] = rejecting(status)
    assert await lab.phones.call("1001", "9555103").ended() >= 400
    assert await lab.rows("rtbill/live") == []
    assert await lab.rows("rtbill/done") == []


async def test_locked_extension_cannot_call_outside(lab: Lab) -> None:
    await lab.ami.put("rtbill/lock", "1001")
    assert await lab.phones.call("1001", "9555104").ended() == FORBIDDEN
    refused = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillRefused")
    assert (refused["Extension"], refused["Dialled"]) == ("1001", "555104")
    assert refused["Reason"] == "locked"
    assert lab.trunk_legs == []


async def test_unlocked_extension_can_call_again(lab: Lab) -> None:
    await lab.ami.put("rtbill/lock", "1001")
    await lab.phones.call("1001", "9555105").ended()
    await lab.ami.action("DBDel", Family="rtbill/lock", Key="1001")
    await lab.phones.call("1001", "9555105").wait(State.UP)


async def test_lock_of_one_extension_does_not_touch_another(lab: Lab) -> None:
    await lab.ami.put("rtbill/lock", "1001")
    await lab.phones.call("1002", "9555106").wait(State.UP)
    assert await lab.payer_of("555106") == "1002"


async def test_locked_extension_still_reaches_its_colleagues(lab: Lab) -> None:
    await lab.ami.put("rtbill/lock", "1001")
    await lab.phones.call("1001", "1002").wait(State.UP)


@pytest.mark.parametrize(
    ("dialled", "number"),
    [("90800123456", "0800123456"), ("9116117", "116117"), ("+80012345678", "+80012345678")],
)
async def test_locked_extension_still_reaches_numbers_free_of_charge(
    lab: Lab, dialled: str, number: str
) -> None:
    await lab.ami.put("rtbill/lock", "1001")
    await lab.phones.call("1001", dialled).wait(State.UP)
    assert await lab.payer_of(number) == "1001"


@pytest.mark.parametrize("dialled", ["+41315550100", "9+41315550100"])
async def test_international_form_is_dialled_and_charged(lab: Lab, dialled: str) -> None:
    await lab.phones.call("1001", dialled).wait(State.UP)
    assert await lab.payer_of("+41315550100") == "1001"


async def test_device_that_is_not_named_after_its_extension_pays_for_it(lab: Lab) -> None:
    await lab.phones.call("lobby-phone", "9555107").wait(State.UP)
    assert await lab.payer_of("555107") == "1010"


async def test_caller_from_outside_cannot_dial_out_again(lab: Lab) -> None:
    assert await lab.carrier.call("0311234567", "9555108").ended() == 404
    assert lab.trunk_legs == []


# ---- divert to voicemail


async def test_diverted_extension_gets_voicemail_without_ringing(lab: Lab) -> None:
    await lab.ami.put("rtbill/divert", "1002")
    await lab.carrier.call("0311234567", "1002").wait(State.UP)
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert lab.phones.incoming == []


async def test_locked_extension_that_is_not_diverted_still_rings(lab: Lab) -> None:
    await lab.ami.put("rtbill/lock", "1002")
    await lab.carrier.call("0311234567", "1002").wait(State.UP)
    assert (await lab.phones.next_incoming()).me == "1002"


async def test_busy_extension_gets_voicemail(lab: Lab) -> None:
    lab.phones.policies["1002"] = rejecting(486)
    await lab.phones.call("1001", "1002").wait(State.UP)


# ---- rtbill is silent


async def silent(lab: Lab, dialplan: str = "") -> None:
    """No sign of life, and a site that has declared what shall happen then."""
    if dialplan:
        await lab.regenerate(Generated(dialplan=PLAIN + dialplan))
    await lab.ami.delete_family("rtbill")


async def test_without_a_sign_of_life_an_open_site_goes_on_and_says_so(lab: Lab) -> None:
    await silent(lab, "unaided_cap_s = 0")
    await lab.phones.call("1001", "9555110").wait(State.UP)
    said = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillUnaided")
    assert (said["Extension"], said["Dialled"], said["Policy"]) == ("1001", "555110", "open")


async def test_fresh_sign_of_life_is_enough_at_a_closed_site(lab: Lab) -> None:
    await lab.regenerate(Generated(dialplan=PLAIN + 'unaided = "closed"'))
    await lab.phones.call("1001", "9555111").wait(State.UP)


@pytest.mark.parametrize("age_s", [40, -40])
async def test_closed_site_refuses_when_the_sign_of_life_is_not_of_now(
    lab: Lab, age_s: int
) -> None:
    await silent(lab, 'unaided = "closed"')
    await lab.ami.put("rtbill", "alive", str(await lab.epoch() - age_s))
    assert await lab.phones.call("1001", "9555112").ended() == FORBIDDEN
    assert lab.trunk_legs == []


async def test_site_with_a_cap_ends_the_call_by_a_timer_on_the_trunk_leg(lab: Lab) -> None:
    await silent(lab, "unaided_cap_s = 1")
    await lab.phones.call("1001", "9555113").wait(State.UP)
    leg = (await lab.trunk_leg("555113"))["DestUniqueid"]
    done = await lab.done(leg)
    assert done.ended is not None
    assert 0.95 < done.ended - done.answered < 1.5


@pytest.mark.parametrize(
    ("row", "dialled", "is_refused"),
    [
        ("open", "90041315550114", False),
        ("closed", "9555114", True),
        ("home:near:other/60:0:0", "9555114", False),
        ("home:near:other/60:0:0", "90041315550114", True),
        ("home:near:other/0:60:0", "90041315550114", False),
        ("home:near:other/0:60:0", "9+41315550114", False),
        ("home:near:other/60:60:0", "90012125550114", True),
        ("near:other/60:0", "9555114", True),
        ("near:any/0:60", "9555114", False),
        ("nonsense", "9555114", True),
    ],
)
async def test_what_was_pushed_for_an_extension_holds_by_class_of_number(
    lab: Lab, row: str, dialled: str, *, is_refused: bool
) -> None:
    await silent(lab)
    await lab.ami.put("rtbill/unaided", "1001", row)
    call = lab.phones.call("1001", dialled)
    if is_refused:
        assert await call.ended() == FORBIDDEN
        refused = await lab.ami.event("UserEvent", lambda event: "Reason" in event)
        assert refused["Reason"] == "silent"
        assert lab.trunk_legs == []
    else:
        await call.wait(State.UP)


async def test_seconds_pushed_for_a_class_end_the_call_while_rtbill_is_dead(lab: Lab) -> None:
    await silent(lab)
    await lab.ami.put("rtbill/unaided", "1001", "home:other/1:0")
    await lab.phones.call("1001", "9555115").wait(State.UP)
    done = await lab.done((await lab.trunk_leg("555115"))["DestUniqueid"])
    assert done.ended is not None
    assert 0.95 < done.ended - done.answered < 1.5


async def test_lock_holds_while_rtbill_is_silent_whatever_was_pushed(lab: Lab) -> None:
    await silent(lab)
    await lab.ami.put("rtbill/unaided", "1001", "open")
    await lab.ami.put("rtbill/lock", "1001")
    assert await lab.phones.call("1001", "9555116").ended() == FORBIDDEN


# ---- emergency


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        *((each, each) for each in ("000", "110", "112", "119", "911", "933", "999")),
        *((f"9{each}", each) for each in ("000", "110", "112", "119", "911", "933", "999")),
        *((form, form[-3:]) for form in ("+112", "+911", "9+112", "9+911")),
    ],
)
async def test_emergency_call_goes_through_whatever_rtbill_says_or_does_not_say(
    lab: Lab, dialled: str, number: str
) -> None:
    await silent(lab, 'unaided = "closed"')
    await lab.ami.put("rtbill/lock", "1001")
    await lab.ami.put("rtbill/divert", "1001")
    await lab.ami.put("rtbill/unaided", "1001", "closed")
    await lab.phones.call("1001", dialled).wait(State.UP)
    assert await lab.payer_of(number) == "1001"


async def test_emergency_call_is_announced_and_recorded(lab: Lab) -> None:
    call = await lab.phones.call("1001", "112").wait(State.UP)
    said = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillEmergency")
    call.hang_up()
    done = await lab.done((await lab.trunk_leg("112"))["DestUniqueid"])
    assert (said["Extension"], said["Dialled"]) == ("1001", "112")
    assert (done.payer, done.number) == ("1001", "112")


async def test_emergency_call_from_a_device_that_nobody_pays_for_goes_through(lab: Lab) -> None:
    await lab.ami.action(
        "Originate", Channel="Local/112@from-phones", Application="Wait", Data="5", Async="true"
    )
    assert (await lab.carrier.next_incoming()).me == "112"


async def test_call_back_rings_a_diverted_extension_after_its_emergency_call(lab: Lab) -> None:
    await lab.ami.put("rtbill/divert", "1001")
    emergency = await lab.phones.call("1001", "112").wait(State.UP)
    emergency.hang_up()
    await lab.carrier.call("112", "1001").wait(State.UP)
    assert (await lab.phones.next_incoming()).me == "1001"


async def test_divert_counts_again_an_hour_after_the_emergency_call(lab: Lab) -> None:
    await lab.ami.put("rtbill/divert", "1001")
    await lab.ami.put("rtbill/emergency", "1001", str(await lab.epoch() - 3601))
    await lab.carrier.call("0311234567", "1001").wait(State.UP)
    assert lab.phones.incoming == []


async def test_an_event_of_the_internal_leg_never_names_a_payer(lab: Lab) -> None:
    await lab.phones.call("1001", "1002").wait(State.UP)
    begun = await lab.ami.event("DialBegin")
    assert not begun["DestChannel"].startswith(TRUNK)
    assert not variables(begun, "DestChanVariable").get("RTB_PAYER")
