"""Calls added up by every store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rtbill.domain.call import Outcome
from rtbill.domain.changes import CreateAccount
from rtbill.domain.rated import CallStatus, Price
from rtbill.domain.usage import Usage, UsageQuestion
from tests.contract.conftest import Sides
from tests.fakes.books import a_call, a_record, an_account, posting
from tests.fakes.environment import NOON

HOUR = timedelta(hours=1)


def a_sum(**fields: Any) -> Usage:
    nothing = {"tax_micros": 0, "cost_micros": 0, "costed": 0, "costed_net_micros": 0}
    return Usage(**({"currency": "EUR"} | nothing | fields))


async def book(
    books: Sides, leg: str, hours: float = 0, talk_s: int = 60, account: str = "room-1", **more: Any
) -> None:
    began = NOON + timedelta(hours=hours)
    record = a_record(leg, began, ended_at=began + timedelta(seconds=talk_s))
    await books.store.submit(posting(a_call(record=record, account=account, **more)))


def a_price(micros: int, destination: str = "Bern", **more: Any) -> Price:
    return Price(micros, "EUR", "retail", 1, "4131", destination, 60, **more)


async def asked(books: Sides, **more: Any) -> list[Usage]:
    question = UsageQuestion(**({"since": NOON, "until": NOON + 24 * HOUR} | more))
    return list((await books.reader.usage(question)).sums)


async def test_calls_of_the_span_are_added_up(books: Sides) -> None:
    for leg, hours in (("before", -0.1), ("first", 0), ("last", 23.9), ("after", 24)):
        await book(books, leg, hours, 61)
    assert await asked(books) == [
        a_sum(calls=2, talk_us=122_000_000, billed_s=120, micros=500_000),
    ]


async def test_sums_are_by_account_person_and_destination_as_asked(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    await book(books, "1", price=a_price(100_000), person="Kim")
    await book(books, "2", price=a_price(200_000, "Geneva"), person="Ash")
    await book(books, "3", price=a_price(400_000), account="room-2")
    found = await asked(books, by_account=True, by_destination=True)
    assert [(each.account, each.destination, each.micros) for each in found] == [
        ("room-1", "Bern", 100_000),
        ("room-1", "Geneva", 200_000),
        ("room-2", "Bern", 400_000),
    ]
    by_person = await asked(books, by_person=True)
    assert [(each.person, each.micros) for each in by_person] == [
        (None, 400_000),
        ("Ash", 200_000),
        ("Kim", 100_000),
    ]
    [one] = await asked(books, account="room-2")
    assert (one.calls, one.micros) == (1, 400_000)


async def test_margin_is_of_the_calls_whose_cost_is_known(books: Sides) -> None:
    await book(books, "1", price=a_price(1_190_000, tax_micros=190_000, cost_micros=400_000))
    await book(books, "2", price=a_price(595_000, tax_micros=95_000))
    [found] = await asked(books)
    assert (found.micros, found.tax_micros) == (1_785_000, 285_000)
    assert (found.cost_micros, found.costed, found.margin_micros) == (400_000, 1, 600_000)


async def test_what_has_no_price_is_counted_apart_and_what_is_free_not_at_all(
    books: Sides,
) -> None:
    await book(books, "1", status=CallStatus.UNRATED)
    await book(books, "2", status=CallStatus.UNCONFIRMED)
    await book(books, "3", status=CallStatus.FREE)
    record = a_record("4", None, outcome=Outcome.UNANSWERED)
    await books.store.submit(posting(a_call(status=CallStatus.UNANSWERED, record=record)))
    found = await books.reader.usage(UsageQuestion(since=NOON, until=NOON + HOUR))
    assert (list(found.sums), found.waiting) == ([], 2)
