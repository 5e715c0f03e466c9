"""What the shipped AMI user may do, and may not, on a real exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.ami_probe import AmiProbe
from tests.integration.asterisk.sip_call import State

if TYPE_CHECKING:
    from tests.integration.asterisk.lab import Lab


def biller(lab: Lab) -> AmiProbe:
    return AmiProbe(lab.server.ports.ami, lab.server.secret, user="rtbill")


async def test_biller_may_do_all_that_billing_needs(lab: Lab) -> None:
    await lab.phones.call("1001", "9555400").wait(State.UP)
    leg = await lab.trunk_leg("555400")
    async with biller(lab) as ami:
        await ami.event("FullyBooted")
        await ami.put("rtbill/lock", "1001")
        assert await ami.get("rtbill/lock", "1001") == "1"
        live = await ami.listing("DBGetTree", "DBGetTreeComplete", Family="rtbill/live")
        shown = await ami.listing("Status", "StatusComplete", Variables="RTB_PAYER,RTB_ANSWERED")
        assert [row["Key"] for row in live] == [f"/rtbill/live/{leg['DestUniqueid']}"]
        assert leg["DestUniqueid"] in [row["Uniqueid"] for row in shown]
        for action, more in (
            ("Filter", {"Operation": "Add", "Filter": "Event: Hangup"}),
            ("DBDel", {"Family": "rtbill/lock", "Key": "1001"}),
            ("AbsoluteTimeout", {"Channel": leg["DestChannel"], "Timeout": "30"}),
            ("Hangup", {"Channel": leg["DestChannel"]}),
        ):
            reply = await ami.action(action, **more)
            assert reply["Response"] == "Success", (action, reply)


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("Originate", {"Channel": "Local/1001@from-phones", "Application": "Wait", "Data": "1"}),
        ("Command", {"Command": "core show uptime"}),
        ("UpdateConfig", {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"}),
        ("AGI", {"Channel": "PJSIP/1001-00000000", "Command": "verbose hello"}),
        ("CreateConfig", {"Filename": "x.conf"}),
    ],
)
async def test_biller_has_no_right_that_billing_does_not_need(
    lab: Lab, action: str, more: dict[str, str]
) -> None:
    async with biller(lab) as ami:
        reply = await ami.action(action, **more)
        assert (reply["Response"], reply["Message"]) == ("Error", "Permission denied")


async def test_a_row_longer_than_a_line_is_read_back_whole(lab: Lab) -> None:
    row = "any:" * 90 + "other/" + "600:" * 30 + "0"
    async with biller(lab) as ami:
        await ami.put("rtbill/unaided", "1001", row)
        await ami.put("rtbill/unaided", "10011", "closed")
        where = {"Family": "rtbill/unaided", "Key": "1001"}
        found = await ami.listing("DBGetTree", "DBGetTreeComplete", **where)
    assert [(each["Key"], each["Val"]) for each in found] == [("/rtbill/unaided/1001", row)]


async def test_wrong_secret_is_refused(lab: Lab) -> None:
    with pytest.raises(PermissionError):
        async with AmiProbe(lab.server.ports.ami, "wrong", user="rtbill"):
            pass


async def test_biller_sees_calls_and_refusals(lab: Lab) -> None:
    async with biller(lab) as ami:
        await lab.ami.put("rtbill/lock", "1002")
        await lab.phones.call("1001", "9555401").wait(State.UP)
        await lab.phones.call("1002", "9555402").ended()
        await ami.event("DialBegin")
        await ami.event("Newstate", lambda event: event["ChannelState"] == "6")
        refused = await ami.event("UserEvent")
        assert refused["UserEvent"] == "RtbillRefused"
        assert "Timestamp" in refused
