"""Versions of price plans: the desk's order that makes them from files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.changes import AddPricePlan
from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.domain.money import known_currency
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Tariff
from rtbill.formats.price_plan_file import PlanHead, plan_lines, read_plan
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, Reader, Store
from rtbill.rating.bands import NO_CALENDARS, Calendars
from rtbill.rating.price_book import PriceBook

Answer = dict[str, Any]


class PricePlans:
    """Imports price plans; calls answered from a version's first instant on are priced by it."""

    def __init__(  # noqa: PLR0913 - as the desk hands them on
        self,
        *,
        billing: Billing,
        store: Store,
        reader: Reader,
        clock: Clock,
        wording: Wording,
        currency: str,
        calendars: Calendars = NO_CALENDARS,
    ) -> None:
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock
        self._wording = wording
        self._currency = currency
        self._calendars = calendars

    async def import_version(self, arguments: Mapping[str, Any]) -> Answer:
        """What the file would make of the plan, or with `apply` has made; nothing when it has
        problems or says what the newest version says. BadRecord when an argument cannot be meant.
        """
        name = str(arguments["name"])
        tariffs, plans = await self._reader.tariffs(), await self._reader.price_plans()
        newest = max(
            (each for each in plans if each.name == name),
            key=lambda each: each.version,
            default=None,
        )
        answer: Answer = {
            "before": plan_lines(newest) if newest else [],
            "after": [],
            "problems": [],
            "version": newest.version if newest else 0,
        }
        head = PlanHead(
            name,
            (newest.version if newest else 0) + 1,
            known_currency(str(arguments.get("currency") or self._currency)),
            self._wording.instant(arguments.get("valid_from"), self._clock.now()),
        )
        try:
            plan = read_plan(_document(str(arguments["toml"])), head, self._wording)
        except ConfigError as wrong:
            return answer | {"problems": list(wrong.problems)}
        answer["after"] = plan_lines(plan)
        answer["problems"] = _contradictions(plan, tariffs)
        is_same = newest is not None and newest.currency == plan.currency
        is_same = is_same and answer["before"] == answer["after"]
        if answer["problems"] or is_same or not arguments.get("apply", False):
            return answer
        await self._store.change(AddPricePlan(plan))
        book = PriceBook(tariffs, self._calendars, [*plans, plan])
        book.make_ready(self._clock.now())
        self._billing.assessor.replace_book(book)
        self._billing.wake()
        return answer | {"version": plan.version}


def _document(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRecord(f"the file is no TOML: {error}") from None


def _contradictions(plan: PricePlan, tariffs: Sequence[Tariff]) -> list[str]:
    """What the books have against the plan."""
    currencies: dict[str, set[str]] = {}
    for tariff in tariffs:
        currencies.setdefault(tariff.name, set()).add(tariff.currency)
    problems = [
        f"tariffs: there is no tariff {name!r}; import it first"
        for name in plan.tariffs
        if name not in currencies
    ]
    problems += [
        f"tariffs: {name} is in {', '.join(sorted(currencies[name]))}, the plan in {plan.currency}"
        for name in plan.tariffs
        if name in currencies and currencies[name] != {plan.currency}
    ]
    if plan.name in currencies:
        problems.append(f"{plan.name} is the name of a tariff; accounts could not tell them apart")
    return problems
