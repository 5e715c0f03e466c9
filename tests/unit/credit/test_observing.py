"""An exchange that is only observed: all is priced, nothing is done, and it is told what would be.

The tariff takes a cent a second, the first minute whole.
"""

from __future__ import annotations

from typing import Any

import pytest

from rtbill import jobs
from rtbill.credit.stances import Stances
from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE, Account, AccountKind
from rtbill.domain.changes import AddObservations, Change
from rtbill.domain.errors import Unavailable
from rtbill.domain.observation import ObservationFilter
from rtbill.domain.stance import Stance
from rtbill.exchanges.enforcement import Policy
from tests.fakes.books import an_observation
from tests.fakes.builders import PBX, SWITZERLAND, a_membership, an_account
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

OBSERVED = Stances({PBX: Stance.OBSERVE})
WARNED = Stances({PBX: Stance.WARN})
TWO_MINUTES = "12:00:00 answer 1\n12:02:00 end 1"
NUMBER = "+41315550100"


def orders(office: Office) -> list[tuple[object, ...]]:
    """What the exchange was told to do; reading is none of it."""
    return [each for each in office.pbx.commands if each[0] not in ("services", "unaided")]


@pytest.mark.parametrize("stances", [OBSERVED, WARNED])
async def test_a_call_beyond_its_money_goes_on_is_debited_and_the_excess_is_told(
    stances: Stances,
) -> None:
    async with an_office("0.90", stances=stances) as office:
        await office.hear(TWO_MINUTES)

        assert await office.calls() == ["1 rated 1.20 room-1"]
        assert await office.balance() == -300_000
        assert orders(office) == []
        assert office.pbx.held == {}
        assert (await office.observed())[-1] == (
            f"cut 1001: the call to {NUMBER} would have been cut after 89.5 s; "
            "it talked 30.5 s more for 0.30 EUR"
        )


async def test_a_call_within_its_money_is_no_observation() -> None:
    async with an_office("1.21", stances=OBSERVED) as office:
        await office.hear(TWO_MINUTES)

        assert await office.observed() == []


async def test_an_enforced_call_is_no_observation_though_it_ends_late() -> None:
    async with an_office("0.90") as office:
        for event in TWO_MINUTES.splitlines():
            await office.hear(event)

        assert office.pbx.done("limit") == [("1", 59.5)]
        assert await office.observed() == []


async def test_the_lock_left_undone_is_told_with_the_debit_and_its_lifting_with_the_credit() -> (
    None
):
    async with an_office("1.20", stances=OBSERVED) as office:
        await office.hear(TWO_MINUTES)
        assert office.directory.state("room-1").service == LOCKED_SERVICE, (
            "it is wanted all the same"
        )
        assert office.wanted() == OPEN_SERVICE
        await office.credit("5.00")

        assert [each for each in await office.observed() if not each.startswith("cut")] == [
            "lock 1001: hotel/1001 would be locked: outgoing locked, incoming ring; 0.00 EUR left",
            "open 1001: hotel/1001 would be opened: outgoing open, incoming ring; 5.00 EUR left",
        ]
        assert orders(office) == []


async def test_a_lock_stays_one_observation_however_often_its_call_is_told() -> None:
    async with an_office("1.20", stances=OBSERVED) as office:
        await office.hear(TWO_MINUTES)
        before = await office.observed()
        await office.hear("12:03:00 snapshot; done 1 answered=12:00:00 ended=12:02:00")
        await office.hear("12:04:00 lost\n12:05:00 back; done 1 answered=12:00:00 ended=12:02:00")

        assert await office.observed() == before


async def test_every_extension_of_a_group_is_named_in_one_observation() -> None:
    members = [a_membership(number=number) for number in ("1002", "1001")]
    async with an_office("1.20", memberships=members, stances=OBSERVED) as office:
        await office.hear(TWO_MINUTES)

        assert [each for each in await office.observed() if each.startswith("lock")] == [
            "lock None: hotel/1001, 1002 would be locked: outgoing locked, incoming ring; "
            "0.00 EUR left"
        ]


async def test_a_call_that_could_not_pay_its_first_increment_is_let_through_and_told() -> None:
    async with an_office("0.59", stances=OBSERVED) as office:
        await office.hear("12:00:00 start 1")
        await office.hear("12:00:05 answer 1\n12:00:35 end 1")

        assert orders(office) == []
        assert await office.calls() == ["1 rated 0.60 room-1"]
        told = [each for each in await office.observed() if not each.startswith("lock")]
        assert told == [
            f"refuse 1001: the call to {NUMBER} would be refused: account room-1 cannot pay the "
            "first increment: 0.59 EUR left",
            f"cut 1001: the call to {NUMBER} would have been refused; it talked 30.0 s more for "
            "0.60 EUR",
        ]
        totals = await office.store.observed_totals(ObservationFilter())
        assert (totals.refused, totals.cut) == (1, 0), "one call is counted once"
        assert totals.beyond_micros == {"EUR": 600_000}, "none of it would have been spent"


async def test_a_call_of_an_account_that_would_be_locked_is_refused_though_it_could_be_paid() -> (
    None
):
    policies = {"standard": Policy(exhausted_below_micros=1_000_000)}
    async with an_office("2.00", policies=policies, stances=OBSERVED) as office:
        await office.hear("12:00:00 answer 1\n12:01:50 end 1")  # 0.90 are left
        await office.hear("12:03:00 start 2\n12:03:09 end 2")

        assert (await office.observed())[-1] == (
            f"refuse 1001: the call to {NUMBER} would be refused: account room-1 is locked: "
            "0.90 EUR left"
        )


async def test_a_call_that_would_be_refused_and_is_not_answered_costs_nothing_beyond() -> None:
    async with an_office("0.59", stances=OBSERVED) as office:
        await office.hear("12:00:00 start 1\n12:00:09 end 1")

        assert [each.split()[0] for each in await office.observed()] == ["refuse"]


@pytest.mark.parametrize("dialled", ["112", "08001234567"])
async def test_emergency_and_free_calls_are_no_observations(dialled: str) -> None:
    async with an_office("0.02", stances=OBSERVED) as office:
        await office.hear(
            f"12:00:00 start 1 to={dialled}\n12:00:05 answer 1 to={dialled}\n"
            f"12:09:00 end 1 to={dialled}"
        )

        assert await office.observed() == []


async def test_a_ringing_call_shown_again_after_a_gap_is_refused_once() -> None:
    async with an_office("0", stances=OBSERVED) as office:
        await office.hear("12:00:00 start 1")
        await office.hear("12:00:01 start 1")

        assert [each.split()[0] for each in await office.observed()] == ["refuse"]


async def test_a_refusal_is_kept_as_soon_as_the_books_can_be_written_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office("0", stances=OBSERVED) as office:
        keep, failures = office.store.change, [Unavailable("disk full")]

        async def change(change: Any) -> None:
            if failures:
                raise failures.pop()
            await keep(change)

        monkeypatch.setattr(office.store, "change", change)
        await office.hear("12:00:00 start 1")
        assert await office.observed() == []

        await office.clock.advance(jobs.OBSERVATIONS_PAUSE_S)

        assert [each.split()[0] for each in await office.observed()] == ["refuse"]


async def test_of_too_many_refusals_that_cannot_be_kept_the_newest_are_lost_with_an_alarm() -> None:
    async with an_office("0", stances=OBSERVED) as office:
        waiting = office.billing.observations
        for number in range(waiting.WAITING_MAX + 2):
            waiting.add(an_observation(f"refuse:hotel/{number}", call=f"hotel/{number}"))
        await settle()

        kept = await office.store.observed_totals(ObservationFilter())
        assert kept.refused == waiting.WAITING_MAX
        [alarm] = office.alarms.active()
        assert (alarm.kind, alarm.text) == (
            "observations",
            "2 were not kept: the books could not be written for too long, or refused them; "
            "the log names those",
        )


async def test_an_observation_that_the_books_refuse_ends_nothing_and_loses_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office("0", stances=OBSERVED) as office:
        change = office.store.change

        async def refusing(wanted: Change) -> None:
            if isinstance(wanted, AddObservations):
                assert "bad" not in [each.text for each in wanted.observations]
            await change(wanted)

        monkeypatch.setattr(office.store, "change", refusing)
        for number, text in enumerate(("good", "bad", "fine")):
            call = f"hotel/{number}"
            office.billing.observations.add(an_observation(f"refuse:{call}", call=call, text=text))
        await settle()

        assert [each.rpartition(" ")[2] for each in await office.observed()] == ["good", "fine"]
        assert office.alarm_kinds() == ["observations"]


# ---------------------------------------------------------------------- where a cut would have been


async def test_money_received_before_the_limit_moves_the_cut() -> None:
    async with an_office("0.90", stances=OBSERVED) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(80)
        await office.credit("0.20")
        await office.clock.advance(40)
        await office.hear("12:02:00 end 1")

        assert "cut after 109.5 s; it talked 10.5 s more for 0.10" in (await office.observed())[-1]


async def test_money_received_after_the_limit_would_have_come_too_late() -> None:
    async with an_office("0.90", stances=OBSERVED) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(100)
        await office.credit("5.00")
        await office.clock.advance(20)
        await office.hear("12:02:00 end 1")

        assert "cut after 89.5 s; it talked 30.5 s more for 0.30" in (await office.observed())[-1]


async def test_a_call_whose_money_another_call_spends_would_have_been_cut_then() -> None:
    members = [a_membership(), a_membership(number="1002")]
    async with an_office("2.00", memberships=members, stances=OBSERVED) as office:
        await office.hear("12:00:00 answer 1\n12:00:00 answer 2 payer=1002")
        await office.clock.advance(120)
        await office.hear("12:02:00 end 2 payer=1002")  # 0.80 are left, 1.20 are talked
        await office.clock.advance(30)
        await office.hear("12:02:30 end 1")

        told = [each for each in await office.observed() if each.startswith("cut")]
        assert told == [
            f"cut 1001: the call to {NUMBER} would have been cut after 120.0 s; it talked 30.0 s "
            "more for 0.30 EUR"
        ]


async def test_a_call_without_a_price_is_told_by_its_seconds() -> None:
    async with an_office("5.00", stances=OBSERVED) as office:
        await office.hear("12:00:00 answer 1 to=0033155501000\n12:02:00 end 1 to=0033155501000")

        assert await office.observed() == [
            "cut 1001: the call to +33155501000 would have been cut after 60.0 s; it talked 60.0 s "
            "more at an unknown price"
        ]


# ---------------------------------------------------------------------- who hears of it


async def kinds(stances: Stances, **what: Any) -> list[str]:
    """Notices of an account that falls below the threshold, then runs out, then pays."""
    policies = {"standard": Policy(low_balance_micros=1_000_000)}
    async with an_office("2.00", policies=policies, stances=stances, **what) as office:
        await office.waiting()
        await office.hear("12:00:00 answer 1\n12:01:50 end 1")
        await office.hear("12:02:00 answer 2\n12:05:00 end 2")
        await office.credit("5.00")
        notices = await office.waiting()
        assert {each.subject for each in notices} == {"room-1"}
        return [each.kind for each in notices]


async def test_where_all_is_enforced_the_holder_hears_what_is_done() -> None:
    assert await kinds(Stances()) == ["balance.low", "service.locked", "service.opened"]


async def test_where_it_is_observed_only_the_operator_hears() -> None:
    assert await kinds(OBSERVED) == ["service.would_lock", "service.would_open"]


async def test_where_it_is_warned_the_holder_hears_too() -> None:
    assert await kinds(WARNED) == [
        "balance.low",
        "service.would_lock",
        "service.warning",
        "service.would_open",
    ]


async def test_the_stance_of_the_class_holds_where_it_is_milder_than_the_exchange_s() -> None:
    office_account: list[Account] = [an_account(account_class="standard")]
    stances = Stances({PBX: Stance.ENFORCE}, {"standard": Stance.OBSERVE})

    assert await kinds(stances, accounts=office_account) == [
        "service.would_lock",
        "service.would_open",
    ]


# ---------------------------------------------------------------------- what stays effective


async def test_a_lock_by_hand_holds_where_money_is_only_observed() -> None:
    async with an_office("1.20", stances=OBSERVED) as office:
        await office.order("lock", extension="1001")
        assert office.pbx.held == {"1001": LOCKED_SERVICE}
        await office.hear(TWO_MINUTES)
        await office.order("unlock", extension="1001")

        assert office.pbx.held == {}, "the lock for money is not carried out"


async def test_an_account_that_moves_into_an_enforced_class_is_locked_and_cut_at_once() -> None:
    stances = Stances({}, {"trial": Stance.OBSERVE, "standard": Stance.ENFORCE})
    trial = an_account(account_class="trial")
    policies = {"trial": Policy(), "standard": Policy()}
    async with an_office("0", accounts=[trial], policies=policies, stances=stances) as office:
        await office.hear("12:00:00 answer 1")
        assert orders(office) == []
        csv = (
            "account,name,kind,currency,class,pbx,extension\nroom-1,Room-1,prepaid,EUR,standard,,\n"
        )
        answer = await office.order("accounts.import", csv=csv, apply=True)
        assert answer["problems"] == []

        assert office.pbx.done("hang_up") == [("1",)]
        assert office.pbx.held == {"1001": LOCKED_SERVICE}


async def test_a_postpaid_account_beyond_its_limit_is_told_as_locked_and_never_as_cut() -> None:
    account = an_account(kind=AccountKind.POSTPAID, limit="1.00")
    async with an_office("0", accounts=[account], stances=OBSERVED) as office:
        await office.hear(TWO_MINUTES)
        await office.hear("12:05:00 start 2")
        await office.hear("12:05:01 answer 2\n12:06:00 end 2")

        assert [each.split(":")[0] for each in await office.observed()] == [
            "lock 1001",
            "refuse 1001",
            "cut 1001",
        ]


def test_the_tests_dial_what_they_say() -> None:
    assert "+" + SWITZERLAND.removeprefix("00") == NUMBER
