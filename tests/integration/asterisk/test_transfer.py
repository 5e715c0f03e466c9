"""Who pays when a call is transferred or forwarded, on a real exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.generated import PLAIN, Generated
from tests.integration.asterisk.lab import TRUNK, variables
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding, rejecting

if TYPE_CHECKING:
    from tests.integration.asterisk.lab import Lab
    from tests.integration.asterisk.sip_call import Call


async def incoming_to(lab: Lab, extension: str) -> Call:
    """A call from outside that the extension has answered; gives the extension's side."""
    await lab.carrier.call("0311234567", extension).wait(State.UP)
    return await answered_by(lab, extension)


async def answered_by(lab: Lab, extension: str) -> Call:
    """The extension's side of a call that it has just answered."""
    call = await (await lab.phones.next_incoming(extension)).wait(State.UP)
    await lab.talking(f"PJSIP/{extension}-")
    return call


async def call_out(lab: Lab, extension: str, number: str) -> tuple[Call, str]:
    """An answered call to an outside number: the caller's side, and the trunk leg's unique id."""
    call = await lab.phones.call(extension, f"9{number}").wait(State.UP)
    leg = await lab.trunk_leg(number)
    await lab.talking(leg["DestChannel"])
    return call, leg["DestUniqueid"]


async def refusal(lab: Lab) -> tuple[str | None, str]:
    """Extension and number of the first refused attempt."""
    said = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillRefused")
    return said.get("Extension"), said["Dialled"]


# ---- blind transfer


async def test_blind_transfer_of_an_incoming_call_is_paid_by_who_transferred(lab: Lab) -> None:
    phone = await incoming_to(lab, "1001")
    phone.transfer("9555200")
    assert await lab.payer_of("555200") == "1001"


async def test_blind_transfer_of_a_colleague_is_paid_by_who_transferred(lab: Lab) -> None:
    await lab.phones.call("1002", "1001").wait(State.UP)
    phone = await answered_by(lab, "1001")
    phone.transfer("9555201")
    assert await lab.payer_of("555201") == "1001"


async def test_locked_extension_cannot_transfer_a_caller_outside(lab: Lab) -> None:
    phone = await incoming_to(lab, "1001")
    await lab.ami.put("rtbill/lock", "1001")
    phone.transfer("9555202")
    assert await refusal(lab) == ("1001", "555202")
    assert lab.trunk_legs == []


async def test_locked_extension_can_still_be_transferred_outside_by_a_colleague(lab: Lab) -> None:
    await lab.ami.put("rtbill/lock", "1002")
    await lab.phones.call("1002", "1001").wait(State.UP)
    phone = await answered_by(lab, "1001")
    phone.transfer("9555203")
    assert await lab.payer_of("555203") == "1001"


async def test_device_with_another_name_pays_for_its_transfers_too(lab: Lab) -> None:
    call, _ = await call_out(lab, "lobby-phone", "555204")
    call.transfer("9555205")
    assert await lab.payer_of("555205") == "1010"


async def test_trunk_leg_transferred_outside_keeps_its_own_payer_and_number(lab: Lab) -> None:
    call, first = await call_out(lab, "1001", "555206")
    call.transfer("9555207")
    second = await lab.trunk_leg("555207")
    await lab.talking(second["DestChannel"])  # the carrier knows of the answer a moment earlier
    (await lab.carrier.next_incoming("555206")).hang_up()
    old, new = await lab.done(first), await lab.done(second["DestUniqueid"])
    assert (old.payer, old.number) == ("1001", "555206")
    assert (new.payer, new.number) == ("1001", "555207")
    ended = lab.ami.seen("Hangup", lambda event: event["Uniqueid"] == first)[0]
    assert variables(ended)["RTB_DEST"] == "555206"


async def test_second_leg_does_not_inherit_the_first_legs_answer(lab: Lab) -> None:
    call, first = await call_out(lab, "1001", "555208")
    lab.carrier.policies["555209"] = rejecting(486)
    call.transfer("9555209")
    second = await lab.trunk_leg("555209")
    ended = await lab.ami.event("Hangup", lambda event: event["Uniqueid"] == second["DestUniqueid"])
    assert not variables(second, "DestChanVariable").get("RTB_ANSWERED")
    assert not variables(ended).get("RTB_ANSWERED")
    await lab.done(first)
    assert [row["Key"] for row in await lab.rows("rtbill/done")] == [f"/rtbill/done/{first}"]


async def test_each_transfer_of_one_call_is_paid_by_who_made_it(lab: Lab) -> None:
    call, first = await call_out(lab, "1001", "555210")
    call.transfer("1002")
    colleague = await answered_by(lab, "1002")
    colleague.transfer("9555211")
    assert await lab.payer_of("555211") == "1002"
    (await lab.carrier.next_incoming("555210")).hang_up()
    assert (await lab.done(first)).payer == "1001"


async def test_trunk_leg_sent_to_a_colleague_who_forwards_it_is_paid_by_him(lab: Lab) -> None:
    lab.phones.policies["1003"] = forwarding("9555213")
    call, first = await call_out(lab, "1001", "555212")
    call.transfer("1003")
    assert await lab.payer_of("555213") == "1003"
    (await lab.carrier.next_incoming("555212")).hang_up()
    assert (await lab.done(first)).payer == "1001"


async def test_trunk_leg_can_be_transferred_to_an_emergency_number(lab: Lab) -> None:
    call, first = await call_out(lab, "1001", "555214")
    call.transfer("112")
    assert (await lab.carrier.next_incoming("112")).me == "112"
    (await lab.carrier.next_incoming("555214")).hang_up()
    assert (await lab.done(first)).number == "555214"


# ---- attended transfer


async def test_attended_transfer_leaves_the_bill_with_who_called(lab: Lab) -> None:
    phone = await incoming_to(lab, "1001")
    call, leg = await call_out(lab, "1001", "555220")
    call.transfer_to(phone)
    assert await call.transfer_outcome() == 200
    outside = await lab.carrier.next_incoming("555220")
    assert (await lab.live(leg)).payer == "1001"
    outside.hang_up()
    done = await lab.done(leg)
    assert (done.payer, done.number) == ("1001", "555220")


async def test_attended_transfer_to_a_colleague_leaves_the_bill_with_who_called(lab: Lab) -> None:
    call, leg = await call_out(lab, "1001", "555221")
    inside = await lab.phones.call("1001", "1002").wait(State.UP)
    colleague = await answered_by(lab, "1002")
    call.transfer_to(inside)
    assert await call.transfer_outcome() == 200
    colleague.hang_up()
    assert (await lab.done(leg)).payer == "1001"


# ---- forwarding by the telephone (302)


async def test_forwarded_call_is_paid_by_who_forwarded(lab: Lab) -> None:
    lab.phones.policies["1002"] = forwarding("9555230")
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert await lab.payer_of("555230") == "1002"


async def test_call_from_outside_that_is_forwarded_is_paid_by_who_forwarded(lab: Lab) -> None:
    lab.phones.policies["1002"] = forwarding("9555231")
    await lab.carrier.call("0311234567", "1002").wait(State.UP)
    assert await lab.payer_of("555231") == "1002"


async def test_call_forwarded_twice_is_paid_by_the_last_who_forwarded(lab: Lab) -> None:
    lab.phones.policies["1002"] = forwarding("1003")
    lab.phones.policies["1003"] = forwarding("9555232")
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert await lab.payer_of("555232") == "1003"


async def test_member_of_a_group_who_forwards_pays(lab: Lab) -> None:
    lab.phones.policies["1003"] = forwarding("9555233")
    lab.phones.policies["1004"] = rejecting(486)
    await lab.phones.call("1001", "2100").wait(State.UP)
    assert await lab.payer_of("555233") == "1003"


async def test_locked_extension_cannot_forward_outside_and_its_caller_gets_voicemail(
    lab: Lab,
) -> None:
    lab.phones.policies["1002"] = forwarding("9555234")
    await lab.ami.put("rtbill/lock", "1002")
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert await refusal(lab) == ("1002", "555234")
    assert lab.trunk_legs == []


async def test_locked_caller_reaches_a_forwarded_colleague_at_the_colleagues_cost(lab: Lab) -> None:
    lab.phones.policies["1002"] = forwarding("9555235")
    await lab.ami.put("rtbill/lock", "1001")
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert await lab.payer_of("555235") == "1002"


async def test_blind_transfer_after_a_forward_is_paid_by_who_transferred(lab: Lab) -> None:
    lab.phones.policies["1002"] = forwarding("1003")
    await lab.carrier.call("0311234567", "1002").wait(State.UP)
    phone = await answered_by(lab, "1003")
    phone.transfer("9555236")
    assert await lab.payer_of("555236") == "1003"


# ---- transferring by keys


async def test_transfer_by_keys_is_decided_anew_and_paid_by_who_pressed_them(lab: Lab) -> None:
    await lab.regenerate(Generated(dialplan=f'{PLAIN}trunk_options = "T"\n'))
    _, leg = await call_out(lab, "1001", "555250")
    dialled = await lab.trunk_leg("555250")
    for key in "#19555251":
        pressed = await lab.ami.action(
            "PlayDTMF", Channel=dialled["Channel"], Digit=key, Duration="100", Receive="true"
        )
        assert pressed["Response"] == "Success"
    assert await lab.payer_of("555251") == "1001"
    assert (await lab.live(leg)).number == "555250"


# ---- other ways to make calls


async def test_two_calls_of_one_extension_are_two_records(lab: Lab) -> None:
    calls = [await call_out(lab, "1001", number) for number in ("555240", "555241")]
    for call, _ in calls:
        call.hang_up()
    records = [await lab.done(leg) for _, leg in calls]
    assert [(each.payer, each.number) for each in records] == [
        ("1001", "555240"),
        ("1001", "555241"),
    ]


@pytest.mark.parametrize("channel", ["PJSIP/1001", "Local/1001@from-phones"])
async def test_call_placed_by_the_exchange_for_a_telephone(lab: Lab, channel: str) -> None:
    await lab.ami.action(
        "Originate",
        Channel=channel,
        Context="from-phones",
        Exten="9555242",
        Priority="1",
        Async="true",
        Variable="_RTB_ON_BEHALF_OF=1001",
    )
    assert await lab.payer_of("555242") == "1001"


async def test_trunk_legs_are_the_only_trunk_channels_that_name_a_payer(lab: Lab) -> None:
    phone = await incoming_to(lab, "1001")
    phone.transfer("9555243")
    leg = (await lab.trunk_leg("555243"))["DestUniqueid"]
    await (await lab.carrier.next_incoming("555243")).wait(State.UP)
    shown = await lab.ami.listing("Status", "StatusComplete", Variables="RTB_PAYER,RTB_ANSWERED")
    named = [
        row["Uniqueid"]
        for row in shown
        if row["Channel"].startswith(TRUNK) and "RTB_PAYER=1001" in row["Variable"].splitlines()
    ]
    assert named == [leg]


# ---- where rtbill only looks on


@pytest.mark.parametrize("enforcement", ["observe", "warn"])
async def test_a_call_that_nobody_pays_goes_out_where_nothing_is_enforced(
    lab: Lab, enforcement: str
) -> None:
    policies = f'{PLAIN}transferred = "refuse"\nforwarded = "refuse"\n'
    await lab.regenerate(Generated(dialplan=policies, enforcement=enforcement))
    phone = await incoming_to(lab, "1001")
    phone.transfer("9555260")
    assert not await lab.payer_of("555260")
    lab.phones.policies["1002"] = forwarding("9555261")
    lab.phones.call("1003", "1002")
    assert not await lab.payer_of("555261")
