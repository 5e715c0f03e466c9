"""Calls in the order of posting, and what they add up to."""

from __future__ import annotations

from rtbill.domain.money import decimal_text
from rtbill.domain.outside import PostedCall
from rtbill.domain.usage import Usage, UsageQuestion
from rtbill.ports import CallFilter
from rtbill.web.models import (
    CallsPage,
    CallsQuery,
    CallView,
    UsageQuery,
    UsageSum,
    UsageView,
)
from rtbill.web.office import Office, money
from rtbill.web.operation import Asked, Reply
from rtbill.web.problems import INVALID, Trouble


class Calls:
    """Reads the books; nothing here changes them."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listed(self, asked: Asked[None, CallsQuery]) -> Reply:
        """A page; its `next` may be kept, and brings what is posted from now on."""
        query = asked.query
        self._check(query.account)
        row = int(query.cursor or 0)
        wanted = CallFilter(
            account=query.account,
            status=query.status,
            since=query.since,
            until=query.until,
            limit=query.limit + 1,
        )
        found = list(await self._office.reader.calls_after(row, wanted))
        page = found[: query.limit]
        return Reply(
            CallsPage(
                calls=[_view(each) for each in page],
                next=str(page[-1].row if page else row),
                more=len(found) > len(page),
            )
        )

    async def usage(self, asked: Asked[None, UsageQuery]) -> Reply:
        """Rated calls of the span added up by the prices that hold now."""
        query = asked.query
        self._check(query.account)
        if query.since >= query.until:
            raise Trouble(INVALID, "until is not later than since", field="until")
        question = UsageQuestion(
            since=query.since,
            until=query.until,
            account=query.account,
            by_account=query.by == "account",
            by_person=query.by == "person",
            by_destination=query.by == "destination",
        )
        found = await self._office.reader.usage(question)
        sums = [_sum(each) for each in found.sums]
        view = UsageView(since=query.since, until=query.until, usage=sums, waiting=found.waiting)
        return Reply(view)

    def _check(self, account: str | None) -> None:
        """UnknownAccount, so that a slip of the pen does not look like no calls."""
        if account is not None:
            self._office.directory.account(account)


def _sum(usage: Usage) -> UsageSum:
    currency = usage.currency
    return UsageSum(
        account=usage.account,
        person=usage.person,
        destination=usage.destination,
        currency=currency,
        calls=usage.calls,
        talk_s=decimal_text(usage.talk_us, 0),
        billed_s=usage.billed_s,
        price=money(usage.micros, currency),
        tax=money(usage.tax_micros, currency),
    )


def _view(posted: PostedCall) -> CallView:
    call, price = posted.call, posted.call.price
    record = call.record
    return CallView(
        call=str(record.id),
        account=call.account,
        status=call.status,
        posted_at=posted.posted_at,
        extension=f"{record.id.pbx}/{record.payer}" if record.payer else None,
        person=call.person,
        dialled=record.dialled,
        number=call.number,
        trunk=record.trunk,
        answered_at=record.answered_at,
        ended_at=record.ended_at,
        talk_s=decimal_text(record.talk_us, 0),
        billed_s=price.billed_s if price else None,
        destination=price.destination if price else None,
        tariff=price.tariff if price else None,
        price=money(price.micros, price.currency) if price else None,
        tax=money(price.tax_micros, price.currency) if price else None,
        debit=money(call.debit_micros, price.currency) if price else None,
        currency=price.currency if price else None,
        note=call.note,
    )
