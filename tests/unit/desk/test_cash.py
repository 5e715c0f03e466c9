"""What was credited at the desk goes back: once, no more than came, no more than is unused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import pytest

from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE
from rtbill.domain.errors import BadRecord, Conflict, Refused
from rtbill.domain.ledger import Transfer
from tests.fakes.builders import a_rate, a_tariff
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle

SECOND = a_tariff(a_rate("1/1", "0.60", prefix="41"))


async def give_back(office: Office, key: str = "back 1", **arguments: Any) -> dict[str, Any]:
    wanted = {"of": "receipt 17", "key": key, "reason": "typed 100 for 10"} | arguments
    return await office.order("refund", **wanted)


async def test_a_credit_that_was_a_mistake_goes_back_whole() -> None:
    async with an_office("5.00") as office:
        await office.credit("100.00", key="receipt 17")
        answer = await give_back(office)

        assert answer == {
            "account": "room-1",
            "amount": "-100.00",
            "currency": "EUR",
            "balance": "5.00",
            "repeated": False,
        }
        assert await office.balance() == 5_000_000


async def test_parts_go_back_until_nothing_is_left() -> None:
    async with an_office("5.00") as office:
        await office.credit("10.00", key="receipt 17")
        await give_back(office, "back 1", amount="2.50")
        await give_back(office, "back 2", amount="4.00")
        with pytest.raises(Refused, match=r"no more than 3\.50 EUR can go back"):
            await give_back(office, "back 3", amount="3.51")
        assert (await give_back(office, "back 3"))["amount"] == "-3.50"
        with pytest.raises(Refused, match=r"no more than 0\.00 EUR can go back"):
            await give_back(office, "back 4")
        assert await office.balance() == 5_000_000


async def test_the_same_refund_again_moves_nothing_and_says_so() -> None:
    async with an_office("5.00") as office:
        await office.credit("10.00", key="receipt 17")
        await give_back(office, amount="4.00")
        for amount in ("4.00", None):
            again = await give_back(office, amount=amount)
            assert (again["repeated"], again["amount"], again["balance"]) == (
                True,
                "-4.00",
                "11.00",
            )
        assert await office.balance() == 11_000_000


async def test_a_key_that_was_used_for_another_refund_is_a_conflict() -> None:
    async with an_office("5.00") as office:
        await office.credit("10.00", key="receipt 17")
        await office.credit("10.00", key="receipt 18")
        await give_back(office, amount="4.00")
        for other in ({"amount": "5.00"}, {"of": "receipt 18"}):
            with pytest.raises(Conflict, match=r"gave 4\.00 EUR of credit:receipt 17 back before"):
                await give_back(office, **other)


async def test_money_that_was_spent_or_is_held_does_not_go_back() -> None:
    async with an_office("0.00", tariff=SECOND) as office:
        await office.credit("2.00", key="receipt 17")
        await office.hear("12:00:00 answer 1\n12:00:50 end 1")
        await office.hear("12:01:00 answer 2")  # 0.60 are held for a first minute
        with pytest.raises(Refused, match=r"has 0\.90 EUR unused"):
            await give_back(office, amount="0.91")
        await give_back(office, amount="0.90")
        assert await office.balance() == 600_000


async def test_a_refund_that_leaves_nothing_locks() -> None:
    async with an_office("0.00") as office:
        await office.credit("2.00", key="receipt 17")
        await give_back(office)
        assert office.pbx.held.keys() == {"1001"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"of": "receipt 99"}, "no credit was given with the key 'receipt 99'"),
        ({"of": "gift"}, "no money that was received"),
    ],
)
async def test_what_cannot_go_back_is_refused(arguments: dict[str, str], why: str) -> None:
    async with an_office("5.00") as office:
        await office.credit("10.00", key="receipt 17")
        await office.credit("-1.00", key="gift")
        with pytest.raises(Refused, match=why):
            await give_back(office, **arguments)
        assert await office.balance() == 14_000_000


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"of": " "}, "which credit goes back"),
        ({"key": ""}, "a refund needs a key"),
        ({"reason": " "}, "say why"),
        ({"amount": "lots"}, "lots"),
        ({"amount": "0"}, "above zero"),
        ({"amount": "-1.00"}, "above zero"),
        ({"amount": "1.001"}, "finer than its coins"),
    ],
)
async def test_a_refund_that_cannot_be_meant_is_refused(
    arguments: dict[str, str], why: str
) -> None:
    async with an_office("5.00") as office:
        await office.credit("10.00", key="receipt 17")
        with pytest.raises(BadRecord, match=why):
            await give_back(office, **arguments)


async def test_two_refunds_at_once_do_not_give_back_more_than_came() -> None:
    async with an_office("50.00") as office:
        await office.credit("10.00", key="receipt 17")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_tried(office, f"back {number}")) for number in range(4)]
        assert sorted(task.result() for task in tasks) == [False, False, False, True]
        assert await office.balance() == 50_000_000


# ---------------------------------------------------------------------- who ordered waits no longer


async def given_up(office: Office, order: Awaitable[object]) -> None:
    """Nobody waits for it any more, and then it becomes durable."""
    office.store.is_stuck = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await order


async def goes_on(office: Office) -> None:
    office.store.is_stuck = False
    office.store.commit()
    await settle()


async def test_a_credit_whose_caller_has_gone_is_followed_all_the_same() -> None:
    async with an_office("0.00") as office:
        await given_up(office, office.credit("10.00", key="receipt 17"))
        await goes_on(office)
        assert office.directory.state("room-1").balance_micros == 10_000_000
        assert office.pbx.held.get("1001", OPEN_SERVICE) == OPEN_SERVICE
        assert (await office.credit("10.00", key="receipt 17"))["repeated"]


async def test_a_refund_whose_caller_has_gone_is_followed_all_the_same() -> None:
    async with an_office("0.00") as office:
        await office.credit("10.00", key="receipt 17")
        await given_up(office, give_back(office))
        await goes_on(office)
        assert office.pbx.held == {"1001": LOCKED_SERVICE}


async def test_a_refund_under_way_counts_before_it_is_durable() -> None:
    async with an_office("50.00") as office:
        await office.credit("10.00", key="receipt 17")
        await given_up(office, give_back(office, "back 1"))
        with pytest.raises(Refused, match=r"no more than 0\.00 EUR"):
            await give_back(office, "back 2")
        await goes_on(office)
        assert await office.balance() == 50_000_000


async def test_a_refund_that_becomes_durable_while_the_books_are_read_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office("50.00") as office:
        await office.credit("10.00", key="receipt 17")
        await given_up(office, give_back(office, "back 1"))
        taken_back = office.store.taken_back

        async def read_before(transfer: Transfer) -> Mapping[str, Transfer]:
            found = await taken_back(transfer)
            office.store.is_stuck = False
            office.store.commit()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return found

        monkeypatch.setattr(office.store, "taken_back", read_before)
        with pytest.raises(Refused, match=r"no more than 0\.00 EUR"):
            await give_back(office, "back 2")
        await settle()
        assert await office.balance() == 50_000_000


async def test_the_same_refund_again_while_it_is_under_way_is_told_what_came_of_it() -> None:
    async with an_office("50.00") as office:
        await office.credit("10.00", key="receipt 17")
        await given_up(office, give_back(office))
        async with asyncio.TaskGroup() as group:
            again = group.create_task(give_back(office))
            await settle()
            office.store.is_stuck = False
            office.store.commit()
        assert again.result()["repeated"]
        assert await office.balance() == 50_000_000


async def _tried(office: Office, key: str) -> bool:
    try:
        await give_back(office, key)
    except Refused:
        return False
    return True
