"""The laboratory FreePBX behaves as FreePBX does, before anything of rtbill is installed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.integration.asterisk.freepbx.exchange import SAME_CHANNEL
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding, rejecting, ringing

if TYPE_CHECKING:
    from tests.integration.asterisk.freepbx.lab import FreePbxLab
    from tests.integration.asterisk.sip_call import Call

OUTSIDE = "0440001122"
DID_OF_1002 = "0311000002"
BUSY, UNAVAILABLE = 486, 480
FORGED = (
    'P-Asserted-Identity: "Ext 1002" <sip:1002@127.0.0.1>',
    'Remote-Party-ID: "Ext 1002" <sip:1002@127.0.0.1>;party=calling;screen=yes',
)


async def shown_number(call: Call) -> str:
    """The caller's number as the carrier sees it."""
    assert call.invite is not None
    return call.invite.header("From").split("sip:")[1].split("@")[0]


async def press_1(lab: FreePbxLab) -> None:
    """The one who was asked to confirm, presses 1."""
    channel = (await lab.user_event("Confirm"))["Channel"].splitlines()[0]
    reply = await lab.ami.action("PlayDTMF", Channel=channel, Digit="1", Receive="true")
    assert reply["Response"] == "Success"


# ---- outbound routes and trunks


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("555100", "555100"),
        ("+41791234567", "+41791234567"),
        ("9555100", "555100"),
        ("7123", "7123"),
        ("112", "112"),
        ("9112", "112"),
        ("01555", "01555"),
        ("02555", "02555"),
        ("03555", "03555"),
    ],
    ids=lambda number: f"to-{number}",
)
async def test_outside_call_reaches_the_carrier(lab: FreePbxLab, dialled: str, number: str) -> None:
    await lab.phones.call("1001", dialled).wait(State.UP)
    assert [call.me for call in lab.carrier.incoming] == [number]


@pytest.mark.parametrize(
    ("dialled", "channels"),
    [
        ("555100", ["PJSIP/carrier"]),
        ("01555", ["Local/01555@gateway", "PJSIP/carrier"]),
        ("03555", ["IAX2/iax-carrier", "PJSIP/far-end"]),
    ],
)
async def test_each_kind_of_trunk_has_its_own_kind_of_channel(
    lab: FreePbxLab, dialled: str, channels: list[str]
) -> None:
    await lab.phones.call("1001", dialled).wait(State.UP)
    begun = [event["DestChannel"].rpartition("-")[0] for event in lab.ami.seen("DialBegin")]
    assert begun == channels


async def test_chan_sip_trunk_stands_beside_pjsip_on_16_only(lab: FreePbxLab) -> None:
    await lab.phones.call("1001", "04555").wait(State.UP)
    carrier = lab.old_carrier if lab.freepbx.version == 16 else lab.carrier
    assert [call.me for call in carrier.incoming] == ["04555"]
    channel = lab.ami.seen("DialBegin")[0]["DestChannel"]
    assert channel.startswith("SIP/") is (lab.freepbx.version == 16)


@pytest.mark.parametrize("number", ["555101", "112"])
async def test_refused_by_the_carrier_the_call_goes_to_the_backup(
    lab: FreePbxLab, number: str
) -> None:
    lab.carrier.policies["*"] = rejecting(503)
    await lab.phones.call("1001", number).wait(State.UP)
    assert [call.me for call in lab.carrier.incoming] == [number]
    assert [call.me for call in lab.backup.incoming] == [number]


async def test_busy_ends_the_call_unless_the_trunk_says_to_go_on(lab: FreePbxLab) -> None:
    lab.carrier.policies["555102"] = rejecting(BUSY)
    assert await lab.phones.call("1001", "555102").ended() == BUSY
    assert lab.backup.incoming == []
    lab.backup.policies["06555"] = rejecting(BUSY)
    await lab.phones.call("1001", "06555").wait(State.UP)
    assert (await lab.carrier.next_incoming("06555")).me == "06555"


async def test_sip_headers_are_applied_on_the_trunk_leg_before_it_is_called(
    lab: FreePbxLab,
) -> None:
    await lab.phones.call("1001", "555103").wait(State.UP)
    applied = await lab.user_event("SipHeaders")
    leg = await lab.trunk_leg("555103")
    assert applied["Channel"].splitlines()[0] == leg["DestChannel"]
    assert lab.ami.events.index(applied) < lab.ami.events.index(leg)


async def test_emergency_route_shows_the_devices_emergency_number(lab: FreePbxLab) -> None:
    await lab.ami.put("DEVICE/1001", "emergency_cid", "0315550112")
    for number, shown in (("112", "0315550112"), ("555104", "1001")):
        await lab.phones.call("1001", number).wait(State.UP)
        assert await shown_number(await lab.carrier.next_incoming(number)) == shown


async def test_trunk_has_its_own_dial_options_where_the_database_says_so(lab: FreePbxLab) -> None:
    await lab.freepbx.trunk_options(1, "TH")
    await lab.phones.call("1001", "555105").wait(State.UP)
    dial = await lab.running("Dial")
    assert dial.startswith("PJSIP/555105@carrier,300,TH")
    assert "THb(func-apply-sipheaders^s^1,(1))U(sub-send-obroute-email^" in dial


async def test_mail_is_sent_for_the_route_that_asks_for_it(lab: FreePbxLab) -> None:
    await lab.phones.call("1001", "555106").wait(State.UP)
    await lab.phones.call("1002", "05555").wait(State.UP)
    sent = await lab.user_event("RouteMail")
    assert (sent["Number"], sent["Route"]) == ("05555", "mail")


# ---- forwards


@pytest.mark.parametrize("ring_timer", ["0", SAME_CHANNEL], ids=["local", "same-channel"])
@pytest.mark.parametrize(("kind", "status"), [("CF", 0), ("CFB", BUSY), ("CFU", UNAVAILABLE)])
async def test_forward_leads_outside(
    lab: FreePbxLab, kind: str, status: int, ring_timer: str
) -> None:
    await lab.freepbx.forward(kind, "1002", "555200", ring_timer)
    if status:
        lab.phones.policies["1002"] = rejecting(status)
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    assert [call.me for call in lab.carrier.incoming] == ["555200"]
    assert len(lab.phones.incoming) == (kind != "CF")


async def test_call_forward_leaves_on_the_callers_channel_in_17_whatever_its_timer(
    lab: FreePbxLab,
) -> None:
    await lab.freepbx.forward("CF", "1002", "555201")
    await lab.phones.call("1001", "1002").wait(State.UP)
    caller = (await lab.trunk_leg("555201"))["Channel"]
    assert caller.startswith("Local/" if lab.freepbx.version == 16 else "PJSIP/1001-")


@pytest.mark.parametrize("strategy", ["ringall", "ringallv2-prim"])
async def test_follow_me_leads_outside(lab: FreePbxLab, strategy: str) -> None:
    lab.phones.policies["1002"] = ringing()
    await lab.freepbx.follow_me("1002", "1002-555210#", strategy)
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    assert [call.me for call in lab.phones.incoming] == ["1002"]
    assert [call.me for call in lab.carrier.incoming] == ["555210"]


@pytest.mark.parametrize("confirm", [False, True])
async def test_ring_group_calls_its_member_outside(lab: FreePbxLab, *, confirm: bool) -> None:
    lab.phones.policies["1003"] = ringing()
    call = lab.carrier.call(OUTSIDE, "0311000601" if confirm else "0311000600")
    if confirm:
        await press_1(lab)
    await call.wait(State.UP)
    assert [call.me for call in lab.carrier.incoming] == ["0791112222"]


async def test_follow_me_with_confirmation_waits_for_it(lab: FreePbxLab) -> None:
    lab.phones.policies["1002"] = ringing()
    await lab.freepbx.follow_me("1002", "1002-555211#", confirm=True)
    call = lab.phones.call("1001", "1002")
    await (await lab.carrier.next_incoming("555211")).wait(State.UP)
    await lab.user_event("Confirm")
    assert call.state is not State.UP
    await press_1(lab)
    await call.wait(State.UP)


async def test_forced_confirmation_waits_on_the_trunk_leg(lab: FreePbxLab) -> None:
    await lab.ami.action(
        "Originate",
        Channel="Local/555212@from-internal/n",
        Application="Wait",
        Data="9",
        Async="true",
        Variable="__FORCE_CONFIRM=queue",
    )
    leg = (await lab.trunk_leg("555212"))["DestChannel"]
    asked = await lab.user_event("Confirm")
    assert asked["Channel"].splitlines()[0] == leg
    assert lab.ami.seen("BridgeEnter") == []
    await press_1(lab)
    await lab.talking("PJSIP/carrier-")


@pytest.mark.parametrize(
    ("did", "number"),
    [
        ("0311000900", "0791234567"),
        ("0311000301", "0311000301"),
        ("0311000303", "0311000303"),
    ],
    ids=["mobile", "trunk", "custom-trunk"],
)
async def test_number_from_outside_can_lead_outside_again(
    lab: FreePbxLab, did: str, number: str
) -> None:
    await lab.carrier.call(OUTSIDE, did).wait(State.UP)
    assert [call.me for call in lab.carrier.incoming] == [number]


async def test_telephone_that_forwards_leads_outside(lab: FreePbxLab) -> None:
    lab.phones.policies["1002"] = forwarding("555220")
    await lab.phones.call("1001", "1002").wait(State.UP)
    assert (await lab.carrier.next_incoming("555220")).me == "555220"


async def test_blind_transfer_leads_outside(lab: FreePbxLab) -> None:
    await lab.carrier.call(OUTSIDE, DID_OF_1002).wait(State.UP)
    phone = await lab.phones.next_incoming("1002")
    await lab.talking("PJSIP/1002-")
    phone.transfer("555221")
    assert (await lab.carrier.next_incoming("555221")).me == "555221"


async def test_feature_codes_set_and_remove_forwards(lab: FreePbxLab) -> None:
    await lab.phones.call("1001", "*72555230").ended()
    assert await lab.ami.get("CF", "1001") == "555230"
    await lab.phones.call("1001", "*73").ended()
    assert await lab.ami.get("CF", "1001") is None
    await lab.phones.call("1001", "*931005*555231").ended()
    assert await lab.ami.get("CF", "1005") == "555231"


# ---- the dangers are real


@pytest.mark.parametrize("header", FORGED, ids=["pai", "rpid"])
async def test_telephone_that_names_another_extension_is_taken_for_it(
    lab: FreePbxLab, header: str
) -> None:
    await lab.ami.put("AMPUSER/1002", "outboundcid", "0315551002")
    await lab.phones.call("1001", "555300", (header,)).wait(State.UP)
    assert await shown_number(await lab.carrier.next_incoming("555300")) == "0315551002"
    await lab.phones.call("1001", "*72555301", (header,)).ended()
    assert await lab.ami.get("CF", "1002") == "555301"


async def test_device_is_known_by_its_user(lab: FreePbxLab) -> None:
    await lab.ami.put("AMPUSER/1010", "outboundcid", "0315551010")
    await lab.phones.call("91010", "555302").wait(State.UP)
    assert await shown_number(await lab.carrier.next_incoming("555302")) == "0315551010"


@pytest.mark.parametrize(
    ("dialled", "other"),
    [
        ("555@carrier&Local/09001@from-internal/n&PJSIP/666", "09001"),
        ("555@carrier&PJSIP/666", "666"),
    ],
)
async def test_dialled_string_starts_a_second_leg_of_the_callers_choice(
    lab: FreePbxLab, dialled: str, other: str
) -> None:
    lab.carrier.policies["555"] = ringing()
    lab.phones.call("1001", quote(dialled, safe=""))
    assert (await lab.carrier.next_incoming(other)).me == other
    assert (await lab.carrier.next_incoming("555")).me == "555"
