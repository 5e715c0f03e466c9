"""Bundles, who holds them and what is drawn: what every store promises about them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from balance import ledger
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.bundle import Draw, GivenAllowance, PoolKey, PostedDraw, Unit
from rtbill.domain.changes import (
    AddBundle,
    AddRun,
    CreateAccount,
    EndAllowance,
    GiveAllowance,
    MarkInvoiced,
    MoveRun,
    Together,
)
from rtbill.domain.errors import Conflict, Refused, UnknownAccount
from rtbill.domain.origin import Origin
from rtbill.domain.rated import START, CallStatus, Price, Repriced
from rtbill.domain.rerating import RunState
from rtbill.domain.tariff import TimeBand
from rtbill.domain.work import Committed, Operation, Repricing
from rtbill.ports import CallFilter
from tests.contract.conftest import Sides
from tests.contract.test_rerating import a_difference, a_run
from tests.fakes.books import a_call, a_price, a_record, an_account, posting
from tests.fakes.bundles import (
    a_bundle,
    a_credit,
    an_allowance,
    given,
    monthly,
    pool,
    taking,
)
from tests.fakes.environment import NOON

HOUR = timedelta(hours=1)
GIFT = pool()


async def prepare(books: Sides) -> None:
    """Room 1 has ten minutes, and one unit of money."""
    for bundle in (a_bundle(), a_credit()):
        await books.store.change(AddBundle(bundle))
    await books.store.change(given())
    await books.store.change(given("bonus", "welcome"))


def seconds(amount: int, key: PoolKey = GIFT) -> Draw:
    return Draw(key, Unit.SECONDS, amount)


async def used(books: Sides, *keys: PoolKey) -> list[int]:
    found = await books.reader.pools(keys)
    return [found.get(key, 0) for key in keys]


async def reprice(
    books: Sides,
    micros: int,
    *draws: Draw,
    run: int = 1,
    pools: tuple[PoolKey, ...] = (GIFT,),
    price: Price | None = None,
) -> Committed:
    """All calls of room 1 cost so much and hold these draws."""
    await books.store.change(AddRun(a_run(run), (a_difference(),)))
    await books.store.change(MoveRun(run, RunState.UNDER_WAY, NOON))
    calls = await books.reader.priced_calls("room-1", a_run(run), START, 10)
    repriced = tuple(Repriced(each, price or a_price(micros), draws) for each in calls)

    committed = await books.store.reprice(
        Repricing(
            run,
            "room-1",
            repriced,
            is_last=True,
            decide=lambda state, left, _: ledger.reprice(state, run, left, NOON),
            pools=pools,
        )
    )
    await books.store.change(MoveRun(run, RunState.DONE, NOON))
    return committed


# ---------------------------------------------------------------------- bundles and allowances


async def test_a_bundle_comes_back_as_it_was_imported(books: Sides) -> None:
    everything = monthly(
        title="Über alles",
        prefixes=("41", "4930"),
        bands=(TimeBand(days=frozenset({5, 6}), start_minute=60), TimeBand(months=frozenset({1}))),
        increment_s=60,
        priority=3,
        tariff="evening",
        covers_fees=False,
        is_exclusive=True,
    )
    await books.store.change(AddBundle(everything))
    await books.store.change(AddBundle(a_credit("credit")))

    assert await books.reader.bundles() == [a_credit("credit"), everything]


async def test_versions_of_a_bundle_only_rise(books: Sides) -> None:
    await books.store.change(AddBundle(a_bundle()))
    await books.store.change(AddBundle(a_bundle(version=2)))
    with pytest.raises(Conflict, match="bundle minutes has version 2 already"):
        await books.store.change(AddBundle(a_bundle(version=2)))


async def test_an_allowance_comes_back_as_it_was_given(books: Sides) -> None:
    await prepare(books)
    await books.store.change(CreateAccount(an_account("room-2")))
    shared = an_allowance("both", "welcome", ("room-1", "room-2"), until=NOON + HOUR)
    await books.store.change(GiveAllowance(shared, NOON + HOUR, "for Christmas"))

    found = {each.allowance.key: each for each in await books.reader.allowances()}

    assert list(found) == ["bonus", "both", "gift"]
    assert found["both"] == GivenAllowance(shared, NOON + HOUR, "for Christmas")


async def test_a_key_gives_once(books: Sides) -> None:
    await prepare(books)
    with pytest.raises(Conflict, match="gift was given before"):
        await books.store.change(given())


@pytest.mark.parametrize(
    ("change", "error", "why"),
    [
        (given("k", "nothing"), Refused, "no bundle nothing version 1"),
        (given("k", "minutes", version=2), Refused, "no bundle minutes version 2"),
        (given("k", "minutes", "room-9"), UnknownAccount, "room-9"),
        (given("k", "minutes", "room-1", "francs"), Conflict, "account francs in CHF"),
        (given("k", "minutes", until=NOON - HOUR), Refused, "ends before it begins"),
        (GiveAllowance(an_allowance(accounts=()), NOON), Refused, "for nobody"),
    ],
)
async def test_what_cannot_be_given_is_refused(
    books: Sides, change: GiveAllowance, error: type[Exception], why: str
) -> None:
    await books.store.change(AddBundle(a_bundle()))
    await books.store.change(CreateAccount(an_account("francs", currency="CHF")))
    with pytest.raises(error, match=why):
        await books.store.change(change)
    assert await books.reader.allowances() == []


async def test_an_allowance_ends_earlier_and_never_later(books: Sides) -> None:
    await prepare(books)
    await books.store.change(EndAllowance("gift", NOON + 2 * HOUR))
    await books.store.change(EndAllowance("gift", NOON + HOUR))

    with pytest.raises(Conflict, match="ends at"):
        await books.store.change(EndAllowance("gift", NOON + 2 * HOUR))
    with pytest.raises(Refused, match="no allowance 'other'"):
        await books.store.change(EndAllowance("other", NOON))

    [_, gift] = await books.reader.allowances()
    assert gift.allowance.until == NOON + HOUR


async def test_an_allowance_that_is_ended_before_it_begins_never_pays(books: Sides) -> None:
    await prepare(books)
    await books.store.change(EndAllowance("gift", NOON - HOUR))
    [_, gift] = await books.reader.allowances()
    assert gift.allowance.until == gift.allowance.since


async def test_bundles_imported_together_are_imported_all_or_none(books: Sides) -> None:
    await books.store.change(AddBundle(a_bundle()))
    both = Together((AddBundle(a_credit()), AddBundle(a_bundle())))
    with pytest.raises(Conflict):
        await books.store.change(both)
    assert await books.reader.bundles() == [a_bundle()]


# ---------------------------------------------------------------------- drawing


async def test_a_call_keeps_what_it_took_and_the_pool_follows(books: Sides) -> None:
    await prepare(books)

    committed = await books.store.submit(taking(a_call(micros=0), GIFT))

    assert committed.facts is not None
    assert committed.facts.drawn == {GIFT: 60}
    call = await books.reader.call("hotel/1")
    assert call is not None
    assert (call.draws, call.debit_micros) == ((seconds(60),), 0)
    assert await books.reader.calls(CallFilter()) == [call]
    assert await used(books, GIFT) == [60]
    assert await books.reader.draws("room-1", None, None) == [
        PostedDraw("hotel/1", seconds(60), books.clock.now())
    ]


async def test_calls_of_one_commit_share_exactly_what_there_is(books: Sides) -> None:
    await prepare(books)
    await books.store.change(CreateAccount(an_account("room-2")))
    await books.store.change(given("both", "minutes", "room-1", "room-2"))
    accounts = ["room-1", "room-2"] * 10
    calls = [
        a_call(str(number), account=account, micros=0) for number, account in enumerate(accounts)
    ]

    futures = [books.store.submit(taking(call, pool("both"), needs=45)) for call in calls]
    committed = [await future for future in futures]

    taken = [sum(each.facts.drawn.values()) for each in committed if each.facts]
    assert taken == [45] * 13 + [15] + [0] * 6
    assert await used(books, pool("both")) == [600]


async def test_a_call_may_take_of_several_in_order(books: Sides) -> None:
    await prepare(books)
    await books.store.change(given("more"))
    await books.store.submit(taking(a_call(micros=0), GIFT, pool("more"), needs=1000))

    call = await books.reader.call("hotel/1")

    assert call is not None
    assert call.draws == (seconds(600), seconds(400, pool("more")))


async def test_what_bundles_of_money_pay_is_not_debited(books: Sides) -> None:
    await prepare(books)
    bonus = pool("bonus")
    operation = taking(a_call(), bonus, amount=1_000_000, needs=200_000, unit=Unit.MONEY)
    await books.store.submit(operation)

    assert (await books.state()).balance_micros == -50_000
    call = await books.reader.call("hotel/1")
    assert call is not None
    assert call.price == a_price()
    assert call.debit_micros == 50_000
    [priced] = await books.reader.priced_calls("room-1", a_run(), START, 10)
    assert (priced.micros, priced.bundle_micros, priced.debit_micros) == (250_000, 200_000, 50_000)
    assert priced.draws == call.draws


async def test_a_call_told_twice_takes_once(books: Sides) -> None:
    await prepare(books)
    await books.store.submit(taking(a_call(micros=0), GIFT))

    again = await books.store.submit(taking(a_call(micros=0), GIFT))

    assert again.facts is None
    assert again.first_call is not None
    assert again.first_call.draws == (seconds(60),)
    assert await used(books, GIFT) == [60]


async def test_a_second_call_under_the_same_id_takes_for_itself(books: Sides) -> None:
    await prepare(books)
    await books.store.submit(taking(a_call(micros=0), GIFT))
    late = a_call(record=a_record("1", NOON + HOUR), micros=0)

    committed = await books.store.submit(taking(late, GIFT))

    assert committed.facts is not None
    assert committed.facts.call is not None
    assert committed.facts.call.draws == (seconds(60),)
    assert await used(books, GIFT) == [120]


async def test_a_waiting_call_takes_when_it_is_billed(books: Sides) -> None:
    await prepare(books)
    await books.store.submit(posting(a_call(status=CallStatus.UNRATED)))

    await books.store.submit(taking(a_call(micros=0), GIFT, settles=CallStatus.UNRATED))

    call = await books.reader.call("hotel/1")
    assert call is not None
    assert call.draws == (seconds(60),)
    assert await used(books, GIFT) == [60]


@pytest.mark.parametrize(
    "wrong",
    [
        taking(a_call(micros=0), GIFT, amount=9_999, needs=601),
        taking(a_call(micros=0), pool("nobody")),
        taking(a_call(micros=0), GIFT)._replace(pools=(pool("bonus"),)),
    ],
    ids=["more than there is", "of nothing", "of what was not looked at"],
)
async def test_what_cannot_be_taken_leaves_the_calls_beside_it(
    books: Sides, wrong: Operation
) -> None:
    await prepare(books)
    futures = [
        books.store.submit(taking(a_call("before", micros=0), GIFT)),
        books.store.submit(wrong),
        books.store.submit(taking(a_call("after", micros=0), GIFT)),
    ]
    done, _ = await asyncio.wait(futures)

    assert len([each for each in done if each.exception() is not None]) == 1
    assert await used(books, GIFT) == [120]
    assert await books.reader.call("hotel/1") is None


async def test_facts_that_owe_another_amount_are_not_written(books: Sides) -> None:
    await prepare(books)
    operation = taking(a_call(), GIFT, unit=Unit.SECONDS)
    wrong = operation._replace(
        decide=lambda state, pools: operation.decide(state, pools)._replace(transfers=()),
    )
    with pytest.raises(AssertionError):
        await books.store.submit(wrong)
    assert await used(books, GIFT) == [0]


async def test_recent_pools_are_those_of_the_month_and_those_without_one(books: Sides) -> None:
    await prepare(books)
    await books.store.change(AddBundle(monthly()))
    await books.store.change(given("month", "monthly"))
    months = [pool("month", NOON + timedelta(days=days)) for days in (0, 30)]
    for number, key in enumerate([GIFT, *months]):
        await books.store.submit(taking(a_call(str(number), micros=0), key))

    found = await books.reader.recent_pools(NOON + timedelta(days=1))

    assert found == {GIFT: 60, months[1]: 60}


async def test_draws_are_listed_by_account_and_by_when_they_were_posted(books: Sides) -> None:
    await prepare(books)
    await books.store.change(CreateAccount(an_account("room-2")))
    await books.store.change(given("both", "minutes", "room-1", "room-2"))
    await books.store.submit(taking(a_call("early", micros=0), GIFT))
    books.clock.pass_time(60)
    since = books.clock.now()
    await books.store.submit(taking(a_call("late", micros=0), GIFT))
    await books.store.submit(taking(a_call("other", account="room-2", micros=0), pool("both")))

    late = await books.reader.draws("room-1", since, None)
    early = await books.reader.draws("room-1", None, since)

    assert [each.call for each in early] == ["hotel/early"]
    assert [each.call for each in late] == ["hotel/late"]


# ---------------------------------------------------------------------- rating again


async def test_a_call_rated_again_gives_back_and_takes_anew(books: Sides) -> None:
    await prepare(books)
    await books.store.submit(taking(a_call(), GIFT))

    committed = await reprice(books, 100_000, seconds(20))

    assert committed.facts is not None
    assert committed.facts.drawn == {GIFT: -40}
    call = await books.reader.call("hotel/1")
    assert call is not None
    assert (call.draws, call.debit_micros) == ((seconds(20),), 100_000)
    assert await used(books, GIFT) == [20]
    amounts = [each.draw.amount for each in await books.reader.draws("room-1", None, None)]
    assert amounts == [60, -60, 20]


async def test_a_price_may_stay_and_bundles_pay_more_of_it(books: Sides) -> None:
    await prepare(books)
    await books.store.submit(posting(a_call()))
    bonus = pool("bonus")

    await reprice(books, 250_000, Draw(bonus, Unit.MONEY, 250_000), pools=(bonus,))

    assert (await books.state()).balance_micros == 0
    [priced] = await books.reader.priced_calls("room-1", a_run(2), START, 10)
    assert (priced.debit_micros, priced.debited) == (0, None)

    await reprice(books, 250_000, run=2, pools=(bonus,))

    assert (await books.state()).balance_micros == -250_000
    [priced] = await books.reader.priced_calls("room-1", a_run(3), START, 10)
    assert (priced.debit_micros, priced.debited) == (250_000, "rerate:2:room-1:hotel/1")
    assert await used(books, bonus) == [0]


async def test_what_a_hook_changed_is_kept_beside_what_bundles_pay(books: Sides) -> None:
    await prepare(books)
    bonus, gift = pool("bonus"), Draw(pool("bonus"), Unit.MONEY, 50_000)
    changes = [Adjustment(reason=text, percent_ppm=-500_000) for text in ("Lift", "Porter")]
    first, newer = (a_price(250_000)._replace(adjustment=each) for each in changes)
    call = a_call(record=a_record()._replace(origin=Origin("4711", "branch")), price=first)
    await books.store.submit(taking(call, bonus, needs=50_000, unit=Unit.MONEY, amount=1_000_000))

    kept = await books.reader.call("hotel/1")
    [priced] = await books.reader.priced_calls("room-1", a_run(1), START, 10)
    assert kept == call._replace(draws=(gift,))
    assert (priced.bundle_micros, priced.draws) == (50_000, (gift,))
    assert (priced.payer, priced.dialled) == (call.record.payer, call.record.dialled)

    await reprice(books, 250_000, price=newer, pools=(bonus,))

    assert await books.reader.call("hotel/1") == call._replace(price=newer)


async def test_what_is_held_comes_in_the_order_of_its_last_use(books: Sides) -> None:
    await prepare(books)
    await books.store.change(given("more"))
    more = pool("more")
    await books.store.submit(taking(a_call(), GIFT, more, needs=660))

    await reprice(books, 100_000, seconds(30, more), seconds(600), pools=(GIFT, more))

    call = await books.reader.call("hotel/1")
    assert call is not None
    assert call.draws == (seconds(30, more), seconds(600))


async def test_an_invoiced_call_gives_back_only_what_it_does_not_keep(books: Sides) -> None:
    await prepare(books)
    bonus = pool("bonus")
    operation = taking(a_call(), bonus, amount=1_000_000, needs=200_000, unit=Unit.MONEY)
    await books.store.submit(operation)
    await books.store.change(MarkInvoiced(("hotel/1",), "2026-10"))

    kept = Draw(bonus, Unit.MONEY, 150_000)
    committed = await reprice(books, 150_000, kept, pools=(bonus,))

    assert committed.facts is not None
    assert committed.facts.drawn == {bonus: -50_000}
    assert [each.change_micros for each in committed.facts.transfers] == [50_000]
    assert (await books.state()).balance_micros == 0
    amounts = [each.draw.amount for each in await books.reader.draws("room-1", None, None)]
    assert amounts == [200_000, -50_000]


async def test_a_slice_takes_no_more_than_there_is(books: Sides) -> None:
    await prepare(books)
    await books.store.submit(posting(a_call()))
    with pytest.raises(Exception, match="more than a bundle holds"):
        await reprice(books, 100_000, seconds(601))
    assert await used(books, GIFT) == [0]
    assert (await books.state()).balance_micros == -250_000
