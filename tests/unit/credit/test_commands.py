"""What the exchange is ordered to do about running calls, and what never (CC-73)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtbill.credit.commands import NO_LIMIT_S
from rtbill.credit.stances import Stances
from rtbill.domain.account import AccountKind
from rtbill.domain.changes import ChangeAccount
from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.domain.events import CallRefused
from rtbill.domain.stance import Stance
from tests.fakes.builders import PBX, a_membership, a_rate, a_tariff, an_account, at
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle


async def test_a_prepaid_call_is_limited_at_its_answer_to_what_is_held_for_it() -> None:
    async with an_office("0.90") as office:
        await office.hear("12:00:00 start 1\n12:00:05 answer 1")

        (hold,) = office.directory.state("room-1").holds
        assert hold.granted_s == 60
        assert office.pbx.commands == [("limit", "1", 59.5)]


async def test_terms_that_become_postpaid_lift_the_timer_in_the_exchange() -> None:
    async with an_office("0.90") as office:
        await office.hear("12:00:05 answer 1")
        postpaid = an_account(kind=AccountKind.POSTPAID, limit="50.00")
        await office.store.change(ChangeAccount(postpaid))
        office.directory.change_terms(postpaid)
        await office.billing.reassess(["room-1"])
        await settle()

        assert office.pbx.done("limit")[-1] == ("1", NO_LIMIT_S)


@pytest.mark.parametrize("error", [Unavailable("no link"), OutcomeUnknown("no answer")])
async def test_a_failed_command_is_repeated_then_alarmed_then_cleared(
    error: Unavailable | OutcomeUnknown,
) -> None:
    async with an_office("5.00") as office:
        office.pbx.fail("limit", error, error, error)
        await office.hear("12:00:05 answer 1")
        assert office.pbx.attempts == ["limit"]
        await office.clock.advance(1)
        assert office.pbx.attempts == ["limit"] * 2
        await office.clock.advance(1)
        assert office.pbx.attempts == ["limit"] * 3
        assert office.alarm_kinds() == ["command"]

        await office.clock.advance(2)

        assert office.pbx.done("limit") == [("1", 59.5)]
        assert office.alarm_kinds() == []


async def test_a_limit_of_which_no_answer_came_is_ordered_again_though_the_old_one_is_wanted() -> (
    None
):
    async with an_office("5.00") as office:
        office.pbx.fail("limit", OutcomeUnknown("no answer"))
        await office.hear("12:00:05 answer 1")
        await office.clock.advance(1)

        assert office.pbx.attempts == ["limit", "limit"]
        assert office.pbx.done("limit") == [("1", 59.5)]


@pytest.mark.parametrize(("late", "orders"), [(0, 1), (1, 2), (2, 3), (3, 3), (4, 3)])
async def test_a_limit_that_was_confirmed_late_is_ordered_anew_but_not_without_end(
    late: int, orders: int
) -> None:
    async with an_office("5.00") as office:
        office.pbx.late_limits = [lambda: None] * late
        await office.hear("12:00:05 answer 1")

        assert office.pbx.done("limit") == [("1", 59.5)] * orders


@pytest.mark.parametrize("wanted_s", [0.0, 20.0])
async def test_after_a_late_confirmation_what_is_wanted_by_then_is_ordered(wanted_s: float) -> None:
    async with an_office("5.00") as office:

        def less() -> None:
            [running] = office.control.running()
            running.wanted_s = wanted_s

        office.pbx.late_limits = [less]
        await office.hear("12:00:05 answer 1")

        last = ("limit", "1", wanted_s) if wanted_s else ("hang_up", "1")
        assert office.pbx.commands == [("limit", "1", 59.5), last]


async def test_a_command_for_a_call_that_is_over_is_not_repeated() -> None:
    async with an_office("5.00") as office:
        office.pbx.fail("limit", Unavailable("no link"))
        await office.hear("12:00:05 answer 1")
        await office.hear("12:00:06 end 1")
        await office.clock.advance(60)

        assert office.pbx.attempts == ["limit"]


async def test_a_call_that_outlives_its_timer_is_hung_up_until_it_ends() -> None:
    async with an_office("0.90") as office:
        await office.hear("12:00:05 answer 1")
        await office.clock.advance(94)
        assert office.pbx.done("hang_up") == []

        await office.clock.advance(4)
        assert office.pbx.done("hang_up")[0] == ("1",)

        await office.hear("12:01:37 end 1 cut=biller")
        cut = len(office.pbx.done("hang_up"))
        await office.clock.advance(60)
        assert len(office.pbx.done("hang_up")) == cut


@pytest.mark.parametrize("behind_s", [-300, 300])
async def test_an_exchange_whose_clock_is_wrong_has_its_calls_cut_no_earlier(
    behind_s: int,
) -> None:
    async with an_office("0.90") as office:
        office.clock.step(behind_s)
        await office.hear("12:00:00 snapshot\n12:00:05 answer 1")
        await office.clock.advance(94)
        assert office.pbx.done("hang_up") == []

        await office.clock.advance(4)
        assert office.pbx.done("hang_up")[0] == ("1",)


async def test_nothing_is_cut_while_the_link_is_lost() -> None:
    async with an_office("0.90") as office:
        await office.hear("12:00:05 answer 1\n12:00:10 lost")
        await office.clock.advance(600)

        assert office.pbx.done("hang_up") == []
        assert len(office.control.running()) == 1


async def test_a_call_of_which_nothing_can_be_paid_is_refused_at_the_dial() -> None:
    async with an_office("0.50", tariff=a_tariff(a_rate("60/60", "0.60"))) as office:
        await office.hear("12:00:00 start 1")

        assert office.pbx.commands == [("hang_up", "1")]
        refused = [each.what for each in office.billing.chronicle.since(0)]
        assert CallRefused(PBX, at("12:00:00"), "1001", "0041315550100", "balance") in refused


@pytest.mark.parametrize("kind", AccountKind)
async def test_a_call_dearer_than_its_class_may_pay_is_refused_at_the_dial(
    kind: AccountKind,
) -> None:
    ceilings = {"standard": 599_999}
    async with an_office("50", accounts=[an_account(kind=kind)], ceilings=ceilings) as office:
        await office.hear("12:00:00 start 1")

        assert office.pbx.commands == [("hang_up", "1")]
        refused = [each.what for each in office.billing.chronicle.since(0)]
        assert CallRefused(PBX, at("12:00:00"), "1001", "0041315550100", "dear") in refused


async def test_a_postpaid_call_is_ended_by_its_rate_as_a_prepaid_one_is() -> None:
    rate = a_rate()
    short = a_tariff(replace(rate, terms=replace(rate.terms, call_max_s=90)))
    postpaid = [an_account(kind=AccountKind.POSTPAID)]
    async with an_office("0", accounts=postpaid, tariff=short) as office:
        await office.hear("12:00:05 answer 1")

        assert office.pbx.commands == [("limit", "1", 89.5)]


async def test_after_our_restart_live_calls_are_limited_again() -> None:
    async with an_office("0.90") as office:
        await office.hear("12:00:20 back; live 1 answered=12:00:05")

        assert office.pbx.done("limit")[-1][0] == "1"
        (hold,) = office.directory.state("room-1").holds
        assert office.pbx.done("limit")[-1] == ("1", hold.granted_s - 0.5)


# ---------------------------------------------------------------------- emergency calls


async def _locked_by_hand_and_without_money(office: Office) -> None:
    await office.order("lock", extension="1001")
    await office.hear("12:00:01 answer 99\n12:30:01 end 99")
    assert office.directory.state("room-1").balance_micros < 0
    office.pbx.commands.clear()
    await office.waiting()


@pytest.mark.parametrize("number", ["112", "110"])
async def test_an_emergency_call_of_a_locked_exhausted_account_is_told_and_left_alone(
    number: str,
) -> None:
    async with an_office("0.05", memberships=[a_membership(person="Kim Lee")]) as office:
        await _locked_by_hand_and_without_money(office)
        before = await office.balance()
        await office.hear(f"12:40:00 start 1 to={number}")

        told = [each for each in await office.waiting() if each.kind == "call.emergency"]
        assert [(each.subject, each.text) for each in told] == [
            ("hotel/1", f"extension 1001 (Kim Lee) called {number}")
        ]

        await office.hear(f"12:40:05 answer 1 to={number}")
        await office.clock.advance(5 * 3600)
        await office.hear(f"17:40:05 end 1 to={number}")

        assert office.pbx.done("limit") == []
        assert office.pbx.done("hang_up") == []
        assert "1 free - room-1" in await office.calls()
        assert await office.balance() == before
        assert [each for each in await office.waiting() if each.kind == "call.emergency"] == []


@pytest.mark.parametrize(
    "news",
    [
        "12:40:05 answer 1 to=112",
        "12:40:05 back; live 1 answered=12:39:00 to=112",
        "12:40:05 back; done 1 answered=12:39:00 ended=12:39:30 to=112",
        "12:40:05 snapshot; done 1 answered=12:39:00 ended=12:39:30 to=112\n"
        "12:41:05 snapshot; done 1 answered=12:39:00 ended=12:39:30 to=112",
    ],
)
async def test_an_emergency_call_is_told_once_however_we_come_to_know_of_it(news: str) -> None:
    async with an_office() as office:
        await office.hear(news)

        told = [each for each in await office.waiting() if each.kind == "call.emergency"]
        assert len(told) == 1


async def test_an_emergency_call_is_told_once_though_its_beginning_is_heard_after_its_end() -> None:
    async with an_office() as office:
        await office.hear("12:40:05 back; done 1 answered=12:39:00 ended=12:39:30 to=112")
        await office.hear("12:38:55 start 1 to=112")

        told = [each for each in await office.waiting() if each.kind == "call.emergency"]
        assert len(told) == 1
        assert office.line.emergencies == set()


async def test_an_emergency_call_dialled_unanswered_is_told_too_and_once() -> None:
    async with an_office() as office:
        await office.hear("12:40:00 start 1 to=112\n12:40:00 start 1 to=112\n12:40:03 end 1 to=112")

        told = [each for each in await office.waiting() if each.kind == "call.emergency"]
        assert len(told) == 1
        assert office.line.emergencies == set()


EVASION = "12:00:00 start 1 payer=- let_out_by=PJSIP/1002-00000007"


async def test_a_call_that_a_telephone_sent_out_by_itself_is_hung_up_and_told() -> None:
    async with an_office() as office:
        await office.hear(EVASION)

        assert office.pbx.done("hang_up") == [("1",)]
        [told] = [each for each in await office.waiting() if each.kind == "call.evasion"]
        assert "PJSIP/1002-00000007" in told.text


async def test_it_is_hung_up_though_it_was_answered_before_the_order_arrived() -> None:
    async with an_office() as office:
        office.pbx.fail("hang_up", Unavailable("no link"))
        await office.hear(EVASION)
        await office.hear("12:00:01 answer 1 payer=-")
        await office.clock.advance(5)

        assert office.pbx.done("hang_up")[-1] == ("1",)
        await office.hear("12:00:06 end 1 payer=-")
        assert office.line.barred == set()


async def test_an_emergency_call_is_never_hung_up_however_it_was_sent_out() -> None:
    async with an_office() as office:
        await office.hear(f"{EVASION} to=112")

        assert office.pbx.done("hang_up") == []


async def test_it_is_told_though_it_is_over_when_its_beginning_is_heard() -> None:
    async with an_office() as office:
        await office.hear("12:00:20 back; done 1 answered=12:00:02 ended=12:00:10")
        await office.hear(EVASION)

        assert office.pbx.done("hang_up") == []
        assert "call.evasion" in [each.kind for each in await office.waiting()]


async def test_an_exchange_that_is_only_observed_lets_it_go_and_it_is_told() -> None:
    async with an_office(stances=Stances({PBX: Stance.OBSERVE})) as office:
        await office.hear(EVASION)

        assert office.pbx.done("hang_up") == []
        assert [each.kind for each in await office.waiting()] == ["call.evasion"]
        [observed] = await office.observed()
        assert observed.endswith("would be refused: PJSIP/1002-00000007 sent it out by itself")
