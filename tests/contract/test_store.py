"""What every Store with its Reader must do; run against SQLite and against the fake."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rtbill.domain.account import (
    AccountState,
    Extension,
    Incoming,
    Membership,
    Outgoing,
    Service,
)
from rtbill.domain.adjustment import Adjustment
from rtbill.domain.bundle import Pools
from rtbill.domain.call import CallId
from rtbill.domain.changes import (
    AddPricePlan,
    AddTariff,
    Assign,
    ChangeAccount,
    CreateAccount,
    DropCall,
    EndMembership,
    Heard,
    NoticesSent,
    PostNotices,
)
from rtbill.domain.errors import Conflict, Refused, UnknownAccount
from rtbill.domain.notice import Notice
from rtbill.domain.rated import CallStatus, Facts
from rtbill.domain.tariff import TimeBand
from rtbill.domain.work import Operation
from rtbill.ports import CallFilter, Store
from tests.contract.conftest import Sides
from tests.fakes.books import (
    a_call,
    a_leg,
    a_price,
    a_rate,
    a_record,
    a_tariff,
    an_account,
    credit,
    posting,
)
from tests.fakes.environment import NOON
from tests.unit.rating.builders import a_discount, a_markup, a_plan, a_tax

DAY = timedelta(days=1)
LOCKED = Service(Outgoing.LOCKED, Incoming.DIVERT)
DESK = Extension("hotel", "1001")


async def test_a_call_is_kept_whole_and_debits_its_account(books: Sides) -> None:
    call = a_call(person="Ms Muster", note="")
    committed = await books.store.submit(posting(call))
    assert committed.facts is not None
    assert committed.facts.state.balance_micros == -250_000
    assert await books.reader.call("hotel/1") == call
    assert await books.state() == committed.facts.state
    (posted,) = await books.reader.transfers("room-1", None, None)
    assert posted.transfer == committed.facts.transfers[0]
    assert posted.posted_at == NOON


async def test_a_known_call_changes_nothing_and_returns_the_first_result(books: Sides) -> None:
    first = await books.store.submit(posting(a_call()))
    again = await books.store.submit(posting(a_call(micros=999_999)))
    assert first.facts is not None
    assert again.facts is None
    assert again.first == first.facts.transfers[0]
    assert again.first_call == a_call()
    assert (await books.state()).version == 1


async def test_the_same_call_twice_at_once_is_debited_once(books: Sides) -> None:
    futures = [books.store.submit(posting(a_call())) for _ in range(5)]
    results = [await future for future in futures]
    assert [result.facts is None for result in results] == [False, True, True, True, True]
    assert (await books.state()).balance_micros == -250_000


async def test_a_known_free_call_returns_no_transfer(books: Sides) -> None:
    await books.store.submit(posting(a_call(status=CallStatus.FREE)))
    again = await books.store.submit(posting(a_call(status=CallStatus.FREE)))
    assert again.first is None
    assert again.first_call is not None


async def test_a_known_credit_returns_the_first_transfer(books: Sides) -> None:
    first = await books.store.submit(credit("receipt 7"))
    again = await books.store.submit(credit("receipt 7", 99))
    assert first.facts is not None
    assert again.first == first.facts.transfers[0]
    assert (await books.state()).balance_micros == 10_000_000


async def test_a_credit_key_of_another_account_is_a_conflict(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    await books.store.submit(credit("receipt 7"))
    with pytest.raises(Conflict, match="receipt 7"):
        await books.store.submit(credit("receipt 7", account="room-2"))


async def test_transfers_are_found_by_their_keys_whosever_they_are(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    made = [
        await books.store.submit(credit("receipt 7", account="room-2")),
        await books.store.submit(posting(a_call())),
    ]
    first, second = (each.facts.transfers[0] for each in made if each.facts)
    keys = ["credit:receipt 7", "call:hotel/1", "credit:receipt 8", *map(str, range(2000))]
    assert await books.reader.transfers_by_key(keys) == {first.key: first, second.key: second}
    assert await books.reader.transfers_by_key([]) == {}


async def test_operations_of_an_account_see_each_other_in_order(books: Sides) -> None:
    futures = [books.store.submit(posting(a_call(str(number)))) for number in range(600)]
    results = [await future for future in futures]
    versions = [result.facts.state.version for result in results if result.facts]
    assert versions == list(range(1, 601))
    posted = await books.reader.transfers("room-1", None, None)
    assert [one.transfer.balance_after_micros for one in posted] == [
        -250_000 * number for number in range(1, 601)
    ]


async def test_a_change_of_terms_is_seen_by_the_operation_behind_it(books: Sides) -> None:
    seen: list[int] = []

    def decide(state: AccountState, _pools: Pools) -> Facts:
        seen.append(state.account.credit_limit_micros)
        return Facts(state)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(books.store.change(ChangeAccount(an_account(credit_limit_micros=77))))
        await asyncio.sleep(0)
        tasks.create_task(_done(books.store, Operation("room-1", "look", decide)))
    assert seen == [77]
    assert (await books.state()).account.credit_limit_micros == 77


async def _done(store: Store, operation: Operation) -> None:
    await store.submit(operation)


async def test_an_unknown_account_is_refused(books: Sides) -> None:
    with pytest.raises(UnknownAccount, match="room-9"):
        await books.store.submit(posting(a_call(account="room-9")))


async def test_a_refusal_of_one_operation_leaves_the_others(books: Sides) -> None:
    def refuse(state: AccountState, _pools: Pools) -> Facts:
        raise Refused(f"{state.account.id} may not")

    futures = [
        books.store.submit(posting(a_call("1"))),
        books.store.submit(Operation("room-1", "credit:no", refuse)),
        books.store.submit(posting(a_call("2"))),
    ]
    await futures[0]
    with pytest.raises(Refused, match="room-1 may not"):
        await futures[1]
    last = await futures[2]
    assert last.facts is not None
    assert last.facts.state.version == 2


async def test_facts_that_do_not_add_up_are_not_written(books: Sides) -> None:
    def too_much(facts: Facts) -> Facts:
        return facts._replace(state=facts.state._replace(balance_micros=1_000_000))

    with pytest.raises(AssertionError, match="does not follow"):
        await books.store.submit(posting(a_call(), finish=too_much))
    assert await books.reader.call("hotel/1") is None
    assert (await books.state()).version == 0


async def test_an_unrated_call_is_settled_by_its_later_price(books: Sides) -> None:
    await books.store.submit(posting(a_call(status=CallStatus.UNRATED, note="no rate")))
    await books.store.submit(posting(a_call(), settles=CallStatus.UNRATED))
    assert await books.reader.call("hotel/1") == a_call()
    assert (await books.state()).balance_micros == -250_000
    counts = await books.reader.status_counts()
    assert (counts[CallStatus.UNRATED], counts[CallStatus.RATED]) == (0, 1)


async def test_settling_moves_the_call_to_another_payer(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("suspense")))
    waiting = a_call(status=CallStatus.UNCONFIRMED, account="suspense")
    await books.store.submit(posting(waiting))
    await books.store.submit(posting(a_call(), settles=CallStatus.UNCONFIRMED))
    assert (await books.state("suspense")).balance_micros == 0
    assert (await books.state()).balance_micros == -250_000


@pytest.mark.parametrize("booked", [CallStatus.RATED, CallStatus.UNRATED, None])
async def test_settling_what_does_not_wait_is_a_conflict(
    books: Sides, booked: CallStatus | None
) -> None:
    if booked is not None:
        await books.store.submit(posting(a_call(status=booked)))
    before = await books.state()
    with pytest.raises(Conflict, match="hotel/1"):
        await books.store.submit(posting(a_call(), settles=CallStatus.UNCONFIRMED))
    assert await books.state() == before


async def test_a_dropped_call_keeps_the_reason_and_is_final(books: Sides) -> None:
    await books.store.submit(posting(a_call(status=CallStatus.UNCONFIRMED)))
    await books.store.change(DropCall("hotel/1", "wrong number", NOON))
    dropped = await books.reader.call("hotel/1")
    assert dropped is not None
    assert (dropped.status, dropped.note) == (CallStatus.DROPPED, "wrong number")
    with pytest.raises(Conflict, match="dropped"):
        await books.store.change(DropCall("hotel/1", "again", NOON))
    with pytest.raises(Refused, match="hotel/2"):
        await books.store.change(DropCall("hotel/2", "unknown", NOON))


async def test_one_id_with_two_answer_times_is_an_alarm_and_a_leg_of_its_own(books: Sides) -> None:
    later = a_call(record=a_record("1", NOON + timedelta(hours=1)))
    await books.store.submit(posting(a_call()))
    second = await books.store.submit(posting(later))
    again = await books.store.submit(posting(later))
    assert second.facts is not None
    assert second.facts.call is not None
    new = second.facts.call.record.id
    assert new == CallId("hotel", "1@1791205200000000")
    assert again.facts is None
    assert again.first_call == second.facts.call
    assert (await books.state()).balance_micros == -500_000
    posted = await books.reader.transfers("room-1", None, None)
    assert [one.transfer.call for one in posted] == ["hotel/1", str(new)]
    (alarm,) = await books.reader.waiting_notices(10)
    assert (alarm.notice.kind, alarm.notice.subject) == ("alarm.raised", str(new))


async def test_two_reports_two_seconds_apart_are_one_call(books: Sides) -> None:
    await books.store.submit(posting(a_call()))
    same = a_call(record=a_record("1", NOON + timedelta(seconds=2)))
    assert (await books.store.submit(posting(same))).facts is None
    assert await books.reader.waiting_notices(10) == []


async def test_an_answered_call_with_the_id_of_an_unanswered_one_is_billed(books: Sides) -> None:
    missed = a_call(status=CallStatus.UNANSWERED, record=a_record("1", None))
    await books.store.submit(posting(missed))
    assert (await books.store.submit(posting(a_call()))).facts is not None
    assert (await books.store.submit(posting(missed))).facts is None
    assert (await books.state()).balance_micros == -250_000


async def test_the_wanted_service_is_stored_with_the_debit(books: Sides) -> None:
    def lock(facts: Facts) -> Facts:
        before = facts.state.service
        return facts._replace(state=facts.state._replace(service=LOCKED), service_before=before)

    await books.store.submit(posting(a_call(), finish=lock))
    assert (await books.state()).service == LOCKED


async def test_an_account_exists_once_and_keeps_its_currency(books: Sides) -> None:
    with pytest.raises(Conflict, match="exists already"):
        await books.store.change(CreateAccount(an_account()))
    with pytest.raises(Conflict, match="EUR"):
        await books.store.change(ChangeAccount(an_account(currency="CHF")))
    with pytest.raises(UnknownAccount, match="room-9"):
        await books.store.change(ChangeAccount(an_account("room-9")))
    with pytest.raises(Refused, match="revenue:x"):
        await books.store.change(CreateAccount(an_account("revenue:x")))


async def test_overlapping_memberships_are_refused_by_name(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    held = Membership(account="room-1", extension=DESK, valid_from=NOON)
    await books.store.change(Assign(held))
    wanted = Membership(account="room-2", extension=DESK, valid_from=NOON + DAY)
    with pytest.raises(Conflict, match="hotel/1001 belongs to account room-1"):
        await books.store.change(Assign(wanted))
    assert await books.reader.memberships() == [held]


async def test_the_same_number_on_two_exchanges_is_two_extensions(books: Sides) -> None:
    here = Membership(account="room-1", extension=DESK, valid_from=NOON, person="Ms Muster")
    there = replace(here, extension=Extension("annex", "1001"), valid_until=NOON + DAY)
    await books.store.change(Assign(here))
    await books.store.change(Assign(there))
    assert await books.reader.memberships() == [there, here]


async def test_a_move_ends_the_membership_before_it(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    held = Membership(account="room-1", extension=DESK, valid_from=NOON)
    wanted = Membership(account="room-2", extension=DESK, valid_from=NOON + DAY)
    await books.store.change(Assign(held))
    await books.store.change(Assign(wanted, move=True))
    assert await books.reader.memberships() == [replace(held, valid_until=NOON + DAY), wanted]


async def test_a_move_does_not_run_into_a_later_membership(books: Sides) -> None:
    later = Membership(account="room-1", extension=DESK, valid_from=NOON + DAY)
    await books.store.change(Assign(later))
    with pytest.raises(Conflict, match="room-1"):
        await books.store.change(Assign(replace(later, valid_from=NOON), move=True))
    bounded = replace(later, valid_from=NOON, valid_until=NOON + DAY)
    await books.store.change(Assign(bounded))
    assert await books.reader.memberships() == [bounded, later]


async def test_a_membership_ends_only_for_its_holder(books: Sides) -> None:
    held = Membership(account="room-1", extension=DESK, valid_from=NOON)
    await books.store.change(Assign(held))
    with pytest.raises(Conflict, match="room-1, not room-2"):
        await books.store.change(EndMembership("room-2", DESK, NOON + DAY))
    with pytest.raises(Refused, match="nobody holds"):
        await books.store.change(EndMembership("room-1", DESK, NOON - DAY))
    await books.store.change(EndMembership("room-1", DESK, NOON + DAY))
    assert await books.reader.memberships() == [replace(held, valid_until=NOON + DAY)]
    await books.store.change(EndMembership("room-1", DESK, NOON))
    assert await books.reader.memberships() == []


async def test_a_membership_needs_an_account_and_a_span(books: Sides) -> None:
    held = Membership(account="room-9", extension=DESK, valid_from=NOON)
    with pytest.raises(UnknownAccount, match="room-9"):
        await books.store.change(Assign(held))
    with pytest.raises(Refused, match="ends before it begins"):
        await books.store.change(Assign(replace(held, account="room-1", valid_until=NOON)))


async def test_versions_of_a_price_plan_stand_beside_each_other(books: Sides) -> None:
    first = a_plan(markups=(a_markup("20", prefixes="49"),), tax=a_tax())
    second = a_plan(version=2, discounts=(a_discount(until=NOON),))
    other = a_plan("vip", "retail", name="annexe-plan", is_at_cost=True)
    for plan in (first, second, other):
        await books.store.change(AddPricePlan(plan))
    assert await books.reader.price_plans() == [other, first, second]
    for version in (1, 2):
        with pytest.raises(Conflict, match="price plan hall-plan has version"):
            await books.store.change(AddPricePlan(a_plan(version=version)))
    assert await books.reader.price_plans() == [other, first, second]


async def test_a_call_is_kept_with_plan_tax_and_what_the_carrier_takes(books: Sides) -> None:
    await books.store.change(AddPricePlan(a_plan(version=4)))
    price = a_price(297_500)._replace(
        plan="hall-plan", plan_version=4, tax_micros=47_500, cost_micros=0
    )
    call = a_call()._replace(price=price)
    await books.store.submit(posting(call))
    assert await books.reader.call("hotel/1") == call
    [listed] = await books.reader.calls(CallFilter())
    assert listed.price == price


async def test_what_a_hook_changed_is_kept_with_the_call(books: Sides) -> None:
    changed = Adjustment(reason="Night: „half“", price_list="night", percent_ppm=-500_000)
    call = a_call()._replace(price=a_price()._replace(adjustment=changed))
    await books.store.submit(posting(call))
    assert await books.reader.call("hotel/1") == call
    [listed] = await books.reader.calls(CallFilter())
    assert listed.price == call.price


async def test_tariff_versions_stand_beside_each_other(books: Sides) -> None:
    weekend = TimeBand(days=frozenset({5, 6}))
    first = a_tariff(1, (a_rate("41"), a_rate("4179", band=weekend, destination="Mobile")))
    second = a_tariff(2)
    await books.store.change(AddTariff(first))
    await books.store.change(AddTariff(second))
    assert await books.reader.tariffs() == [first, second]
    with pytest.raises(Conflict, match="version"):
        await books.store.change(AddTariff(a_tariff(2, (a_rate("1"),))))
    assert await books.reader.tariffs() == [first, second]


async def test_notices_wait_in_order_until_sent(books: Sides) -> None:
    low = Notice("balance.low", "room-1", "EUR 1.00 left", NOON, (("left", "1.00"),))
    alarm = Notice("alarm.raised", "hotel", "link lost", NOON)
    await books.store.submit(posting(a_call(), finish=lambda facts: facts._replace(notices=(low,))))
    await books.store.change(PostNotices((alarm,)))
    waiting = await books.reader.waiting_notices(10)
    assert [one.notice for one in waiting] == [low, alarm]
    assert len(await books.reader.waiting_notices(1)) == 1
    await books.store.change(NoticesSent((waiting[0].id,)))
    assert await books.reader.waiting_notices(10) == [waiting[1]]


async def test_a_live_leg_is_evidence_until_its_call_is_booked(books: Sides) -> None:
    books.store.note_live(a_leg("1"))
    books.store.note_live(a_leg("2"))
    await books.store.change(Heard("hotel", NOON + DAY))
    rows = await books.reader.live_rows()
    assert [(row.leg, row.heard_until) for row in rows] == [
        (a_leg("1"), NOON + DAY),
        (a_leg("2"), NOON + DAY),
    ]
    await books.store.submit(posting(a_call("1")))
    assert [row.leg.id.leg for row in await books.reader.live_rows()] == ["2"]


async def test_a_known_call_closes_a_live_row_noted_after_it(books: Sides) -> None:
    await books.store.submit(posting(a_call("1")))
    books.store.note_live(a_leg("1"))
    await books.store.submit(posting(a_call("1")))
    assert await books.reader.live_rows() == []


async def test_a_statement_is_cut_by_the_time_of_posting(books: Sides) -> None:
    await books.store.submit(credit("one"))
    books.clock.pass_time(3600)
    await books.store.submit(credit("two"))
    cut = NOON + timedelta(minutes=30)
    before = await books.reader.transfers("room-1", None, cut)
    after = await books.reader.transfers("room-1", cut, None)
    assert [one.transfer.key for one in before] == ["credit:one"]
    assert [one.transfer.key for one in after] == ["credit:two"]


async def test_calls_are_listed_newest_first_and_filtered(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    for number, hours in enumerate((3, 1, 2)):
        record = a_record(str(number), NOON + timedelta(hours=hours), payer=f"100{number}")
        await books.store.submit(posting(a_call(record=record)))
    unrated = a_call("9", CallStatus.UNRATED, account="room-2", number="+33140000000")
    await books.store.submit(posting(unrated))

    async def legs(**wanted: Any) -> list[str]:
        found = await books.reader.calls(CallFilter(**wanted))
        return [call.record.id.leg for call in found]

    assert await legs() == ["0", "2", "1", "9"]
    assert await legs(limit=2) == ["0", "2"]
    assert await legs(account="room-1") == ["0", "2", "1"]
    assert await legs(extension=Extension("hotel", "1001")) == ["1", "9"]
    assert await legs(status=CallStatus.UNRATED) == ["9"]
    assert await legs(since=NOON + timedelta(hours=2)) == ["0", "2"]
    assert await legs(until=NOON + timedelta(hours=2)) == ["1", "9"]
    assert await legs(number_prefix="+33") == ["9"]


async def test_the_first_and_the_last_call_are_known_and_none_without_calls(books: Sides) -> None:
    assert await books.reader.first_and_last_call() is None
    for number, hours in enumerate((3, 1, 2)):
        record = a_record(str(number), NOON + timedelta(hours=hours))
        await books.store.submit(posting(a_call(record=record)))
    expected = (NOON + timedelta(hours=1), NOON + timedelta(hours=3))
    assert await books.reader.first_and_last_call() == expected


async def test_every_status_is_counted_even_at_zero(books: Sides) -> None:
    await books.store.submit(posting(a_call("1")))
    await books.store.submit(posting(a_call("2", CallStatus.FREE)))
    counts = await books.reader.status_counts()
    assert dict(counts) == dict.fromkeys(CallStatus, 0) | {
        CallStatus.RATED: 1,
        CallStatus.FREE: 1,
    }
