"""What every Store must do with what would have been done; run against SQLite and the fake."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rtbill.domain.changes import AddObservations, CreateAccount
from rtbill.domain.observation import ObservationFilter, ObservedTotals
from rtbill.domain.rated import Facts
from tests.contract.conftest import Sides
from tests.fakes.books import a_call, a_record, an_account, an_observation, posting
from tests.fakes.environment import NOON

DAY = timedelta(days=1)


async def test_an_observation_is_kept_as_it_was_told_with_the_time_of_telling(books: Sides) -> None:
    told = an_observation(
        "cut:hotel/1",
        call="hotel/1",
        extension=None,
        beyond_us=1_500_000,
        beyond_micros=250_001,
        currency="EUR",
    )
    await books.store.change(AddObservations((told,), NOON + DAY))

    [kept] = await books.reader.observations(ObservationFilter())

    assert (kept.observation, kept.posted_at) == (told, NOON + DAY)


async def test_a_fact_told_twice_is_observed_once(books: Sides) -> None:
    first, again = an_observation(text="first"), an_observation(text="again")
    await books.store.change(AddObservations((first, again), NOON))
    await books.store.change(AddObservations((again,), NOON + DAY))

    [kept] = await books.reader.observations(ObservationFilter())

    assert (kept.observation, kept.posted_at) == (first, NOON)


async def test_the_observations_of_an_operation_enter_the_books_with_its_call(
    books: Sides,
) -> None:
    told = an_observation("cut:hotel/1", call="hotel/1")
    operation = posting(a_call("1"), finish=lambda facts: facts._replace(observations=(told,)))
    await books.store.submit(operation)
    await books.store.submit(operation)

    assert [each.observation for each in await books.reader.observations(ObservationFilter())] == [
        told
    ]


async def test_an_operation_that_is_refused_observes_nothing(books: Sides) -> None:
    def crooked(facts: Facts) -> Facts:
        wrong = facts.state._replace(balance_micros=1)
        return facts._replace(state=wrong, observations=(an_observation(),))

    with pytest.raises(AssertionError):
        await books.store.submit(posting(a_call("1"), finish=crooked))

    assert await books.reader.observations(ObservationFilter()) == []


async def test_a_second_call_under_the_same_id_is_observed_under_its_own(books: Sides) -> None:
    def observed(facts: Facts) -> Facts:
        return facts._replace(observations=(an_observation("cut:hotel/1", call="hotel/1"),))

    later = a_call(record=a_record("1", NOON + timedelta(hours=1)))
    await books.store.submit(posting(a_call("1"), finish=observed))
    await books.store.submit(posting(later, finish=observed))

    second, first = await books.reader.observations(ObservationFilter())
    assert first.observation.call == "hotel/1"
    assert str(second.observation.call).startswith("hotel/1@")
    assert second.observation.key == f"cut:{second.observation.call}"


async def test_observations_are_listed_newest_first_and_filtered(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    told = (
        an_observation("lock:a", at=NOON),
        an_observation("lock:b", at=NOON + 2 * DAY, pbx="annex"),
        an_observation("open:c", at=NOON + DAY, account="room-2"),
        an_observation("open:d", at=NOON + DAY),
    )
    await books.store.change(AddObservations(told, NOON))

    async def keys(**wanted: Any) -> str:
        found = await books.reader.observations(ObservationFilter(**wanted))
        return " ".join(each.observation.key for each in found)

    assert await keys() == "lock:b open:d open:c lock:a"
    assert await keys(limit=2) == "lock:b open:d"
    assert await keys(since=NOON + DAY) == "lock:b open:d open:c"
    assert await keys(pbx="annex") == "lock:b"
    assert await keys(account="room-2") == "open:c"


async def test_a_call_refused_that_went_on_counts_as_refused_and_its_money_as_beyond(
    books: Sides,
) -> None:
    def beyond(us: int, micros: int | None) -> dict[str, Any]:
        return {
            "beyond_us": us,
            "beyond_micros": micros,
            "currency": None if micros is None else "EUR",
        }

    told = (
        an_observation("lock:a"),
        an_observation("lock:b"),
        an_observation("open:c"),
        an_observation("refuse:hotel/1", call="hotel/1"),
        an_observation("refuse:hotel/2", call="hotel/2"),
        an_observation("cut:hotel/1", call="hotel/1", **beyond(60_000_000, 100_000)),
        an_observation("cut:hotel/3", call="hotel/3", **beyond(2_000_000, 20_000)),
        an_observation("cut:hotel/4", call="hotel/4", **beyond(1_000_000, None)),
    )
    await books.store.change(AddObservations(told, NOON))

    assert await books.reader.observed_totals(ObservationFilter(limit=1)) == ObservedTotals(
        locks=2,
        opens=1,
        refused=2,
        cut=2,
        beyond_us=63_000_000,
        beyond_micros={"EUR": 120_000},
    )
    assert await books.reader.observed_totals(ObservationFilter(pbx="annex")) == ObservedTotals()
