"""What nobody pays goes out of a FreePBX that is observed, and is refused where it is enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.freepbx.legs import (
    DID_OF_1002,
    DID_OF_GROUP,
    DID_OF_MOBILE,
    GROUP_MEMBER,
    MOBILE,
    OUTSIDE,
    answered_by,
    payer,
)
from tests.integration.asterisk.freepbx.with_rtbill import install_rtbill
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import forwarding, rejecting

if TYPE_CHECKING:
    from tests.integration.asterisk.freepbx.lab import FreePbxLab


@pytest.mark.parametrize("enforcement", ["observe", "warn"])
async def test_a_call_that_nobody_pays_goes_out_where_nothing_is_enforced(
    lab: FreePbxLab, enforcement: str
) -> None:
    await install_rtbill(lab, enforcement=enforcement)
    await lab.carrier.call(OUTSIDE, DID_OF_MOBILE).wait(State.UP)
    assert await payer(lab, MOBILE) is None


@pytest.mark.parametrize("caller", ["inside", "outside"])
@pytest.mark.parametrize("way", ["forwarded", "302", "groups", "transferred"])
async def test_a_policy_that_refuses_is_carried_out_only_where_it_is_enforced(
    lab: FreePbxLab, way: str, caller: str
) -> None:
    policies = 'forwarded = "refuse"\ngroups = "refuse"\ntransferred = "refuse"'
    await install_rtbill(lab, policies, enforcement="observe")
    number, extension, inbound = "555900", "1002", DID_OF_1002
    match way:
        case "forwarded":
            await lab.freepbx.forward("CF", extension, f"9{number}")
        case "302":
            lab.phones.policies[extension] = forwarding(f"9{number}")
        case "groups":
            number, extension, inbound = GROUP_MEMBER, "600", DID_OF_GROUP
            lab.phones.policies["1003"] = rejecting(480)
        case _:
            pass  # it is transferred below, once it talks
    if caller == "inside":
        call = lab.phones.call("1001", extension)
    else:
        call = lab.carrier.call(OUTSIDE, inbound)
    await call.wait(State.UP)
    if way == "transferred":
        (await answered_by(lab, extension)).transfer(f"9{number}")
    assert await payer(lab, number) is None
