"""Who is locked and opened where bundles pay, and who is told."""

from __future__ import annotations

from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE
from tests.fakes.office import Office, an_office
from tests.unit.pricing.test_bundled_calls import (
    A_MINUTE,
    DAY_S,
    MONTHLY,
    ROOMS,
    SHARING,
    TEN_MINUTES,
    WELCOME,
    give,
    limits,
    taken,
)


async def kinds(office: Office) -> list[str]:
    return [notice.kind for notice in await office.waiting()]


async def test_an_account_without_money_is_not_locked_while_minutes_are_left() -> None:
    async with an_office("0.60") as office:
        await give(office, since="2026-10-05T12:02:00")
        await office.hear(A_MINUTE.format(1))
        assert office.wanted() == LOCKED_SERVICE

        await office.clock.advance(130)
        assert office.wanted() == OPEN_SERVICE
        assert office.pbx.held == {}

        await office.hear("12:03:00 answer 2\n12:13:00 end 2 answered=12:03:00")
        assert office.wanted() == LOCKED_SERVICE
        assert office.pbx.held == {"1001": LOCKED_SERVICE}


async def test_giving_opens_and_ending_locks() -> None:
    async with an_office("0.60") as office:
        await office.hear(A_MINUTE.format(1))
        assert office.wanted() == LOCKED_SERVICE

        await give(office)
        assert office.wanted() == OPEN_SERVICE

        await office.order("bundle.end", key="gift")
        assert office.wanted() == LOCKED_SERVICE


async def test_an_end_that_comes_by_itself_locks() -> None:
    async with an_office("0.60") as office:
        await give(office, WELCOME, until="2026-10-05T12:10:00")
        await office.hear("12:00:00 answer 1\n12:02:00 end 1 answered=12:00:00")
        await give(office, key="short", until="2026-10-05T12:10:00")
        assert office.wanted() == OPEN_SERVICE

        await office.clock.advance(610)
        assert office.wanted() == OPEN_SERVICE, "0.40 are left on the account"

        await office.hear("12:11:00 answer 2\n12:11:40 end 2 answered=12:11:00")
        assert office.wanted() == LOCKED_SERVICE


async def test_a_new_month_opens_what_the_old_one_locked() -> None:
    async with an_office("0") as office:
        await give(office, MONTHLY)
        await office.hear("12:00:00 answer 1\n12:10:00 end 1 answered=12:00:00")
        assert office.wanted() == LOCKED_SERVICE

        office.clock.step(26 * DAY_S + 11 * 3600)
        await office.clock.advance(3590)
        assert office.wanted() == LOCKED_SERVICE, "it is the last minute of October"

        await office.clock.advance(20)
        assert office.wanted() == OPEN_SERVICE


async def test_a_call_of_the_old_month_that_ends_in_the_new_one_takes_from_the_old() -> None:
    async with an_office("0") as office:
        await give(office, MONTHLY)
        office.clock.step(26 * DAY_S + 13 * 3600)
        await office.clock.advance(10)
        await office.hear(
            "2026-10-31T23:59:00 answer 1\n2026-11-01T00:01:00 end 1 answered=2026-10-31T23:59:00"
        )
        await office.hear(
            "2026-11-01T00:02:00 answer 2\n2026-11-01T00:12:00 end 2 answered=2026-11-01T00:02:00"
        )

        assert await taken(office) == ["1 120", "2 600"]


async def test_who_shares_what_another_used_up_is_locked_and_opened_with_it() -> None:
    async with an_office("0", accounts=ROOMS, memberships=SHARING) as office:
        await give(office, accounts=["room-1", "room-2"])
        assert office.wanted("1002") == OPEN_SERVICE

        await office.hear("12:00:00 answer 1\n12:10:00 end 1 answered=12:00:00")

        assert office.wanted("1001") == LOCKED_SERVICE
        assert office.wanted("1002") == LOCKED_SERVICE
        await office.order(
            "bundle.give", bundle="minutes", accounts=["room-1", "room-2"], key="more"
        )
        assert (office.wanted("1001"), office.wanted("1002")) == (OPEN_SERVICE, OPEN_SERVICE)


async def test_what_is_owed_is_no_reason_to_lock_while_minutes_are_left() -> None:
    async with an_office("0.60") as office:
        await give(office, since="2026-10-05T12:05:00")
        await office.hear("12:00:00 answer 1\n12:03:00 end 1 answered=12:00:00")
        assert await office.balance() == -1_200_000

        await office.clock.advance(310)
        assert office.wanted() == OPEN_SERVICE
        await office.hear("12:06:00 answer 2")
        await office.clock.advance(640)
        assert limits(office)[-1] == ("2", 599.5)


async def test_minutes_within_which_a_fee_is_due_do_not_open_without_money() -> None:
    fees = TEN_MINUTES + "covers_fees = false\n"
    async with an_office("0.60") as office:
        await office.hear(A_MINUTE.format(1))
        await give(office, fees)

        assert office.wanted() == LOCKED_SERVICE


async def test_crediting_leaves_an_account_open_and_money_lasts_longer() -> None:
    async with an_office("0") as office:
        await give(office)
        await office.hear("12:00:00 answer 1")
        await office.credit("0.60", "receipt")

        await office.clock.advance(650)
        assert limits(office)[-1] == ("1", 659.5)


async def test_the_holder_is_told_once_that_little_is_left_and_once_that_nothing_is() -> None:
    async with an_office("10.00") as office:
        await give(office)
        told = []
        for number, talk in enumerate((7, 1, 1, 1, 1)):
            await office.hear(
                f"12:00:00 answer {number}\n12:{talk:02}:00 end {number} answered=12:00:00"
            )
            told.append([each for each in await kinds(office) if each.startswith("bundle")])

        assert told == [
            [],
            ["bundle.low"],
            ["bundle.low"],
            ["bundle.low", "bundle.used_up"],
            ["bundle.low", "bundle.used_up"],
        ]
        low, used_up = [n for n in await office.waiting() if n.kind.startswith("bundle")]
        assert (low.subject, low.text) == ("room-1", "Ten minutes has 2 min left")
        assert low.details == (("allowance", "gift"), ("bundle", "minutes"))
        assert used_up.text == "Ten minutes is used up"


async def test_a_turn_that_cannot_be_written_is_followed_as_soon_as_it_can() -> None:
    async with an_office("0") as office:
        await give(office, MONTHLY)
        await office.hear("12:00:00 answer 1\n12:10:00 end 1 answered=12:00:00")
        office.store.is_stuck, office.store.queue_max = True, 0
        office.clock.step(27 * DAY_S)
        await office.clock.advance(10)
        assert office.wanted() == LOCKED_SERVICE

        office.store.is_stuck = False
        await office.clock.advance(10)
        assert office.wanted() == OPEN_SERVICE
