"""Runs and newer prices: what every store promises about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from balance import ledger
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.changes import AddRun, CreateAccount, DropCall, MarkInvoiced, MoveRun
from rtbill.domain.errors import Conflict, Refused, UnknownAccount
from rtbill.domain.origin import Origin
from rtbill.domain.rated import START, CallStatus, PricedCall, Repriced
from rtbill.domain.rerating import Difference, Run, RunKind, RunState, Selection
from rtbill.domain.work import Committed, Repricing
from rtbill.ports import CallFilter
from tests.contract.conftest import Sides
from tests.fakes.books import a_call, a_price, a_record, an_account, credit, posting
from tests.fakes.environment import NOON


def a_run(number: int = 1, wanted: Selection | None = None, newest: int = 1000) -> Run:
    """A dry run made at noon."""
    return Run(
        id=number,
        kind=RunKind.RERATE,
        state=RunState.PLANNED,
        made_at=NOON,
        made_by="kim",
        moved_at=NOON,
        selection=wanted or Selection(),
        prices="digest",
        newest_call=newest,
        looked_at=2,
    )


def a_difference() -> Difference:
    """Two calls of 0.25 that cost 0.10 now."""
    return Difference(
        account="room-1",
        currency="EUR",
        changed=2,
        unpriced=0,
        old_micros=500_000,
        new_micros=200_000,
    )


async def begin(books: Sides, number: int = 1) -> Run:
    """A run that is under way."""
    run = a_run(number)
    await books.store.change(AddRun(run, (a_difference(),)))
    await books.store.change(MoveRun(number, RunState.UNDER_WAY, NOON))
    return replace(run, state=RunState.UNDER_WAY)


async def book(books: Sides, *legs: str) -> None:
    """Calls a minute apart, 0.25 each, after 10.00 were paid in."""
    await books.store.submit(credit("first"))
    for minute, leg in enumerate(legs):
        record = a_record(leg, NOON + timedelta(minutes=minute))
        await books.store.submit(posting(a_call(record=record)))


async def priced(books: Sides, run: Run | None = None, limit: int = 100) -> Sequence[PricedCall]:
    return await books.reader.priced_calls("room-1", run or a_run(), START, limit)


def slice_of(
    calls: Sequence[PricedCall], micros: int = 100_000, run: int = 1, *, is_last: bool = True
) -> Repricing:
    """Each of the calls costs so much now."""
    repriced = tuple(Repriced(call, a_price(micros)) for call in calls)
    decide = partial(ledger.reprice, run=run, at=NOON)
    return Repricing(
        run, "room-1", repriced, is_last, lambda state, left, _pools: decide(state, calls=left)
    )


async def reprice(books: Sides, micros: int = 100_000) -> Committed:
    return await books.store.reprice(slice_of(await priced(books), micros))


async def test_a_newer_price_is_shown_and_moves_the_difference(books: Sides) -> None:
    await book(books, "1", "2")
    await begin(books)

    committed = await reprice(books)

    assert committed.facts is not None
    assert (await books.state()).balance_micros == 9_800_000
    assert (await books.state()).version == 7
    for call in await books.reader.calls(CallFilter()):
        assert call.price == a_price(100_000)
        assert await books.reader.call(str(call.record.id)) == call
    [run] = await books.reader.runs(10)
    assert (run.done, run.state) == (2, RunState.UNDER_WAY)
    [difference] = await books.reader.differences(1)
    assert difference == replace(a_difference(), is_done=True)


async def test_a_newer_price_has_its_own_adjustment(books: Sides) -> None:
    await books.store.submit(credit("first"))
    changes = [Adjustment(reason=text, is_free=True) for text in ("Lift", "Porter")]
    price = a_price()._replace(adjustment=changes[0])
    await books.store.submit(posting(a_call()._replace(price=price)))
    await begin(books)

    [call] = await priced(books)
    newer = a_price(100_000)._replace(adjustment=changes[1])
    decide = partial(ledger.reprice, run=1, at=NOON, calls=[Repriced(call, newer)])
    slice_ = slice_of([call])
    await books.store.reprice(
        replace(slice_, calls=(Repriced(call, newer),), decide=lambda state, _, __: decide(state))
    )

    kept = await books.reader.call("hotel/1")
    assert kept is not None
    assert kept.price == newer


async def test_the_same_slice_again_posts_nothing(books: Sides) -> None:
    await book(books, "1", "2")
    await begin(books)
    slice_ = slice_of(await priced(books), is_last=False)

    first, again = await books.store.reprice(slice_), await books.store.reprice(slice_)

    assert first.facts is not None
    assert again == Committed(None, None)
    assert (await books.state()).balance_micros == 9_800_000
    assert [run.done for run in await books.reader.runs(10)] == [2]


async def test_a_slice_that_is_done_in_part_does_the_rest(books: Sides) -> None:
    await book(books, "1", "2")
    await begin(books)
    calls = await priced(books)
    await books.store.reprice(slice_of(calls[:1], is_last=False))

    committed = await books.store.reprice(slice_of(calls))

    assert committed.facts is not None
    assert [each.call.key for each in committed.facts.repriced] == ["hotel/2"]
    assert (await books.state()).balance_micros == 9_800_000


async def test_an_account_that_is_done_is_done(books: Sides) -> None:
    await book(books, "1")
    await begin(books)
    await reprice(books)

    assert await reprice(books, micros=7) == Committed(None, None)
    assert (await books.state()).balance_micros == 9_900_000


@pytest.mark.parametrize("state", [RunState.PLANNED, RunState.DROPPED, None])
async def test_only_a_run_under_way_posts(books: Sides, state: RunState | None) -> None:
    await book(books, "1")
    if state is not None:
        await books.store.change(AddRun(a_run(), (a_difference(),)))
    if state is RunState.DROPPED:
        await books.store.change(MoveRun(1, RunState.DROPPED, NOON))

    with pytest.raises(Conflict, match="not under way"):
        await reprice(books)
    assert (await books.state()).balance_micros == 9_750_000


async def test_a_price_that_another_run_made_is_not_overwritten(books: Sides) -> None:
    await book(books, "1")
    stale = await priced(books)
    await begin(books)
    await books.store.reprice(slice_of(stale))
    await books.store.change(MoveRun(1, RunState.DONE, NOON))
    await begin(books, 2)

    with pytest.raises(Conflict, match="another price in run 1"):
        await books.store.reprice(slice_of(stale, micros=50_000, run=2))
    committed = await books.store.reprice(slice_of(await priced(books), micros=50_000, run=2))

    assert committed.facts is not None
    assert committed.facts.transfers[0].reverses == "rerate:1:room-1:hotel/1"
    assert (await books.state()).balance_micros == 9_950_000


async def test_a_slice_of_an_unknown_account_is_refused(books: Sides) -> None:
    await book(books, "1")
    await begin(books)
    with pytest.raises(UnknownAccount):
        await books.store.reprice(replace(slice_of(await priced(books)), account="nobody"))


async def test_facts_that_do_not_make_the_difference_are_not_written(books: Sides) -> None:
    await book(books, "1")
    await begin(books)
    slice_ = slice_of(await priced(books))
    wrong = replace(
        slice_,
        decide=lambda state, calls, pools: slice_.decide(state, calls, pools)._replace(repriced=()),
    )

    with pytest.raises(AssertionError):
        await books.store.reprice(wrong)
    assert (await books.state()).balance_micros == 9_750_000


async def test_priced_calls_come_in_pages_by_answer(books: Sides) -> None:
    await book(books, "1", "2", "3")
    late = a_record("4", NOON + timedelta(minutes=1))
    await books.store.submit(posting(a_call(record=late)))

    first = await priced(books, limit=2)
    rest = await books.reader.priced_calls("room-1", a_run(), first[-1].position, 9)

    assert [call.key for call in (*first, *rest)] == ["hotel/1", "hotel/2", "hotel/4", "hotel/3"]
    assert first[0] == PricedCall(
        row=1,
        key="hotel/1",
        pbx="hotel",
        trunk="carrier",
        number="+41315550100",
        began_us=first[0].began_us,
        answered_at=NOON,
        talk_us=60_000_000,
        micros=250_000,
        last_run=None,
        invoiced=None,
        debited="call:hotel/1",
        revenue="revenue:standard",
        payer="1001",
        dialled="0041315550100",
    )


async def test_only_what_was_rated_at_the_dry_run_belongs_to_it(books: Sides) -> None:
    await books.store.submit(posting(a_call("waits", CallStatus.UNRATED)))
    await book(books, "1", "2")
    books.clock.pass_time(1)
    settled = posting(a_call("waits"), settles=CallStatus.UNRATED)
    await books.store.submit(settled)

    found = await priced(books, a_run(newest=2))

    assert [call.key for call in found] == ["hotel/1"]
    assert await books.reader.newest_call() == 3


async def test_waiting_calls_come_in_pages_and_by_reason(books: Sides) -> None:
    for minute, status in enumerate((CallStatus.UNRATED, CallStatus.UNCONFIRMED) * 2):
        record = a_record(str(minute), NOON + timedelta(minutes=minute))
        await books.store.submit(posting(a_call(status=status, record=record)))
    await books.store.change(DropCall("hotel/3", "test", NOON))

    everything = await books.reader.waiting_calls(Selection(), START, 2)
    rest = await books.reader.waiting_calls(Selection(), everything[-1].position, 9)
    unrated = await books.reader.waiting_calls(
        Selection(reason=CallStatus.UNRATED, account="room-1"), START, 9
    )

    assert [each.call.record.id.leg for each in (*everything, *rest)] == ["0", "1", "2"]
    assert [each.call.record.id.leg for each in unrated] == ["0", "2"]


async def test_waiting_calls_are_chosen_by_the_trunk_they_came_in_by_and_the_cause(
    books: Sides,
) -> None:
    for number, (trunk, cause) in enumerate([("", 16), ("branch", 16), ("branch", 34)]):
        record = a_record(str(number), origin=Origin("", trunk), cause=cause)
        await books.store.submit(posting(a_call(status=CallStatus.UNRATED, record=record)))

    wanted = (Selection(in_trunk="branch"), Selection(cause=34), Selection(in_trunk="other"))
    found = [await books.reader.waiting_calls(each, START, 9) for each in wanted]

    legs = [[each.call.record.id.leg for each in page] for page in found]
    assert legs == [["1", "2"], ["2"], []]


async def test_a_run_keeps_what_was_chosen(books: Sides) -> None:
    wanted = Selection(
        since=NOON, until=NOON, account="room-1", pbx="hotel", trunk="t", number_prefix="+41",
        destination="Bern", tariff="retail", reason=CallStatus.UNRATED, in_trunk="b", cause=17,
    )  # fmt: skip
    await books.store.change(AddRun(a_run(wanted=wanted), (a_difference(),)))

    assert await books.reader.runs(10) == [a_run(wanted=wanted)]
    assert await books.reader.differences(1) == [a_difference()]


async def test_runs_are_numbered_without_gaps(books: Sides) -> None:
    with pytest.raises(Conflict, match="run 1 is next"):
        await books.store.change(AddRun(a_run(2), ()))
    await books.store.change(AddRun(a_run(1), ()))
    with pytest.raises(Conflict, match="run 2 is next"):
        await books.store.change(AddRun(a_run(1), ()))


async def test_one_run_at_a_time_is_under_way(books: Sides) -> None:
    await begin(books)
    await books.store.change(AddRun(a_run(2), ()))
    with pytest.raises(Conflict, match="run 1 is not finished"):
        await books.store.change(MoveRun(2, RunState.UNDER_WAY, NOON))
    await books.store.change(MoveRun(1, RunState.DROPPED, NOON))
    await books.store.change(MoveRun(2, RunState.UNDER_WAY, NOON))


async def test_a_run_is_done_when_all_its_accounts_are(books: Sides) -> None:
    await book(books, "1")
    await begin(books)
    with pytest.raises(Conflict, match="accounts left"):
        await books.store.change(MoveRun(1, RunState.DONE, NOON))
    await reprice(books)
    await books.store.change(MoveRun(1, RunState.DONE, NOON))
    with pytest.raises(Conflict, match="is done"):
        await books.store.change(MoveRun(1, RunState.UNDER_WAY, NOON))
    with pytest.raises(Refused, match="no run 9"):
        await books.store.change(MoveRun(9, RunState.DONE, NOON))


async def test_an_invoiced_call_is_adjusted(books: Sides) -> None:
    await book(books, "1")
    await books.store.change(MarkInvoiced(("hotel/1",), "2026-10"))
    await begin(books)

    committed = await reprice(books)

    assert committed.facts is not None
    [transfer] = committed.facts.transfers
    assert (transfer.kind, transfer.change_micros) == ("adjustment", 150_000)
    assert (transfer.debit, transfer.credit) == ("revenue:standard", "room-1")
    [again] = await priced(books)
    assert (again.invoiced, again.debited, again.micros) == ("2026-10", None, 100_000)


async def test_a_call_is_invoiced_once_and_only_when_it_is_rated(books: Sides) -> None:
    await book(books, "1")
    await books.store.submit(posting(a_call("waits", CallStatus.UNRATED)))
    for _ in range(2):
        await books.store.change(MarkInvoiced(("hotel/1",), "2026-10"))

    with pytest.raises(Conflict, match="invoice 2026-10 already"):
        await books.store.change(MarkInvoiced(("hotel/1",), "2026-11"))
    with pytest.raises(Refused, match="only a rated call"):
        await books.store.change(MarkInvoiced(("hotel/waits",), "2026-10"))
    with pytest.raises(Refused, match="no call"):
        await books.store.change(MarkInvoiced(("hotel/404",), "2026-10"))


async def test_the_calls_of_another_account_are_not_touched(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    await book(books, "1")
    await books.store.submit(posting(a_call("2", account="room-2")))
    await begin(books)

    await reprice(books)

    assert (await books.state("room-2")).balance_micros == -250_000
    assert [
        call.price and call.price.micros for call in await books.reader.calls(CallFilter())
    ] == [
        100_000 if call.account == "room-1" else 250_000
        for call in await books.reader.calls(CallFilter())
    ]
