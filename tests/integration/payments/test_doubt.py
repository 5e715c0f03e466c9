"""What goes wrong between us and providers: whatever it is, who paid is credited once."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from simulator.cashless_tricks import Trick
from tests.integration.payments.hall import PayingHall, paying_hall, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
AT_ONCE = "10.00"
"""A threshold above what every room has: credit is bought as soon as it is agreed to."""
SENT_AGAIN_S = 45.0
"""A provider without time is asked again after half a minute; with room for a busy machine."""
SPOILT = {"duplicate": 1.0, "reorder": 0.5, "forge": 1.0}
_LINK = re.compile(r"http://localhost:\d+/pay/[A-Za-z0-9_-]{43}")


async def test_a_bank_that_wants_its_holder_is_answered_by_the_mailed_link(
    tmp_path: Path, prepared: Path
) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        await hall.with_card("room-1001", AT_ONCE, "10.00", "authentication_required")
        await until(lambda: bool(hall.letters("room-1001")), "no mail came")
        assert (hall.states("room-1001"), hall.taken("room-1001")) == (["action needed"], [])
        link = _LINK.search(hall.letters("room-1001")[0])
        assert link is not None
        holder = hall.holder()
        await holder.come_in(link[0])
        assert holder.path == "/pay/confirm"
        await holder.go("/pay/confirm")
        text = await holder.at_the_provider("confirm")
        assert "10.00 EUR of telephone credit were bought" in text
        assert hall.credits("room-1001") == hall.taken("room-1001") == [1000]
        assert hall.intents("room-1001") == 1


@pytest.mark.parametrize("webhooks", [SPOILT, {"lose": 1.0}])
async def test_a_success_after_we_gave_up_waiting_is_credited_once(
    tmp_path: Path, prepared: Path, webhooks: dict[str, float]
) -> None:
    """Webhooks come twice, in another order and beside forged ones, or none comes at all."""
    async with paying_hall(tmp_path, prepared) as hall:
        hall.cards.spoil_webhooks(1, **webhooks)
        hall.cards.plan_fault("late_work", "confirm", seconds=4.0)
        await hall.with_card("room-1001", AT_ONCE, "10.00")
        await until(lambda: hall.states("room-1001") == ["unknown"], "it is not in doubt")
        assert hall.credits("room-1001") == []
        await until(lambda: hall.credits("room-1001") != [], "nobody found that it was paid", 30)
        await until(hall.has_heard_all, "webhooks are left")
        assert hall.states("room-1001") == ["approved"]
        assert hall.credits("room-1001") == hall.taken("room-1001") == [1000]
        assert hall.intents("room-1001") == 1
        assert (hall.cards.webhooks.refused > 0) is (webhooks is SPOILT)
        assert (hall.cards.webhooks.sent > 0) is (webhooks is SPOILT)


@pytest.mark.parametrize(
    ("kind", "path", "state"),
    [
        ("late_reply", "payment_intents", "asked"),
        ("late_work", "confirm", "sent"),
        ("late_reply", "confirm", "sent"),
    ],
)
async def test_a_kill_while_a_provider_is_asked_leaves_one_charge_and_one_credit(
    tmp_path: Path, prepared: Path, kind: str, path: str, state: str
) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        hall.cards.spoil_webhooks(lose=1.0)
        hall.cards.plan_fault(kind, path, seconds=1.9)
        _, card = await hall.with_card("room-1001", AT_ONCE, "10.00")
        await until(lambda: hall.states("room-1001") == [state], f"it is not {state}", 1.5)
        await until(lambda: hall.intents("room-1001") == 1, "the provider heard nothing", 1.5)
        hall.biller.kill9()
        assert (hall.states("room-1001"), hall.credits("room-1001")) == ([state], [])
        hall.biller.start()
        await hall.biller.ready()
        await until(lambda: hall.states("room-1001") == ["approved"], "it is not settled", 30)
        assert hall.methods("room-1001") == [card]
        assert hall.credits("room-1001") == hall.taken("room-1001") == [1000]
        assert hall.intents("room-1001") == 1


async def is_bought_after_a_start(hall: PayingHall) -> None:
    """One charge, one credit, whatever stood in the books when the process died."""
    hall.biller.start()
    await hall.biller.ready()
    await until(lambda: hall.states("room-1001") == ["approved"], "it is not settled", SENT_AGAIN_S)
    assert hall.credits("room-1001") == hall.taken("room-1001") == [1000]
    assert hall.intents("room-1001") == 1


async def test_a_kill_between_the_answer_of_create_and_its_commit_leaves_one_charge(
    tmp_path: Path, prepared: Path
) -> None:
    """Somebody else writes to the books when the answer comes: it is read, and cannot be kept."""
    async with paying_hall(tmp_path, prepared) as hall:
        hall.cards.spoil_webhooks(lose=1.0)
        hall.cards.plan_fault("late_reply", "payment_intents", seconds=1.0)
        await hall.with_card("room-1001", AT_ONCE, "10.00")
        await until(lambda: hall.intents("room-1001") == 1, "the provider heard nothing", 1.5)
        with closing(sqlite3.connect(hall.biller.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(1.5)  # the answer is on its way for one second of it
            hall.biller.kill9()
        assert (hall.states("room-1001"), hall.taken("room-1001")) == (["asked"], [])
        await is_bought_after_a_start(hall)


async def test_a_kill_between_create_and_confirm_leaves_one_charge_and_one_credit(
    tmp_path: Path, prepared: Path
) -> None:
    """The provider has no time for the confirmation, so that it stands still between the two."""
    async with paying_hall(tmp_path, prepared) as hall:
        hall.cards.spoil_webhooks(lose=1.0)
        hall.cards.plan_fault("busy", "confirm", times=3)
        await hall.with_card("room-1001", AT_ONCE, "10.00")
        refused = "SELECT count(*) FROM top_up_event WHERE event = 'not sent'"
        await until(lambda: hall.biller.query(refused) == [(1,)], "it was confirmed")
        hall.biller.kill9()
        assert (hall.states("room-1001"), hall.taken("room-1001")) == (["created"], [])
        assert hall.intents("room-1001") == 1
        await is_bought_after_a_start(hall)


@pytest.mark.timeout(180)
async def test_a_provider_that_takes_two_requests_a_second_gets_all_and_declines_none(
    tmp_path: Path, prepared: Path
) -> None:
    rooms = [f"room-{number}" for number in range(1001, 1006)]
    async with paying_hall(tmp_path, prepared) as hall:
        hall.cards.spoil_webhooks(lose=1.0)
        holders = [await hall.visitor(room) for room in rooms]
        for holder in holders:
            await holder.give_card("visa")
        hall.cards.api.per_second_max = 2
        terms = {"threshold": AT_ONCE, "increment": "10.00", "month_max": "1000.00"}
        async with asyncio.TaskGroup() as group:
            for holder in holders:
                group.create_task(holder.agree_to(**terms))
        bought = lambda: all(hall.states(room) == ["approved"] for room in rooms)  # noqa: E731
        await until(bought, "not all bought", 3 * SENT_AGAIN_S)
        assert hall.cards.api.over_limit > 0
        assert [hall.credits(room) for room in rooms] == [[1000]] * 5
        assert [hall.taken(room) for room in rooms] == [[1000]] * 5
        assert [hall.intents(room) for room in rooms] == [1] * 5
        declined = "SELECT count(*) FROM top_up_event WHERE event LIKE '%decline%'"
        assert hall.biller.query(declined) == [(0,)]
        assert all(hall.is_open(room.removeprefix("room-")) for room in rooms)


@pytest.mark.parametrize("who_tells", ["webhook", "nobody"])
async def test_a_card_is_kept_though_the_service_was_killed_while_it_was_given(
    tmp_path: Path, prepared: Path, who_tells: str
) -> None:
    """The holder does not come back: a webhook after the restart tells, or else the start asks."""
    async with paying_hall(tmp_path, prepared) as hall:
        if who_tells == "nobody":
            hall.cards.spoil_webhooks(lose=1.0)
        holder = await hall.visitor("room-1001")
        await holder.read("/pay/card")
        await holder.go("/pay/card", agree="yes")
        hall.biller.kill9()
        if who_tells == "nobody":
            await holder.save_at_the_provider("visa")
        hall.biller.start()
        await hall.biller.ready()
        if who_tells == "webhook":
            assert hall.methods("room-1001") == []
            await holder.save_at_the_provider("visa")
        await until(lambda: len(hall.methods("room-1001")) == 1, "the card is not kept")
        await until(hall.has_heard_all, "webhooks are left")
        assert hall.methods("room-1001") == [
            each["id"] for each in hall.cards.books.all_of("payment_method")
        ]
        assert hall.biller.query("SELECT count(*) FROM set_up") == [(0,)]


async def test_a_card_of_the_house_pays_and_another_is_declined(
    tmp_path: Path, prepared: Path
) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        await hall.with_purse("room-1001", "4711", AT_ONCE, "10.00")
        await hall.with_purse("room-1002", "4712", AT_ONCE, "10.00")
        await until(lambda: hall.states("room-1001") == ["approved"], "it was not bought")
        await until(lambda: hall.states("room-1002") == ["declined"], "it was not declined")
        assert hall.credits("room-1001") == hall.drawn("4711") == [1000]
        assert hall.credits("room-1002") == hall.drawn("4712") == []


@pytest.mark.parametrize("act", ["authorise", "capture"])
async def test_a_silent_provider_of_house_cards_is_looked_up(
    tmp_path: Path, prepared: Path, act: str
) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        hall.house.tricks.plan(act, Trick.LOST)
        await hall.with_purse("room-1001", "4711", AT_ONCE, "10.00")
        await until(lambda: hall.states("room-1001") == ["unknown"], "it is not in doubt")
        await until(lambda: hall.states("room-1001") == ["approved"], "it is not looked up", 30)
        assert hall.credits("room-1001") == hall.drawn("4711") == [1000]


async def test_money_that_goes_back_is_taken_by_what_it_is(tmp_path: Path, prepared: Path) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        hall.cards.spoil_webhooks(1, **SPOILT)
        await hall.with_card("room-1001", AT_ONCE, "10.00")
        await until(lambda: hall.credits("room-1001") == [1000], "it was not bought")
        assert hall.balance("room-1001") == 16_000_000
        ((reference, _),) = hall.top_ups("room-1001")

        await hall.order(*("pay", "refund", reference, "--amount", "4.00", "--reason", "moved out"))
        assert hall.balance("room-1001") == 12_000_000
        hall.cards.refund(hall.payment("room-1001"), 300)
        await until(lambda: hall.balance("room-1001") == 9_000_000, "a refund was not heard of")
        await until(hall.has_heard_all, "webhooks are left")
        assert hall.balance("room-1001") == 9_000_000
        charge = hall.cards.books.all_of("charge")[0]
        assert charge["amount_refunded"] == 700


async def test_a_dispute_takes_the_money_and_its_end_gives_it_back(
    tmp_path: Path, prepared: Path
) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        hall.cards.spoil_webhooks(1, **SPOILT)
        await hall.with_card("room-1001", AT_ONCE, "10.00")
        await until(lambda: hall.credits("room-1001") == [1000], "it was not bought")
        dispute = hall.cards.payments.dispute(hall.payment("room-1001"))
        await until(lambda: hall.balance("room-1001") == 6_000_000, "nobody heard of the dispute")
        await until(hall.has_heard_all, "webhooks are left")
        assert hall.states("room-1001") == ["reversed"]
        status = await hall.order("pay", "status", "room-1001")
        assert "stopped" in status
        hall.cards.payments.reinstate(dispute["id"])
        await until(lambda: hall.balance("room-1001") == 16_000_000, "it was not given back")
        await until(hall.has_heard_all, "webhooks are left")
        assert hall.balance("room-1001") == 16_000_000
        assert hall.credits("room-1001") == hall.taken("room-1001") == [1000]
