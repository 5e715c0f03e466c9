"""The question before dialling, as the generated dialplan of a plain exchange asks it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from rtbill.credit.authorisation import Question, read_question
from tests.integration.asterisk.answerer import Answerer
from tests.integration.asterisk.conftest import VERSIONS
from tests.integration.asterisk.generated import CARRIER, PLAIN, TOKEN, Generated
from tests.integration.asterisk.lab import open_lab
from tests.integration.asterisk.server import Layout
from tests.integration.asterisk.sip_call import State
from tests.integration.asterisk.sip_phone import answering, forwarding, rejecting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.asterisk.lab import Lab
    from tests.integration.asterisk.server import AsteriskServer
    from tests.integration.asterisk.sip_call import Call

FORBIDDEN = 403
SET_UP_DELAY_S_MAX = 2.2
ANSWER_S = 0.05
"""The carrier answers after so long."""


async def asking(lab: Lab, answerer: Answerer, dialplan: str = "", trunks: str = CARRIER) -> None:
    """A dialplan that asks this answerer."""
    await lab.regenerate(
        Generated(dialplan=PLAIN + dialplan, trunks=trunks, inline_port=answerer.port)
    )


async def refusal(lab: Lab) -> tuple[str | None, str]:
    """Extension and reason of the first refusal."""
    said = await lab.ami.event("UserEvent", lambda event: event["UserEvent"] == "RtbillRefused")
    return said.get("Extension"), said["Reason"]


async def set_up(call: Call) -> float:
    """Seconds until the call was up, less what the carrier takes."""
    began = time.monotonic()
    await call.wait(State.UP)
    return time.monotonic() - began - ANSWER_S


async def test_question_names_payer_number_channel_and_how_the_call_came(lab: Lab) -> None:
    async with Answerer() as answerer:
        await asking(lab, answerer)
        await lab.phones.call("1001", "9+41315550100").wait(State.UP)
    (asked,) = answerer.asked
    begun = await lab.trunk_leg("+41315550100")
    assert asked == {
        "path": "/v1/authorise/hall",
        "token": TOKEN,
        "call": begun["Uniqueid"],
        "payer": "1001",
        "number": "+41315550100",
        "kind": "direct",
    }


@pytest.mark.parametrize("version", VERSIONS)
async def test_channel_of_an_exchange_with_a_name_is_asked_for_by_its_whole_uniqueid(
    new_server: Callable[[int, Layout], AsteriskServer], version: int
) -> None:
    options = "[options]\nsystemname = Küche 7 (e), B&B\n"
    layout = Layout(render=lambda text: text.replace("[options]\n", options))
    with new_server(version, layout) as server:
        async with open_lab(server) as lab, Answerer() as answerer:
            await asking(lab, answerer)
            await lab.phones.call("1001", "9555605").wait(State.UP)
            (asked,) = answerer.asked
            begun = await lab.trunk_leg("555605")
    assert asked["call"] == begun["Uniqueid"]
    assert asked["call"].startswith("Küche 7 (e), B&B-")
    question = read_question("hall", asked)
    assert isinstance(question, Question)
    assert question.channel == asked["call"]


async def test_forwarded_and_transferred_calls_are_asked_for_by_who_pays(lab: Lab) -> None:
    async with Answerer() as answerer:
        await asking(lab, answerer)
        lab.phones.policies["1003"] = forwarding("9555600")
        await lab.phones.call("1001", "1003").wait(State.UP)
        await lab.carrier.call("0311234567", "1002").wait(State.UP)
        phone = await (await lab.phones.next_incoming("1002")).wait(State.UP)
        await lab.talking("PJSIP/1002-")
        phone.transfer("9555601")
        await lab.trunk_leg("555601")
    found = [(asked["payer"], asked["number"], asked["kind"]) for asked in answerer.asked]
    assert found[0] == ("1003", "555600", "forwarded")
    assert set(found[1:]) == {("1002", "555601", "transferred")}


async def test_granted_seconds_become_a_timer_on_the_trunk_leg(lab: Lab) -> None:
    async with Answerer("allow,1.") as answerer:
        await asking(lab, answerer)
        await lab.phones.call("1001", "9555602").wait(State.UP)
    done = await lab.done((await lab.trunk_leg("555602"))["DestUniqueid"])
    assert done.ended is not None
    assert 0.95 < done.ended - done.answered < 1.2


@pytest.mark.parametrize("reason", ["balance", "locked", "unrated"])
async def test_refusal_refuses_and_tells_why(lab: Lab, reason: str) -> None:
    async with Answerer(f"refuse,{reason}.") as answerer:
        await asking(lab, answerer)
        assert await lab.phones.call("1001", "9555603").ended() == FORBIDDEN
    assert await refusal(lab) == ("1001", reason)
    assert lab.trunk_legs == []


async def test_answer_counts_more_than_a_lock_that_is_about_to_go(lab: Lab) -> None:
    async with Answerer() as answerer:
        await asking(lab, answerer)
        await lab.ami.put("rtbill/lock", "1001")
        await lab.phones.call("1001", "9555604").wait(State.UP)


@pytest.mark.parametrize("dialled", ["112", "9112", "+112", "90800123456", "1002"])
async def test_nobody_is_asked_about_emergency_free_and_internal_numbers(
    lab: Lab, dialled: str
) -> None:
    async with Answerer("refuse,balance.") as answerer:
        await asking(lab, answerer)
        await lab.phones.call("1001", dialled).wait(State.UP)
    assert answerer.asked == []


async def test_next_trunk_does_not_ask_again(lab: Lab) -> None:
    async with Answerer() as answerer:
        first_is_dead = '[[pbx.trunk]]\nname = "dead"\nmatch = ["PJSIP/dead-*"]\n' + CARRIER
        await asking(lab, answerer, trunks=first_is_dead)
        await lab.phones.call("1001", "9555605").wait(State.UP)
    assert len(answerer.asked) == 1


async def test_timer_that_was_set_before_the_dialplan_comes_to_it_is_left_alone(lab: Lab) -> None:
    async with Answerer("allow,1.") as answerer:
        await asking(lab, answerer)
        lab.carrier.policies["555620"] = answering(after_s=0.5)
        lab.phones.call("1001", "9555620")
        leg = await lab.trunk_leg("555620")
        await lab.ami.action("AbsoluteTimeout", Channel=leg["DestChannel"], Timeout="3")
        done = await lab.done(leg["DestUniqueid"])
    assert done.ended is not None
    assert 2.0 < done.ended - done.answered < 3.0


# ---- nobody answers


@pytest.mark.parametrize(
    "bad",
    [
        Answerer(hangs=True),
        Answerer(delay_s=3.0),
        Answerer("", status=403),
        Answerer("", status=503),
        Answerer("allow,60.", breaks_off_after=6),
        Answerer("allow,60.", breaks_off_after=8),
        Answerer("whatever."),
        Answerer("allow"),
    ],
    ids=["hung", "slow", "403", "503", "broken off", "broken off late", "nonsense", "short"],
)
async def test_without_an_answer_what_was_pushed_holds_within_the_time(
    lab: Lab, bad: Answerer
) -> None:
    async with bad as answerer:
        await asking(lab, answerer)
        await lab.ami.put("rtbill/unaided", "1001", "home:other/1:0")
        assert await set_up(lab.phones.call("1001", "9555606")) < SET_UP_DELAY_S_MAX
        done = await lab.done((await lab.trunk_leg("555606"))["DestUniqueid"])
        assert await lab.phones.call("1001", "90041315550100").ended() == FORBIDDEN
    assert done.ended is not None
    assert 0.95 < done.ended - done.answered < 1.5


async def test_dead_biller_costs_no_time(lab: Lab) -> None:
    async with Answerer() as answerer:
        await asking(lab, answerer, "unaided_cap_s = 0")
    assert await set_up(lab.phones.call("1001", "9555607")) < 0.5
    await lab.ami.put("rtbill/unaided", "1001", "closed")
    assert await lab.phones.call("1001", "9555608").ended() == FORBIDDEN
    assert await refusal(lab) == ("1001", "silent")


async def test_hung_biller_costs_its_time_once_for_all_trunks(lab: Lab) -> None:
    async with Answerer(hangs=True) as answerer:
        first_is_dead = '[[pbx.trunk]]\nname = "dead"\nmatch = ["PJSIP/dead-*"]\n' + CARRIER
        await asking(lab, answerer, trunks=first_is_dead)
        assert await set_up(lab.phones.call("1001", "9555609")) < SET_UP_DELAY_S_MAX


async def test_lock_holds_when_nobody_answers(lab: Lab) -> None:
    async with Answerer("", status=503) as answerer:
        await asking(lab, answerer)
        await lab.ami.put("rtbill/lock", "1001")
        await lab.ami.put("rtbill/unaided", "1001", "open")
        assert await lab.phones.call("1001", "9555610").ended() == FORBIDDEN


async def test_emergency_call_does_not_wait_for_a_hung_biller(lab: Lab) -> None:
    async with Answerer(hangs=True) as answerer:
        await asking(lab, answerer)
        assert await set_up(lab.phones.call("1001", "112")) < 0.5


# ---- several trunks


async def test_second_trunk_carries_what_the_first_cannot(lab: Lab) -> None:
    trunks = '[[pbx.trunk]]\nname = "dead"\nmatch = ["PJSIP/dead-*"]\n' + CARRIER
    await lab.regenerate(Generated(trunks=trunks))
    await lab.phones.call("1001", "9555611").wait(State.UP)
    assert await lab.payer_of("555611") == "1001"
    await lab.phones.call("1002", "112").wait(State.UP)
    assert await lab.payer_of("112") == "1002"


async def test_busy_number_is_not_tried_on_another_trunk(lab: Lab) -> None:
    again = '[[pbx.trunk]]\nname = "again"\nmatch = ["PJSIP/carr*"]\ndial = "PJSIP/%s@carrier"\n'
    await lab.regenerate(Generated(trunks=CARRIER + again))
    lab.carrier.policies["*"] = rejecting(486)
    await lab.phones.call("1001", "9555612").ended()
    assert len(lab.trunk_legs) == 1


async def test_trunk_behind_a_local_channel_is_billed_by_the_real_one(lab: Lab) -> None:
    async with Answerer("allow,1.") as answerer:
        await asking(lab, answerer, trunks=CARRIER + 'dial = "Local/%s@gateway/n"\n')
        await lab.phones.call("1001", "9555613").wait(State.UP)
    assert await lab.payer_of("555613") == "1001"
    done = await lab.done((await lab.trunk_leg("555613"))["DestUniqueid"])
    assert (done.payer, done.number) == ("1001", "555613")
    assert done.ended is not None
    assert 0.95 < done.ended - done.answered < 1.3
    assert await lab.rows("rtbill/live") == []
