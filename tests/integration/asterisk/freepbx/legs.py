"""Legs that leave FreePBX and are billed: who pays them, and numbers to call in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.asterisk.lab import variables
from tests.integration.asterisk.sip_call import State

if TYPE_CHECKING:
    from tests.integration.asterisk.ami_probe import Message
    from tests.integration.asterisk.freepbx.lab import FreePbxLab
    from tests.integration.asterisk.sip_call import Call

OUTSIDE = "0441001122"
MOBILE = "0791234567"
"""What the misc destination dials."""
GROUP_MEMBER = "0791112222"
DID_OF_1002, DID_OF_GROUP, DID_OF_MOBILE = "0311000002", "0311000600", "0311000900"
FORBIDDEN = 403
BILLED = ("PJSIP/carrier-", "PJSIP/backup-", "IAX2/iax-carrier-", "SIP/sip-carrier-")


async def leg_to(lab: FreePbxLab, number: str) -> Message:
    """The DialBegin of the billed leg that was called with this number."""
    return await lab.ami.event(
        "DialBegin",
        lambda event: (
            event["DestChannel"].startswith(BILLED)
            and number in event["DialString"].replace("/", "@").split("@")
        ),
    )


async def payer(lab: FreePbxLab, number: str) -> str | None:
    """Who pays the leg to this number; the number on it is the one that was dialled."""
    carried = variables(await leg_to(lab, number), "DestChanVariable")
    if carried.get("RTB_DEST"):
        assert carried["RTB_DEST"] == number
    return carried.get("RTB_PAYER") or None


async def refused(lab: FreePbxLab) -> tuple[str | None, str]:
    """Extension and reason of the first refusal."""
    said = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillRefused")
    return said.get("Extension"), said["Reason"]


async def answered_by(lab: FreePbxLab, extension: str) -> Call:
    """The extension's side of a call that it has just answered."""
    call = await (await lab.phones.next_incoming(extension)).wait(State.UP)
    await lab.talking(f"PJSIP/{extension}-")
    return call


def billed_legs(lab: FreePbxLab) -> list[Message]:
    return [each for each in lab.ami.seen("DialBegin") if each["DestChannel"].startswith(BILLED)]
