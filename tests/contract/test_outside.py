"""What an outside billing package reports, reads and is told, in every store."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol, cast

import pytest

from rtbill.domain.changes import (
    CreateAccount,
    DropEvents,
    EventsSent,
    KeepEventsOf,
    QueueEvent,
    ReportBalance,
)
from rtbill.domain.errors import Conflict, UnknownAccount
from rtbill.domain.outside import BalanceReport, WebhookEvent
from rtbill.domain.rated import CallStatus
from rtbill.feed import Feed
from rtbill.ports import CallFilter, Reader
from tests.contract.conftest import Sides
from tests.fakes.books import a_call, an_account, credit, posting
from tests.fakes.environment import NOON

SECOND = timedelta(seconds=1)


class Both(Reader, Feed, Protocol):
    """A reader of either kind is a feed too."""


def feed(books: Sides) -> Feed:
    return cast(Both, books.reader)


def report(seconds: int, micros: int = 5, account: str = "room-1") -> ReportBalance:
    return ReportBalance(BalanceReport(account, NOON + seconds * SECOND, micros))


def event(name: str, webhook: str = "billing") -> QueueEvent:
    return QueueEvent(WebhookEvent(webhook, name, f'{{"id":"{name}"}}', NOON))


async def test_a_newer_report_is_taken_and_the_same_one_again(books: Sides) -> None:
    for each in (report(0), report(0), report(1, 6), report(1, 6)):
        await books.store.change(each)


async def test_an_older_report_is_refused_and_says_which_instant_is_known(books: Sides) -> None:
    await books.store.change(report(1))
    with pytest.raises(Conflict, match=r"a balance as of 2026-.*:01\+00:00 was reported already"):
        await books.store.change(report(0))


async def test_another_balance_for_the_same_instant_is_refused(books: Sides) -> None:
    await books.store.change(report(1, 2_500_000))
    with pytest.raises(Conflict, match=r"for that instant 2\.50 was reported before"):
        await books.store.change(report(1, 2_500_001))


async def test_reports_of_different_accounts_do_not_meet(books: Sides) -> None:
    await books.store.change(CreateAccount(an_account("room-2")))
    await books.store.change(report(1))
    await books.store.change(report(0, account="room-2"))
    with pytest.raises(UnknownAccount):
        await books.store.change(report(0, account="nobody"))


async def test_events_wait_in_order_for_their_own_webhook_until_they_are_sent(
    books: Sides,
) -> None:
    for each in (event("a"), event("x", "other"), event("b"), event("a"), event("c")):
        await books.store.change(each)
    waiting = await feed(books).waiting_events("billing", 2)
    assert [each.event.event for each in waiting] == ["a", "b"]
    assert waiting[0].event == WebhookEvent("billing", "a", '{"id":"a"}', NOON)

    await books.store.change(EventsSent(tuple(each.id for each in waiting)))
    left = await feed(books).waiting_events("billing", 9)
    assert [each.event.event for each in left] == ["c"]


async def test_events_of_a_webhook_that_nobody_wants_are_dropped(books: Sides) -> None:
    for each in (event("a"), event("x", "other")):
        await books.store.change(each)
    await books.store.change(DropEvents("billing"))
    assert await feed(books).waiting_events("billing", 9) == []
    assert len(await feed(books).waiting_events("other", 9)) == 1


@pytest.mark.parametrize("kept", [(), ("billing",), ("billing", "third")])
async def test_events_of_webhooks_that_are_gone_are_dropped(
    books: Sides, kept: tuple[str, ...]
) -> None:
    for each in (event("a"), event("x", "other")):
        await books.store.change(each)
    await books.store.change(KeepEventsOf(kept))
    assert len(await feed(books).waiting_events("billing", 9)) == len(kept[:1])
    assert await feed(books).waiting_events("other", 9) == []


async def test_the_newest_transfer_is_that_of_the_latest_version(books: Sides) -> None:
    assert await feed(books).newest_transfer("room-1") is None
    await books.store.submit(credit("one", 1_000_000))
    await books.store.submit(credit("two", 2_000_000))
    newest = await feed(books).newest_transfer("room-1")
    assert newest is not None
    assert (newest.transfer.key, newest.transfer.balance_after_micros) == ("credit:two", 3_000_000)


async def test_calls_come_in_the_order_of_posting_and_go_on_where_a_page_ended(
    books: Sides,
) -> None:
    for number in ("3", "1", "2"):
        await books.store.submit(posting(a_call(number)))
    first = await feed(books).calls_after(0, CallFilter(limit=2))
    assert [each.call.record.id.leg for each in first] == ["3", "1"]
    rest = await feed(books).calls_after(first[-1].row, CallFilter(limit=2))
    assert [each.call.record.id.leg for each in rest] == ["2"]
    assert await feed(books).calls_after(rest[-1].row, CallFilter()) == []


async def test_calls_are_found_by_account_status_and_instant(books: Sides) -> None:
    await books.store.submit(posting(a_call("1")))
    [posted] = await feed(books).calls_after(0, CallFilter())
    began = posted.call.record.answered_at
    assert began is not None
    for wanted, count in (
        (CallFilter(account="room-1"), 1),
        (CallFilter(account="room-2"), 0),
        (CallFilter(status=CallStatus.RATED), 1),
        (CallFilter(status=CallStatus.UNRATED), 0),
        (CallFilter(since=began), 1),
        (CallFilter(since=began + SECOND), 0),
        (CallFilter(until=began), 0),
        (CallFilter(until=began + SECOND), 1),
    ):
        assert len(await feed(books).calls_after(0, wanted)) == count, wanted
