"""Calls added up, by the prices that hold now."""

from __future__ import annotations

from rtbill.domain.call import epoch_us
from rtbill.domain.usage import Usage, UsageQuestion
from rtbill.storage.bulk import Row

_SUMS = """
    SELECT {kinds}, currency, count(*), sum(max(0, ended_at - began_at)), sum(billed_s),
        sum(price_micros), sum(tax_micros), coalesce(sum(cost_micros), 0), count(cost_micros),
        coalesce(sum(CASE WHEN cost_micros IS NOT NULL THEN price_micros - tax_micros END), 0)
    FROM priced_call
    WHERE status = 'rated' AND began_at >= ? AND began_at < ? {account}
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_WAITING = """
    SELECT count(*) FROM call
    WHERE status IN ('unrated', 'unconfirmed') AND began_at >= ? AND began_at < ? {account}
"""
Query = tuple[str, list[str | int]]


def usage_queries(asked: UsageQuestion) -> tuple[Query, Query]:
    """The sums as in `usage_from`, and the number of calls that wait."""
    kinds = {
        "account": asked.by_account,
        "person": asked.by_person,
        "destination": asked.by_destination,
    }
    values: list[str | int] = [epoch_us(asked.since), epoch_us(asked.until)]
    account = ""
    if asked.account is not None:
        account = "AND account = ?"
        values.append(asked.account)
    columns = ", ".join(name if wanted else "NULL" for name, wanted in kinds.items())
    sums = _SUMS.format(kinds=columns, account=account)
    return (sums, values), (_WAITING.format(account=account), values)


def usage_from(row: Row) -> Usage:
    """From the columns of the sums."""
    account, person, destination, currency, calls, talk_us, billed_s, *money = row
    micros, tax_micros, cost_micros, costed, costed_net_micros = money
    return Usage(
        account=account,
        person=person,
        destination=destination,
        currency=currency,
        calls=calls,
        talk_us=talk_us,
        billed_s=billed_s,
        micros=micros,
        tax_micros=tax_micros,
        cost_micros=cost_micros,
        costed=costed,
        costed_net_micros=costed_net_micros,
    )
