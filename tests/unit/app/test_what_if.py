"""Calls of the hall under other lists; every amount is reckoned by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rtbill.alarms import Alarms
from rtbill.app.what_if import Answer, AskedOfCalls, Difference, Question, ask
from rtbill.domain.changes import AddBundle
from rtbill.domain.errors import NoRate
from rtbill.domain.price_plan import Discount, PricePlan, Tax
from rtbill.domain.tariff import Tariff
from rtbill.hook import Adjustment, Call
from rtbill.pricing.site_hook import Function
from rtbill.rating.price_book import PriceBook
from tests.fakes.books import a_call, a_price, a_record, posting
from tests.fakes.builders import a_rate, a_tariff
from tests.fakes.bundles import a_bundle, given, pool, taking
from tests.fakes.hooks import Recorder, a_site_hook
from tests.fakes.virtual_clock import VirtualClock
from tests.unit.app.hall import RETAIL, Hall
from tests.unit.app.records import NOON, bill

CHEAP = a_tariff(a_rate("1/1", "0.30", prefix="49"), name="cheap")
"""Half a cent a second in the country; nothing abroad."""
TO_SWITZERLAND = "0041315550100"
DAY = timedelta(days=1)


async def asked(
    hall: Hall,
    *tariffs: Tariff,
    plans: Sequence[PricePlan] = (),
    slice_calls_max: int = 50_000,
    hook: Function | None = None,
    **fields: Any,
) -> Answer:
    values: dict[str, Any] = {"name": "cheap", "since": NOON - DAY, "until": NOON + DAY}
    book = PriceBook([RETAIL, *(tariffs or (CHEAP,))], plans=plans)
    clock = VirtualClock()
    site_hook = a_site_hook(hook, clock, Alarms(clock)) if hook else None
    asking = AskedOfCalls(site_hook, hall.accounts, book) if site_hook else None
    return await ask(hall.store, book, Question(**(values | fields)), slice_calls_max, asking)


async def test_the_difference_is_told_by_account_and_by_destination(hall: Hall) -> None:
    await bill(hall, NOON, 60)
    await bill(hall, NOON + timedelta(minutes=1), 100)
    await bill(hall, NOON + timedelta(minutes=2), 10, payer="1002")
    answer = await asked(hall)
    # A cent a second became half a cent: 160 s of room 1, 10 s of room 2.
    assert answer.by_account == {
        "room-1": Difference(2, 1_600_000, 800_000),
        "room-2": Difference(1, 100_000, 50_000),
    }
    assert answer.by_destination == {"Destination 49": Difference(3, 1_700_000, 850_000)}
    assert answer.total == Difference(3, 1_700_000, 850_000)


async def test_calls_that_the_other_list_does_not_rate_are_counted_with_their_price(
    hall: Hall,
) -> None:
    await bill(hall, NOON, 60, dialled=TO_SWITZERLAND)
    answer = await asked(hall)
    assert (answer.unrated_then.calls, answer.unrated_then.micros) == (1, 1_200_000)
    assert answer.total == Difference()


async def test_calls_without_a_price_are_counted_with_what_they_would_cost(hall: Hall) -> None:
    await bill(hall, NOON, 60, dialled="0033123456789")
    await bill(hall, NOON + timedelta(minutes=1), 60, dialled="00390612345678")
    french = a_tariff(a_rate("1/1", "0.60", prefix="33"), name="cheap")
    answer = await asked(hall, french)
    assert (answer.unrated_now.calls, answer.unrated_now.micros) == (1, 600_000)
    assert answer.never_rated == 1


async def test_a_list_that_was_not_in_force_yet_rates_nothing(hall: Hall) -> None:
    await bill(hall, NOON, 60)
    later = replace(CHEAP, valid_from=NOON + timedelta(seconds=1))
    assert (await asked(hall, later)).unrated_then.calls == 1


async def test_each_call_is_priced_by_the_version_of_its_time(hall: Hall) -> None:
    await bill(hall, NOON, 60)
    await bill(hall, NOON + timedelta(minutes=5), 60)
    dearer = replace(
        CHEAP,
        version=2,
        valid_from=NOON + timedelta(minutes=5),
        rates=(a_rate("1/1", "0.90", prefix="49"),),
    )
    assert (await asked(hall, CHEAP, dearer)).total == Difference(2, 1_200_000, 1_200_000)


async def test_a_plan_is_asked_about_like_a_tariff(hall: Hall) -> None:
    await bill(hall, NOON, 60)
    await bill(hall, NOON + timedelta(minutes=1), 60, payer="1002")
    plan = PricePlan(
        name="friends",
        version=1,
        currency="EUR",
        valid_from=RETAIL.valid_from,
        tariffs=("retail",),
        discounts=(Discount(name="friend", percent_ppm=500_000, accounts=frozenset({"room-2"})),),
        tax=Tax("VAT", 100_000),
    )
    answer = await asked(hall, plans=[plan], name="friends")
    # 0.60 and 10 % for one, 0.30 and 10 % for the friend.
    assert answer.by_account["room-1"].after_micros == 660_000
    assert answer.by_account["room-2"].after_micros == 330_000


async def test_only_the_calls_of_the_list_that_is_replaced_are_meant(hall: Hall) -> None:
    await bill(hall, NOON, 60)
    assert (await asked(hall, instead_of="retail")).total.calls == 1
    assert (await asked(hall, instead_of="wholesale")).total.calls == 0


async def test_only_the_calls_of_the_span_and_trunk_are_meant(hall: Hall) -> None:
    await bill(hall, NOON, 60)
    await bill(hall, NOON + timedelta(minutes=1), 60, trunk="backup")
    assert (await asked(hall, until=NOON)).total.calls == 0
    assert (await asked(hall, since=NOON, until=NOON + timedelta(seconds=1))).total.calls == 1
    assert (await asked(hall, trunk="backup")).total.calls == 1


async def test_what_carriers_take_is_compared_with_what_they_took(hall: Hall) -> None:
    sold = a_call().record._replace(answered_at=NOON, ended_at=NOON + timedelta(seconds=60))
    bought = a_price()._replace(cost_micros=400_000)
    unknown = sold._replace(id=sold.id._replace(leg="2"))
    for record, price in ((sold, bought), (unknown, a_price())):
        call = a_call(record=record, price=price, number="+4930123456")
        await hall.store.submit(posting(call))
    answer = await asked(hall, is_carrier=True)
    assert answer.total == Difference(1, 400_000, 300_000)
    assert (answer.unrated_now.calls, answer.unrated_now.micros) == (1, 300_000)


async def test_calls_in_another_currency_are_left_out_and_counted(hall: Hall) -> None:
    await bill(hall, NOON, 60)
    in_francs = replace(CHEAP, currency="CHF")
    answer = await asked(hall, in_francs)
    assert (answer.currency, answer.other_currency, answer.total.calls) == ("CHF", 1, 0)


async def test_a_list_that_nobody_has_is_refused_with_those_that_there_are(hall: Hall) -> None:
    with pytest.raises(NoRate, match="no tariff or price plan 'dear'; there are: cheap, retail"):
        await asked(hall, name="dear")


async def test_no_slice_holds_more_calls_than_it_may(hall: Hall) -> None:
    for each in range(40):
        await bill(hall, NOON + timedelta(seconds=each), 60)
    assert (await asked(hall, slice_calls_max=3)).total == Difference(40, 24_000_000, 12_000_000)


async def bundled_call(hall: Hall) -> None:
    """A minute at a cent a second, of which a bundle paid 40 s."""
    await hall.store.change(AddBundle(a_bundle()))
    await hall.store.change(given())
    record = a_record("1", NOON, ended_at=NOON + timedelta(seconds=60))
    left = a_price(200_000)._replace(destination="Destination 49", prefix="49")
    call = a_call(record=record, number="+4930123456", price=left)
    await hall.store.submit(taking(call, pool(), needs=40))


async def test_seconds_that_a_bundle_paid_are_paid_by_the_other_list_too(hall: Hall) -> None:
    await bundled_call(hall)

    answer = await asked(hall)

    # 20 s are left: a cent a second became half a cent.
    assert answer.by_account == {"room-1": Difference(1, 200_000, 100_000)}


# ---------------------------------------------------------------------- with a site's hook


async def test_calls_that_the_hook_changes_are_priced_one_by_one_and_the_rest_together(
    hall: Hall,
) -> None:
    await bill(hall, NOON, 60)
    await bill(hall, NOON + timedelta(minutes=1), 60, payer="1002")

    def adjust(call: Call) -> Adjustment | None:
        assert call.price_list == "cheap"
        return Adjustment(percent=100, reason="Dear") if call.account == "room-2" else None

    answer = await asked(hall, hook=adjust)

    # A cent a second became half a cent, and for room 2 a whole one again.
    assert answer.by_account == {
        "room-1": Difference(1, 600_000, 300_000),
        "room-2": Difference(1, 600_000, 600_000),
    }
    assert answer.one_by_one == 1


async def test_a_list_that_the_hook_names_is_asked_before_the_other(hall: Hall) -> None:
    night = a_tariff(a_rate("1/1", "0.06", prefix="41"), name="night")
    await bill(hall, NOON, 60, dialled=TO_SWITZERLAND)

    def adjust(_call: Call) -> Adjustment:
        return Adjustment(price_list="night", reason="Night")

    answer = await asked(hall, CHEAP, night, hook=adjust)

    assert answer.total == Difference(1, 1_200_000, 60_000)


async def test_a_hook_that_fails_leaves_all_to_the_list(hall: Hall) -> None:
    await bill(hall, NOON, 60)

    answer = await asked(hall, hook=Recorder(ValueError("no")))

    assert (answer.total, answer.one_by_one) == (Difference(1, 600_000, 300_000), 0)


async def test_what_carriers_take_is_no_business_of_a_hook(hall: Hall) -> None:
    hook = Recorder(Adjustment(percent=100, reason="Dear"))
    await bill(hall, NOON, 60)

    await asked(hall, hook=hook, is_carrier=True)

    assert hook.calls == []


async def test_seconds_that_a_bundle_paid_pay_a_call_that_the_hook_changes_too(hall: Hall) -> None:
    await bundled_call(hall)

    answer = await asked(hall, hook=Recorder(Adjustment(percent=100, reason="Dear")))

    # 20 s are left, at twice half a cent.
    assert answer.by_account == {"room-1": Difference(1, 200_000, 200_000)}
    assert answer.one_by_one == 1
