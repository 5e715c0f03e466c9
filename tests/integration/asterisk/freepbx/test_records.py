"""What FreePBX keeps of a leg that was answered, on every kind of trunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.asterisk.freepbx.legs import leg_to
from tests.integration.asterisk.freepbx.with_rtbill import install_rtbill
from tests.integration.asterisk.sip_call import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.asterisk.freepbx.lab import FreePbxLab

STAMPING = "Dial(PJSIP/${EXTEN}@carrier,,U(rtbill-up))"


@pytest.fixture
async def stamping_gateway(lab: FreePbxLab) -> AsyncIterator[None]:
    """The site's own context behind the custom trunk dials as check-pbx asks it to."""
    path = lab.server.folder / "etc" / "extensions.conf"
    before = path.read_text()
    plain = "Dial(PJSIP/${EXTEN}@carrier)"
    assert plain in before
    path.write_text(before.replace(plain, STAMPING))
    await lab.freepbx.reload()
    yield
    path.write_text(before)
    await lab.freepbx.reload()


async def test_leg_behind_a_custom_trunk_leaves_no_record_of_itself(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    call = await lab.phones.call("1001", "019990006").wait(State.UP)
    leg = await leg_to(lab, "019990006")
    await lab.talking(leg["DestChannel"])
    call.hang_up()
    await lab.hangup_of(leg["DestUniqueid"])
    assert await lab.rows("rtbill/done") == []


@pytest.mark.usefixtures("stamping_gateway")
async def test_leg_behind_a_custom_trunk_is_recorded_where_the_site_stamps_it(
    lab: FreePbxLab,
) -> None:
    await install_rtbill(lab)
    call = await lab.phones.call("1001", "019990007").wait(State.UP)
    leg = await leg_to(lab, "019990007")
    live = await lab.live(leg["DestUniqueid"])
    call.hang_up()
    done = await lab.done(leg["DestUniqueid"])
    assert (done.payer, done.number) == ("1001", "019990007")
    assert done.answered == live.answered
    assert len(await lab.rows("rtbill/done")) == 1, "not the Local channel before it as well"


@pytest.mark.usefixtures("stamping_gateway")
async def test_leg_behind_a_custom_trunk_has_the_timer_where_the_site_stamps_it(
    lab: FreePbxLab,
) -> None:
    await install_rtbill(lab)
    await lab.ami.delete_family("rtbill")
    await lab.ami.put("rtbill/unaided", "1001", "any/1")
    await lab.phones.call("1001", "019990008").wait(State.UP)
    done = await lab.done((await leg_to(lab, "019990008"))["DestUniqueid"])
    assert done.ended is not None
    assert 0.95 < done.ended - done.answered < 1.5


@pytest.mark.parametrize("on_call", [True, False], ids=["mail U()", "no mail U()"])
async def test_answer_is_recorded_whichever_subroutine_dial_keeps(
    lab: FreePbxLab, *, on_call: bool
) -> None:
    await lab.freepbx.route_mail(on_call=on_call)
    await install_rtbill(lab)
    call = await lab.phones.call("1001", "9555103").wait(State.UP)
    leg = (await leg_to(lab, "555103"))["DestUniqueid"]
    live = await lab.live(leg)
    call.hang_up()
    done = await lab.done(leg)
    assert (live.payer, live.number, live.ended) == ("1001", "555103", None)
    assert (done.payer, done.number, done.answered) == ("1001", "555103", live.answered)
    assert await lab.rows("rtbill/live") == []


async def test_route_that_mails_still_mails(lab: FreePbxLab) -> None:
    await install_rtbill(lab)
    call = await lab.phones.call("1001", "059990004").wait(State.UP)
    mail = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RouteMail")
    assert mail["Number"] == "059990004"
    leg = (await leg_to(lab, "059990004"))["DestUniqueid"]
    call.hang_up()
    assert (await lab.done(leg)).payer == "1001"
