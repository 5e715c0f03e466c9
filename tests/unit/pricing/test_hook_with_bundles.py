"""A site's hook where bundles pay: what they leave to pay is changed, wherever a price is made."""

from __future__ import annotations

from rtbill.credit.stances import Stances
from rtbill.domain.adjustment import Adjustment as Kept
from rtbill.domain.changes import MarkInvoiced
from rtbill.domain.rated import Price
from rtbill.domain.stance import Stance
from rtbill.hook import Adjustment
from tests.fakes.builders import SWITZERLAND
from tests.fakes.hooks import Recorder, half_price
from tests.fakes.office import Office, an_office
from tests.unit.pricing.test_bundled_calls import (
    ROOMS,
    SHARING,
    TEN_MINUTES,
    WELCOME,
    give,
    limits,
    taken,
)
from tests.unit.repricing.test_bundled_rerating import ALWAYS, differences, rerate, talk
from tests.unit.repricing.test_rerating import CHEAPER, import_tariff

HALF = Adjustment(percent=-50, reason="Half price")
KEPT_HALF = Kept(reason="Half price", percent_ppm=-500_000)
NIGHT = CHEAPER.replace("0.30", "0.06")
TWELVE_MINUTES = "12:00:00 answer 1\n12:12:00 end 1 answered=12:00:00"
"""Two minutes beyond ten, at 0.60 a minute."""


async def price(office: Office, leg: str = "1") -> Price:
    call = await office.store.call(f"hotel/{leg}")
    assert call is not None
    assert call.price is not None
    return call.price


# ---------------------------------------------------------------------- a call's way


async def test_what_the_hook_changed_is_kept_with_the_price_that_the_store_made() -> None:
    async with an_office("10.00", hook=half_price) as office:
        await give(office)
        await office.hear(TWELVE_MINUTES)

        assert await taken(office) == ["1 600"]
        assert await office.balance() == 9_400_000
        found = await price(office)
        assert (found.micros, found.adjustment) == (600_000, KEPT_HALF)


async def test_what_the_hook_said_at_the_answer_holds_when_the_store_makes_the_price() -> None:
    hook = Recorder(HALF, Adjustment(is_free=True, reason="Later"))
    async with an_office("10.00", hook=hook) as office:
        await give(office)
        await office.hear(TWELVE_MINUTES)

        assert len(hook.calls) == 1
        assert await office.balance() == 9_400_000
        assert (await price(office)).adjustment == KEPT_HALF


async def test_calls_that_come_to_the_store_together_are_changed_each_by_its_own_answer() -> None:
    hook = Recorder(HALF, Adjustment(per_call=1, reason="Dear"))
    async with an_office("10.00", accounts=ROOMS, memberships=SHARING, hook=hook) as office:
        await give(office, accounts=["room-1", "room-2"])
        await office.hear("12:00:00 answer 1 payer=1001\n12:00:00 answer 2 payer=1002")
        office.store.is_stuck = True
        for number, payer in ((1, "1001"), (2, "1002")):
            await office.hear(f"12:08:00 end {number} payer={payer} answered=12:00:00")
        office.store.commit()
        office.store.is_stuck = False
        await office.clock.advance(1)

        # The second has two minutes left, and owes 6 x 0.60 and 1.00.
        assert await taken(office) == ["1 480", "2 120"]
        assert await office.balance("room-1") == 10_000_000
        assert await office.balance("room-2") == 5_400_000
        told = [(await price(office, leg)).adjustment for leg in ("1", "2")]
        assert [each and each.reason for each in told] == ["Half price", "Dear"]


async def test_money_of_a_bundle_pays_of_the_changed_price() -> None:
    async with an_office("10.00", hook=half_price) as office:
        await give(office, WELCOME)
        await office.hear("12:00:00 answer 1\n12:04:00 end 1 answered=12:00:00")

        assert await taken(office) == ["1 1000000"]
        assert await office.balance() == 9_800_000


async def test_a_call_that_the_hook_makes_free_takes_nothing_of_a_bundle() -> None:
    async with an_office("10.00", hook=Recorder(Adjustment(is_free=True, reason="Lift"))) as office:
        await give(office)
        await office.hear(TWELVE_MINUTES)

        assert await taken(office) == ["1"]
        assert await office.balance() == 10_000_000


async def test_a_list_that_the_hook_names_prices_what_a_bundle_leaves_to_pay() -> None:
    night = Recorder(Adjustment(price_list="night", reason="Night"))
    async with an_office("10.00", hook=night) as office:
        await import_tariff(office, NIGHT, name="night")
        await give(office)
        await office.hear(TWELVE_MINUTES)

        assert await taken(office) == ["1 600"]
        assert await office.balance() == 9_880_000
        assert (await price(office)).tariff == "night"


async def test_a_bundle_and_money_at_the_changed_price_limit_a_call() -> None:
    async with an_office("0.60", hook=half_price) as office:
        await give(office)
        office.clock.step(1)
        granted = office.control.grant("hotel", "1001", SWITZERLAND, office.clock.now())
        await office.hear("12:00:01 answer 1")

        assert granted.limit_s == 719.5
        await office.clock.advance(715)
        assert limits(office)[-1] == ("1", 719.5)


async def test_what_is_only_observed_counts_minutes_and_the_changed_price() -> None:
    stances = Stances({"hotel": Stance.OBSERVE})
    async with an_office("0.60", stances=stances, hook=half_price) as office:
        await give(office)
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(840)
        await office.hear("12:14:00 end 1 answered=12:00:00")

        [line] = [each for each in await office.observed() if each.startswith("cut")]
        assert line == (
            "cut 1001: the call to +41315550100 would have been cut after 719.5 s; "
            "it talked 120.5 s more for 0.60 EUR"
        )


# ---------------------------------------------------------------------- rated again


async def test_a_bundled_call_that_is_rated_again_is_asked_about_anew() -> None:
    hook = Recorder(HALF)
    async with an_office("10.00", hook=hook) as office:
        await give(office, since=ALWAYS)
        await talk(office, 12)
        assert await office.balance() == 9_400_000
        hook.answers = [Adjustment(per_call=1, reason="Dear")]
        await import_tariff(office, CHEAPER)

        found = await rerate(office)

        # 2 x 0.30 and 1.00 instead of half of 2 x 0.60.
        assert differences(found) == {"room-1": "1.00"}
        assert await office.balance() == 8_400_000
        assert await taken(office) == ["1 600"]
        assert (await price(office)).adjustment == Kept(reason="Dear", per_call_micros=1_000_000)
        told = hook.calls[-1]
        assert (told.extension, told.dialled, told.account) == ("1001", SWITZERLAND, "room-1")


async def test_a_call_that_becomes_free_gives_back_what_it_took_and_others_take_it() -> None:
    hook = Recorder(None)
    async with an_office("10.00", hook=hook) as office:
        await give(office, since=ALWAYS)
        await talk(office, 12, 5)
        assert await taken(office) == ["1 600", "2"]
        # One answer for the first call of the dry run, of its check and of its carrying out.
        hook.answers = [Adjustment(is_free=True, reason="Lift"), None] * 3
        await rerate(office)

        assert await taken(office) == ["1", "2 300"]
        assert await office.balance() == 10_000_000


async def test_an_invoiced_call_keeps_its_minutes_and_is_adjusted_to_the_changed_price() -> None:
    hook = Recorder(None)
    async with an_office("10.00", hook=hook) as office:
        await give(office, since=ALWAYS)
        await talk(office, 12)
        await office.store.change(MarkInvoiced(("hotel/1",), "2026-10"))
        await office.order("bundle.end", key="gift", at="2026-10-05T00:00:00")
        hook.answers = [HALF]

        found = await rerate(office)

        assert differences(found) == {"room-1": "-0.60"}
        assert await taken(office) == ["1 600"]
        assert (await price(office)).adjustment == KEPT_HALF


async def test_a_bundle_pays_a_waiting_call_at_the_changed_price() -> None:
    france = " to=0033155550100"
    async with an_office("10.00", tariff=None, hook=half_price) as office:
        await give(office, TEN_MINUTES.replace('"41"', '"33"'), since=ALWAYS)
        await office.hear(f"01:00:00 answer 1{france}\n01:12:00 end 1{france} answered=01:00:00")
        await import_tariff(office, CHEAPER.replace("41,", "33,"))

        answer = await office.order("calls.bill", call="hotel/1")

        assert (answer["price"], answer["debit"]) == ("0.30", "0.30")
        assert await taken(office) == ["1 600"]
        assert (await price(office)).adjustment == KEPT_HALF
