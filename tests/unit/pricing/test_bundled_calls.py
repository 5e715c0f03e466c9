"""Bundles in the running service: what calls take, how long they may last, who is locked."""

from __future__ import annotations

from typing import Any

from rtbill.credit.stances import Stances
from rtbill.credit.unaided import UnaidedTerms
from rtbill.domain.account import AccountKind
from rtbill.domain.stance import Stance, Unaided
from rtbill.ports import CallFilter
from tests.fakes.builders import SWITZERLAND, a_membership, an_account
from tests.fakes.office import Office, an_office

TEN_MINUTES = """
[[bundle]]
name = "minutes"
title = "Ten minutes"
minutes = 10
prefixes = ["41"]
"""
BERN_ONLY = TEN_MINUTES.replace('"41"', '"4131"')
ZURICH = "0041445550100"
MONTHLY = TEN_MINUTES.replace("minutes = 10", 'minutes = 10\nrenewal = "monthly"\nzone = "UTC"')
WELCOME = """
[[bundle]]
name = "welcome"
amount = "1.00"
"""
A_MINUTE = "12:00:05 answer {0}\n12:01:05 end {0} answered=12:00:05"
DAY_S = 86_400
FRANCE = "0033155550100"
ROOMS = [an_account("room-1"), an_account("room-2")]
SHARING = [a_membership("room-1", "1001"), a_membership("room-2", "1002")]


async def give(office: Office, toml: str = TEN_MINUTES, **more: Any) -> dict[str, Any]:
    """The first bundle of the file to room 1, unless told otherwise."""
    await office.order("bundle.import", toml=toml, apply=True)
    name = toml.partition('name = "')[2].partition('"')[0]
    order = {"bundle": name, "accounts": ["room-1"], "key": "gift"}
    return await office.order("bundle.give", **(order | more))


async def taken(office: Office) -> list[str]:
    """`1 60`: what each call holds of bundles, the oldest first."""
    found = await office.store.calls(CallFilter())
    return [
        f"{call.record.id.leg} {' '.join(str(draw.amount) for draw in call.draws)}".strip()
        for call in reversed(found)
    ]


def limits(office: Office) -> list[tuple[object, ...]]:
    return office.pbx.done("limit")


# ---------------------------------------------------------------------- what calls take


async def test_minutes_pay_before_money() -> None:
    async with an_office("10.00") as office:
        await give(office)
        await office.hear(A_MINUTE.format(1))

        assert await office.balance() == 10_000_000
        assert await office.calls() == ["1 rated 0.00 room-1"]
        assert await taken(office) == ["1 60"]


async def test_a_call_beyond_the_minutes_is_paid_with_money_from_there_on() -> None:
    async with an_office("10.00") as office:
        await give(office)
        await office.hear("12:00:00 answer 1\n12:12:00 end 1 answered=12:00:00")

        assert await taken(office) == ["1 600"]
        assert await office.balance() == 8_800_000


async def test_money_of_a_bundle_pays_of_the_price_before_the_account_does() -> None:
    async with an_office("10.00") as office:
        await give(office, WELCOME)
        await office.hear("12:00:00 answer 1\n12:02:00 end 1 answered=12:00:00")

        assert await office.calls() == ["1 rated 1.20 room-1"]
        assert await taken(office) == ["1 1000000"]
        assert await office.balance() == 9_800_000


async def test_calls_that_end_while_the_store_is_held_up_share_the_minutes_exactly() -> None:
    async with an_office("10.00", accounts=ROOMS, memberships=SHARING) as office:
        await give(office, accounts=["room-1", "room-2"])
        office.store.is_stuck = True
        for number, payer in ((1, "1001"), (2, "1002"), (3, "1001")):
            await office.hear(
                f"12:00:00 answer {number} payer={payer}\n"
                f"12:04:00 end {number} payer={payer} answered=12:00:00"
            )
        office.store.commit()
        office.store.is_stuck = False
        await office.clock.advance(1)

        assert await taken(office) == ["1 240", "2 240", "3 120"]
        assert await office.balance("room-2") == 10_000_000
        assert await office.balance("room-1") == 8_800_000


async def test_a_call_before_the_bundle_was_given_is_not_paid_by_it() -> None:
    async with an_office("10.00") as office:
        await office.hear("11:59:00 answer 1 \n")
        await give(office)
        await office.hear("12:00:00 end 1 answered=11:59:00")

        assert await taken(office) == ["1"]
        assert await office.balance() == 9_400_000


async def test_an_end_pays_no_call_that_is_answered_later() -> None:
    async with an_office("10.00") as office:
        await give(office)
        await office.clock.advance(60)
        answer = await office.order("bundle.end", key="gift")
        await office.hear("12:00:30 answer 1\n12:01:30 end 1 answered=12:00:30")
        await office.hear("12:02:00 answer 2\n12:03:00 end 2 answered=12:02:00")

        assert answer["until"] == "2026-10-05T12:01:00+00:00"
        assert await taken(office) == ["1 60", "2"]


# ---------------------------------------------------------------------- how long a call may last


async def test_with_no_money_a_call_lasts_as_long_as_its_minutes() -> None:
    async with an_office("0") as office:
        await give(office)
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(590)

        assert limits(office)[-1] == ("1", 599.5)


async def test_minutes_come_first_and_money_prolongs_the_call() -> None:
    async with an_office("0.60") as office:
        await give(office)
        await office.hear("12:00:00 answer 1")

        await office.clock.advance(650)
        assert limits(office)[-1] == ("1", 659.5)


async def test_with_no_money_a_number_that_no_bundle_pays_is_hung_up() -> None:
    async with an_office("0") as office:
        await give(office, BERN_ONLY)
        await office.hear(f"12:00:00 start 1\n12:00:00 start 2 to={ZURICH}")

        assert office.pbx.done("hang_up") == [("2",)]


async def test_the_question_before_dialling_is_answered_by_minutes_and_money_together() -> None:
    async with an_office("0.60") as office:
        await give(office, BERN_ONLY)
        office.clock.step(1)
        paid, not_paid = (
            office.control.grant("hotel", "1001", number, office.clock.now())
            for number in (SWITZERLAND, ZURICH)
        )
        assert (paid.limit_s, paid.reason) == (659.5, "")
        assert not_paid.limit_s == 59.5

        await office.hear("12:00:00 answer 1\n12:11:00 end 1 answered=12:00:00")
        assert await office.balance() == 0
        refused = office.control.grant("hotel", "1001", SWITZERLAND, office.clock.now())
        assert (refused.is_affordable, refused.is_locked) == (False, True)


async def test_an_exclusive_bundle_keeps_money_from_paying_what_it_fits() -> None:
    async with an_office("10.00") as office:
        await give(office, TEN_MINUTES + "exclusive = true\n")
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(590)
        assert limits(office)[-1] == ("1", 599.5)


async def test_rows_for_a_silent_rtbill_count_money_alone() -> None:
    terms = {"standard": UnaidedTerms(Unaided.OPEN)}
    async with an_office("0", unaided=terms) as office:
        await give(office)
        await office.clock.advance(60)
        assert office.pbx.rows == {"1001": "home:europe:other/0:0:0"}


async def test_what_another_takes_of_a_shared_bundle_shortens_a_running_call() -> None:
    async with an_office("0", accounts=ROOMS, memberships=SHARING) as office:
        await give(office, accounts=["room-1", "room-2"])
        await office.hear("12:00:00 answer 1")
        await office.hear(
            "12:00:00 answer 2 payer=1002\n12:03:00 end 2 payer=1002 answered=12:00:00"
        )

        await office.clock.advance(410)
        assert limits(office)[-1] == ("1", 419.5)


async def test_a_bundle_that_is_given_prolongs_a_running_call() -> None:
    async with an_office("0.60") as office:
        await give(office, since="2026-10-01")
        await office.hear("12:00:00 answer 1")
        await office.order(
            "bundle.give", bundle="minutes", accounts=["room-1"], key="more", since="2026-10-01"
        )

        await office.clock.advance(1250)
        assert limits(office)[-1] == ("1", 1259.5)


async def test_what_is_only_observed_counts_minutes_too() -> None:
    async with an_office("0.60", stances=Stances({"hotel": Stance.OBSERVE})) as office:
        await give(office)
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(720)
        await office.hear("12:12:00 end 1 answered=12:00:00")

        [line] = [each for each in await office.observed() if each.startswith("cut")]
        assert line == (
            "cut 1001: the call to +41315550100 would have been cut after 659.5 s; "
            "it talked 60.5 s more for 0.60 EUR"
        )


async def test_a_postpaid_account_has_its_minutes_too() -> None:
    accounts = [an_account("room-1", AccountKind.POSTPAID)]
    async with an_office("0", accounts=accounts) as office:
        await give(office)
        await office.hear(A_MINUTE.format(1))
        assert await taken(office) == ["1 60"]
        assert await office.balance() == 0


async def test_a_call_without_a_rate_takes_when_it_is_billed() -> None:
    async with an_office("10.00") as office:
        await give(office, TEN_MINUTES.replace("41", "33"))
        await office.hear(
            f"12:00:00 answer 1 to={FRANCE}\n12:01:00 end 1 to={FRANCE} answered=12:00:00"
        )
        assert await taken(office) == ["1"]

        csv = (
            "prefix,destination,connect_fee,price_per_minute,first_increment,next_increment\n"
            "33,France,0,0.60,60,1\n"
        )
        await office.order(
            "tariff.import", name="retail", csv=csv, apply=True, valid_from="2026-10-01"
        )
        answer = await office.order("calls.bill", call="hotel/1")

        assert (answer["price"], answer["debit"]) == ("0.00", "0.00")
        assert await taken(office) == ["1 60"]
        assert await office.balance() == 10_000_000


async def test_minutes_that_one_call_counts_on_are_promised_to_no_other() -> None:
    async with an_office("0") as office:
        await give(office)
        await office.hear("12:00:00 answer 1")
        await office.hear("12:00:00 answer 2")
        await office.clock.advance(299)

        assert sum(hold.granted_s for hold in office.directory.state("room-1").holds) == 600


async def test_minutes_that_a_call_did_not_use_are_there_for_the_next() -> None:
    async with an_office("0") as office:
        await give(office)
        await office.hear("12:00:00 answer 1")
        await office.hear("12:00:30 end 1")
        await office.hear("12:01:00 answer 2")
        await office.clock.advance(640)

        assert await taken(office) == ["1 30"]
        assert limits(office)[-1] == ("2", 569.5)
