"""Codes that callers enter and trunks that calls come in by, as trunk legs carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtbill.domain.payer_key import pin_digest
from tests.integration.asterisk.generated import PIN_SECRET, PLAIN, Generated
from tests.integration.asterisk.lab import variables
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding

if TYPE_CHECKING:
    from tests.integration.asterisk.lab import Lab


async def test_leg_and_rows_carry_the_account_code_beside_the_extension(lab: Lab) -> None:
    call = await lab.phones.call("1001", "*8147119555900").wait(State.UP)
    leg = (await lab.trunk_leg("555900"))["DestUniqueid"]
    live = await lab.live(leg)
    call.hang_up()
    done = await lab.done(leg)
    ended = await lab.hangup_of(leg)
    assert (live.payer, live.origin) == (done.payer, done.origin) == ("1001", "4711/")
    assert variables(ended)["RTB_ORIGIN"] == "4711/"
    shown = lab.ami.seen("Newstate", lambda event: event["Uniqueid"] == leg)
    assert variables(shown[-1])["RTB_ORIGIN"] == "4711/"


async def test_pin_leaves_the_exchange_as_a_digest_only(lab: Lab) -> None:
    call = await lab.phones.call("1001", "*828642979555901").wait(State.UP)
    leg = (await lab.trunk_leg("555901"))["DestUniqueid"]
    digest = pin_digest(PIN_SECRET, "864297")
    assert (await lab.live(leg)).origin == f"pin:{digest}/"
    caller = (await lab.trunk_leg("555901"))["Channel"]
    assert not (await lab.ami.action("Getvar", Channel=caller, Variable="RTB_PIN"))["Value"]
    call.hang_up()
    done = await lab.done(leg)
    assert done.origin == f"pin:{digest}/"


async def test_call_without_a_code_says_nothing_of_its_origin(lab: Lab) -> None:
    await lab.phones.call("1001", "9555902").wait(State.UP)
    assert await lab.origin_of("555902") == ""


async def test_transferred_and_forwarded_callers_of_a_trunk_are_told_with_it(lab: Lab) -> None:
    await lab.carrier.call("0311234567", "1001").wait(State.UP)
    phone = await (await lab.phones.next_incoming("1001")).wait(State.UP)
    await lab.talking("PJSIP/1001-")
    phone.transfer("9555903")
    assert await lab.payer_of("555903") == "1001"
    assert await lab.origin_of("555903") == "/carrier"
    lab.phones.policies["1003"] = forwarding("9555904")
    await lab.carrier.call("0311234567", "1003").wait(State.UP)
    assert await lab.payer_of("555904") == "1003"
    assert await lab.origin_of("555904") == "/carrier"


async def test_code_of_a_caller_does_not_pay_where_a_colleague_forwards_to(lab: Lab) -> None:
    lab.phones.policies["1003"] = forwarding("9555905")
    await lab.phones.call("1001", "*8147111003").wait(State.UP)
    assert await lab.payer_of("555905") == "1003"
    assert await lab.origin_of("555905") == ""


async def test_code_of_the_first_call_does_not_pay_for_a_transfer_of_it(lab: Lab) -> None:
    call = await lab.phones.call("1001", "*8147119555906").wait(State.UP)
    first = await lab.trunk_leg("555906")
    await lab.talking(first["DestChannel"])
    call.transfer("9555907")
    assert await lab.payer_of("555907") == "1001"
    assert await lab.origin_of("555907") == ""
    await lab.talking((await lab.trunk_leg("555907"))["DestChannel"])
    (await lab.carrier.next_incoming("555906")).hang_up()
    assert (await lab.done(first["DestUniqueid"])).origin == "4711/"


async def test_caller_from_outside_with_a_code_needs_no_extension(lab: Lab) -> None:
    await lab.carrier.call("0311234567", "24555908").wait(State.UP)
    assert not await lab.payer_of("555908")
    assert await lab.origin_of("555908") == "7001/carrier"


async def test_caller_from_outside_without_a_code_is_let_out_only_where_his_trunk_pays(
    lab: Lab,
) -> None:
    assert await lab.carrier.call("0311234567", "23555909").ended() >= 400
    assert lab.trunk_legs == []
    await lab.regenerate(Generated(dialplan=PLAIN + 'incoming = "trunk"\n'))
    await lab.carrier.call("0311234567", "23555910").wait(State.UP)
    assert not await lab.payer_of("555910")
    assert await lab.origin_of("555910") == "/carrier"
