"""A call's way from the first event to the balance."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rtbill.billing import STORE_PAUSE_S
from rtbill.chronicle import Answered, Posted
from rtbill.domain.changes import ChangeAccount
from rtbill.domain.events import LinkRestored, LinkTrouble, Snapshot
from rtbill.domain.notice import Notice
from tests.fakes.builders import PBX, a_membership, an_account, at, leg, one_event
from tests.fakes.office import an_office
from tests.fakes.virtual_clock import settle

A_CALL = """
    12:00:00 start 1
    12:00:05 answer 1
    12:01:35 end 1 cause=16
    """
"""90 s at a cent a second: 0.90."""


async def test_a_call_is_priced_debited_and_acknowledged() -> None:
    async with an_office("10.00") as office:
        await office.hear(A_CALL)

        assert await office.calls() == ["1 rated 0.90 room-1"]
        assert await office.balance() == 9_100_000
        assert office.directory.state("room-1").balance_micros == 9_100_000
        assert office.pbx.acknowledged == ["1"]
        assert office.control.running() == []
        assert office.meter.observed["rtbill_hangup_to_commit_seconds"] == [0.0]


async def test_whoever_looks_on_sees_the_answer_and_the_posting() -> None:
    async with an_office() as office:
        await office.hear(A_CALL)

        happened = [each.what for each in office.billing.chronicle.since(0)]
        assert [type(what) for what in happened if not isinstance(what, Notice)] == [
            Answered,
            Posted,
        ]


async def test_an_unanswered_call_is_in_the_books_and_costs_nothing() -> None:
    async with an_office() as office:
        await office.hear("12:00:00 start 1\n12:00:30 end 1")

        assert await office.calls() == ["1 unanswered - room-1"]
        assert await office.balance() == 10_000_000


async def test_a_call_is_acknowledged_only_after_its_commit() -> None:
    async with an_office() as office:
        office.store.is_stuck = True
        await office.hear(A_CALL)
        await office.clock.advance(600)
        assert office.pbx.acknowledged == []
        assert await office.calls() == []

        office.store.commit()
        await settle()

        assert office.pbx.acknowledged == ["1"]


async def test_a_call_that_cannot_be_posted_is_never_acknowledged_and_stops_no_other() -> None:
    async with an_office(
        accounts=[an_account(), an_account("room-2")],
        memberships=[a_membership(), a_membership("room-2", "1002")],
    ) as office:
        del office.store._accounts["room-2"]  # the books and the memory of them disagree
        await office.hear(
            """
            12:00:05 answer 2 payer=1002
            12:00:06 answer 1
            12:00:15 end 2 payer=1002
            12:01:36 end 1
            """
        )

        assert office.pbx.acknowledged == ["1"]
        assert await office.calls() == ["1 rated 0.90 room-1"]
        [alarm] = [each for each in office.alarms.active() if each.kind == "books"]
        assert alarm.subject == "hotel/2"


async def test_a_known_call_is_acknowledged_again_and_posts_nothing() -> None:
    async with an_office() as office:
        await office.hear(A_CALL)
        await office.hear("12:02:00 snapshot; done 1 answered=12:00:05 ended=12:01:35")

        assert office.pbx.acknowledged == ["1", "1"]
        assert await office.balance() == 9_100_000
        assert len(await office.store.transfers("room-1", None, None)) == 2


async def test_the_rows_of_the_outbox_shown_again_before_the_commit_wait_only_once() -> None:
    row = "done 1 answered=12:00:05 ended=12:01:35"
    async with an_office() as office:
        office.store.is_stuck = True
        for minute in range(3, 9):
            await office.hear(f"12:0{minute}:00 snapshot; {row}")
        assert office.store.queued == 1

        office.store.is_stuck = False
        office.store.commit()
        await settle()

        assert office.pbx.acknowledged == ["1"]
        await office.hear(f"12:10:00 snapshot; {row}")
        assert office.pbx.acknowledged == ["1", "1"]


async def test_a_call_in_doubt_that_is_recovered_is_billed_once() -> None:
    async with an_office() as office:
        await office.hear("12:00:05 answer 1\n12:01:00 lost\n12:05:00 back no-outbox")
        assert await office.calls() == ["1 unconfirmed - room-1"]
        assert await office.balance() == 10_000_000
        assert "unconfirmed" in office.alarm_kinds()

        for minute in (6, 7):
            await office.hear(f"12:0{minute}:00 snapshot; done 1 answered=12:00:05 ended=12:01:35")

        assert await office.calls() == ["1 rated 0.90 room-1"]
        assert await office.balance() == 9_100_000
        assert office.alarm_kinds() == []


async def test_a_call_in_doubt_about_its_payer_too_is_billed_to_whom_the_record_names() -> None:
    async with an_office() as office:
        await office.hear("12:00:05 answer 1 payer=-\n12:01:00 lost\n12:05:00 back no-outbox")
        assert await office.calls() == ["1 unconfirmed - suspense"]

        await office.hear("12:06:00 snapshot; done 1 answered=12:00:05 ended=12:01:35")

        assert await office.calls() == ["1 rated 0.90 room-1"]
        assert await office.balance("suspense") == 0


async def test_while_the_store_fails_nothing_is_acknowledged_and_then_it_goes_on() -> None:
    async with an_office() as office:
        office.store.is_stuck = True
        office.store.failing = "disk full"
        for number in range(20):
            await office.hear(f"12:00:05 answer {number}\n12:00:15 end {number}")
        await office.clock.advance(10)
        assert office.pbx.acknowledged == []
        assert "store" in office.alarm_kinds()

        office.store.is_stuck, office.store.failing = False, None
        office.store.commit()
        await office.clock.advance(10)

        assert len(office.pbx.acknowledged) == 20
        assert len(await office.calls()) == 20
        assert "store" not in office.alarm_kinds()


async def test_a_store_that_is_full_holds_back_the_exchange_and_loses_nothing() -> None:
    async with an_office() as office:
        office.store.is_stuck, office.store.queue_max = True, 3
        for number in range(10):
            await office.hear(f"12:00:05 answer {number}\n12:00:15 end {number}")
        await office.clock.advance(10)
        assert office.store.queued == 3
        assert "store" in office.alarm_kinds()

        office.store.is_stuck = False
        office.store.commit()
        await office.clock.advance(STORE_PAUSE_S)

        assert len(await office.calls()) == 10
        assert len(office.pbx.acknowledged) == 10
        assert office.alarm_kinds() == []


async def test_a_call_of_an_unknown_payer_goes_to_suspense_with_an_alarm() -> None:
    async with an_office() as office:
        await office.hear("12:00:05 answer 1 payer=-\n12:01:35 end 1 payer=-")

        assert await office.calls() == ["1 rated 0.90 suspense"]
        assert office.alarm_kinds() == ["suspense"]


async def test_a_call_of_an_unassigned_extension_goes_to_the_house_until_it_is_assigned() -> None:
    async with an_office() as office:
        await office.hear("12:00:05 answer 1 payer=1777\n12:01:35 end 1 payer=1777")
        assert await office.calls() == ["1 rated 0.90 house"]
        assert office.alarm_kinds() == ["house"]

        await office.order("group.add", account="room-1", extension="hotel/1777")

        assert office.alarm_kinds() == []


async def test_a_call_to_a_number_without_rate_is_kept_with_an_alarm() -> None:
    async with an_office() as office:
        await office.hear("12:00:05 answer 1 to=0033155501000\n12:00:25 end 1 to=0033155501000")

        assert await office.calls() == ["1 unrated - room-1"]
        assert office.alarm_kinds() == ["unrated"]
        assert await office.balance() == 10_000_000


# ---------------------------------------------------------------------- the link


async def test_a_lost_link_is_an_alarm_until_it_is_back() -> None:
    async with an_office() as office:
        await office.hear("12:01:00 lost")
        assert office.alarm_kinds() == ["link"]
        assert not office.line.is_up

        await office.hear("12:02:00 back")
        assert office.alarm_kinds() == []
        assert office.line.is_up


@pytest.mark.parametrize("kind", ["login", "unreachable", "frame"])
async def test_trouble_with_the_link_is_over_when_it_is_up(kind: str) -> None:
    async with an_office() as office:
        office.pbx.tell(LinkTrouble(PBX, at("12:01:00"), kind, "what to do"))
        await settle()
        assert office.alarm_kinds() == [kind]

        await office.hear("12:02:00 back")
        assert office.alarm_kinds() == []


async def test_missing_rights_are_an_alarm_until_a_sign_in_finds_none_missing() -> None:
    trouble = LinkTrouble(PBX, at("12:01:00"), "rights", "give the user write=system")
    async with an_office() as office:
        office.pbx.tell(trouble, one_event("12:01:01 back"))
        await settle()
        assert office.alarm_kinds() == ["rights"]

        await office.hear("12:02:00 lost")
        office.pbx.tell(trouble)
        await office.hear("12:03:00 back")
        assert office.alarm_kinds() == ["rights"]

        await office.hear("12:04:00 lost\n12:05:00 back")
        assert office.alarm_kinds() == []


async def test_an_outage_bills_every_call_once_and_cuts_none() -> None:
    async with an_office("100.00") as office:
        await office.hear(
            """
            12:00:05 answer 1
            12:00:06 answer 2
            12:01:00 lost
            12:06:00 back; live 2 answered=12:00:06; done 1 answered=12:00:05 ended=12:03:05; \
                done 3 answered=12:02:00 ended=12:04:00
            12:07:06 end 2
            """
        )

        assert await office.calls() == [
            "1 rated 1.80 room-1",
            "2 rated 4.20 room-1",
            "3 rated 1.20 room-1",
        ]
        assert office.pbx.done("hang_up") == []
        assert sorted(office.pbx.acknowledged) == ["1", "2", "3"]


async def test_an_answered_call_leaves_evidence_until_it_is_settled() -> None:
    async with an_office() as office:
        await office.hear("12:00:05 answer 1")
        [row] = await office.store.live_rows()
        assert row.leg.id == leg("1")

        await office.hear("12:01:35 end 1")
        assert await office.store.live_rows() == []


# ---------------------------------------------------------------------- states in memory


async def test_new_terms_survive_a_posting_that_was_under_way() -> None:
    async with an_office() as office:
        office.store.is_stuck = True
        await office.hear(A_CALL)
        new = an_account(account_class="clinic")
        office.store.commit()
        await office.store.change(ChangeAccount(new))
        office.directory.change_terms(new)
        await settle()

        state = office.directory.state("room-1")
        assert (state.account, state.balance_micros) == (new, 9_100_000)


async def test_a_snapshot_that_had_to_wait_says_nothing_wrong_about_the_clock() -> None:
    async with an_office() as office:
        made_at, made_s = office.clock.now() - timedelta(seconds=2), office.clock.monotonic()
        await office.clock.advance(30)
        waited = Snapshot(PBX, made_at, (), (), (), made_s=made_s)
        office.pbx.tell(waited)
        await settle()
        assert office.line.clock_ahead == timedelta(seconds=2)


async def test_clocks_far_apart_are_an_alarm_until_they_agree() -> None:
    async with an_office() as office:
        two_days = timedelta(days=2)
        early = Snapshot(PBX, office.clock.now() - two_days, (), (), ())
        office.pbx.tell(LinkRestored(PBX, early.at, early, None))
        await settle()
        assert office.alarm_kinds() == ["clock"]

        office.pbx.tell(Snapshot(PBX, office.clock.now(), (), (), ()))
        await settle()
        assert office.alarm_kinds() == []
