"""Attempts to let somebody else pay, or to dial what may not be dialled, on a real exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.integration.asterisk.server import CARRIER_IP
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding

if TYPE_CHECKING:
    from tests.integration.asterisk.lab import Lab

FORGED = (
    "Diversion: <sip:1002@127.0.0.1>;reason=unconditional",
    'P-Asserted-Identity: "Ext 1002" <sip:1002@127.0.0.1>',
    'P-Preferred-Identity: "Ext 1002" <sip:1002@127.0.0.1>',
    'Remote-Party-ID: "Ext 1002" <sip:1002@127.0.0.1>;party=calling;screen=yes',
    "History-Info: <sip:1002@127.0.0.1>;index=1",
    "Referred-By: <sip:1002@127.0.0.1>",
)


@pytest.mark.parametrize("header", [*FORGED], ids=lambda header: header.split(":")[0])
async def test_caller_who_names_somebody_else_pays_himself(lab: Lab, header: str) -> None:
    await lab.phones.call("1001", "9555300", (header,)).wait(State.UP)
    assert await lab.payer_of("555300") == "1001"


async def test_no_header_chooses_a_code_or_a_trunk(lab: Lab) -> None:
    headers = (
        *FORGED,
        *(f"{name}: 4711" for name in ("RTB_CODE", "X-RTB_CODE", "X-RTB-PIN", "P-Charge-Info")),
        *(f"{name}: 4711/carrier" for name in ("RTB_ORIGIN", "_RTB_ORIGIN", "X-RTB-ORIGIN")),
        "X-AccountCode: 4711",
        "P-Asterisk-Var: RTB_CODE=4711",
    )
    await lab.phones.call("1001", "9555303", headers).wait(State.UP)
    assert await lab.payer_of("555303") == "1001"
    assert await lab.origin_of("555303") == ""


@pytest.mark.parametrize("header", [*FORGED], ids=lambda header: header.split(":")[0])
async def test_locked_caller_is_not_unlocked_by_naming_somebody_else(lab: Lab, header: str) -> None:
    await lab.ami.put("rtbill/lock", "1001")
    assert await lab.phones.call("1001", "9555301", (header,)).ended() == 403
    assert lab.trunk_legs == []


@pytest.mark.parametrize("header", [*FORGED], ids=lambda header: header.split(":")[0])
async def test_forwarding_phone_that_names_somebody_else_pays_itself(lab: Lab, header: str) -> None:
    lab.phones.policies["1003"] = forwarding("9555302", (header,))
    await lab.phones.call("1001", "1003").wait(State.UP)
    assert await lab.payer_of("555302") == "1003"


async def test_forged_diversion_does_not_pass_through_a_local_channel_of_the_site(lab: Lab) -> None:
    assert await lab.phones.call("1001", "2200", FORGED[:1]).ended() >= 400
    refused = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillRefused")
    assert refused["Reason"] == "unknown-payer"
    assert lab.trunk_legs == []


async def test_diversion_from_outside_makes_nobody_pay(lab: Lab) -> None:
    assert await lab.carrier.call("0311234567", "2200", FORGED[:1]).ended() >= 400
    assert lab.trunk_legs == []


@pytest.mark.parametrize(
    "dialled",
    [
        "9555&Local/2100@from-phones",
        "9555&PJSIP/666@carrier",
        "9555@other",
        "9555/1",
        "9555,2",
        "9555,s,1",
        "9555^1",
        "9555|1",
        '9555" | "1" = "1',
        "9555)",
        "9555}",
        "9555${EPOCH}",
        "9555abc",
        "9555 1",
        "9555\r\nExtension: 1002",
    ],
)
async def test_dialled_string_that_is_no_number_is_refused(lab: Lab, dialled: str) -> None:
    status = await lab.phones.call("1001", quote(dialled, safe="")).ended()
    assert status >= 400
    assert lab.trunk_legs == []
    assert [each.me for each in lab.phones.incoming] == []
    claimed = [each.get("Extension") for each in lab.ami.seen("UserEvent")]
    assert "1002" not in claimed


@pytest.mark.parametrize("dialled", ["90800123&PJSIP/666@carrier", "90800123,2"])
async def test_number_free_of_charge_cannot_carry_a_second_leg(lab: Lab, dialled: str) -> None:
    assert await lab.phones.call("1001", quote(dialled, safe="")).ended() >= 400
    assert lab.trunk_legs == []


async def test_transfer_to_a_dialled_string_that_is_no_number_is_refused(lab: Lab) -> None:
    call = await lab.phones.call("1001", "9555303").wait(State.UP)
    await lab.talking("PJSIP/carrier-")
    call.transfer(quote("9555&PJSIP/666@carrier", safe=""))
    await lab.ami.event("UserEvent", lambda event: event.get("Reason") == "malformed")
    assert [leg["DialString"].partition("@")[0] for leg in lab.trunk_legs] == ["555303"]


async def test_outside_party_that_transfers_itself_makes_nobody_pay(lab: Lab) -> None:
    await lab.phones.call("1001", "9555304").wait(State.UP)
    outside = await lab.carrier.next_incoming("555304")
    await lab.talking("PJSIP/carrier-")
    outside.transfer("9555305")
    assert await outside.transfer_outcome() >= 400
    assert len(lab.trunk_legs) == 1


@pytest.mark.parametrize("contact", ["PJSIP/0900555@carrier", "PJSIP/carrier/sip:0900555@{}"])
async def test_302_that_calls_a_trunk_past_the_dialplan_lets_nobody_talk(
    lab: Lab, contact: str
) -> None:
    far = f"{CARRIER_IP}:{lab.server.ports.carrier}"
    lab.phones.policies["1002"] = forwarding(quote(contact.format(far), safe=""))
    call = lab.phones.call("1001", "1002")
    assert await call.ended() >= 400
    refused = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillRefused")
    assert (refused["Extension"], refused["Reason"]) == ("1002", "malformed")


@pytest.mark.parametrize(
    "context", ["rtbill-emergency-call", "rtbill-trunk", "rtbill-outside", "rtbill-phones"]
)
async def test_302_that_names_a_context_of_rtbill_gets_no_further_than_its_lock(
    lab: Lab, context: str
) -> None:
    await lab.ami.put("rtbill/lock", "1002")
    lab.phones.policies["1002"] = forwarding(quote(f"Local/9555303@{context}", safe=""))
    await lab.phones.call("1001", "1002").wait(State.UP)  # with 1002's voicemail
    assert lab.trunk_legs == []
