"""Versions of price plans: the desk's order that makes them from files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.call import EPOCH
from rtbill.domain.changes import AddPricePlan
from rtbill.domain.directory import Directory
from rtbill.domain.errors import BadRecord, ConfigError
from rtbill.domain.money import known_currency
from rtbill.domain.price_plan import PricePlan
from rtbill.domain.tariff import Tariff
from rtbill.formats.price_plan_file import PlanHead, plan_lines, read_plan
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, Reader, Store
from rtbill.rating.price_book import PriceBook

Answer = dict[str, Any]
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


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
    ) -> None:
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock
        self._wording = wording
        self._currency = currency

    async def import_version(self, arguments: Mapping[str, Any]) -> Answer:
        """What the file would make of the plan, or with `apply` has made; nothing when it has
        problems or says what the newest version says. BadRecord when an argument cannot be meant.
        """
        plans = await self._reader.price_plans()
        book = self._billing.assessor.book
        name = _plan_name(arguments["name"])
        newest = max(
            (each for each in plans if each.name == name),
            key=lambda each: each.version,
            default=None,
        )
        answer: Answer = {
            "before": plan_lines(newest, self._wording.zone) if newest else [],
            "after": [],
            "problems": [],
            "version": newest.version if newest else 0,
            "is_same": False,
        }
        currency = newest.currency if newest else self._currency
        head = PlanHead(
            name,
            (newest.version if newest else 0) + 1,
            known_currency(str(arguments.get("currency") or currency)),
            self._wording.instant(arguments.get("valid_from"), self._clock.now()),
        )
        try:
            plan = read_plan(_document(str(arguments["toml"])), head, self._wording)
        except ConfigError as wrong:
            return answer | {"problems": list(wrong.problems)}
        answer["after"] = plan_lines(plan, self._wording.zone)
        answer["problems"] = [
            *_contradictions(plan, book),
            *_unknown(plan, self._billing.directory, self._wording.pbxs),
        ]
        answer["is_same"] = newest is not None and _terms(plan) == _terms(newest)
        if answer["problems"] or answer["is_same"] or not arguments.get("apply", False):
            return answer
        await self._store.change(AddPricePlan(plan))
        self._billing.assessor.replace_book(book.with_plans([*plans, plan]))
        self._billing.wake()
        return answer | {"version": plan.version}


def _plan_name(name: object) -> str:
    """As the configuration can name it, too."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadRecord(f"{name!r} is no name: write small letters, digits, - and _ (32 at most)")
    return name


def _document(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError([f"the file is no TOML: {error}"]) from None


def _terms(plan: PricePlan) -> PricePlan:
    """The plan but for its version and when it begins."""
    return replace(plan, version=0, valid_from=EPOCH)


def _contradictions(plan: PricePlan, book: PriceBook) -> Iterator[str]:
    """What the tariffs have against the plan."""
    if plan.name in book:
        yield f"{plan.name} is the name of a tariff; accounts could not tell them apart"
    for name in plan.tariffs:
        if name not in book:
            yield f"tariffs: there is no tariff {name!r}; import it first"
        others = {each.currency for each in _in_force_from(book.versions(name), plan.valid_from)}
        others -= {plan.currency}
        if others:
            yield f"tariffs: {name} is in {', '.join(sorted(others))}, the plan in {plan.currency}"


def _in_force_from(versions: Sequence[Tariff], since: datetime) -> Sequence[Tariff]:
    """Those of one tariff, in their order, that hold at this instant or later."""
    begun = sum(each.valid_from <= since for each in versions)
    return versions[max(0, begun - 1) :]


def _unknown(plan: PricePlan, directory: Directory, pbxs: Collection[str]) -> Iterator[str]:
    """Accounts and exchanges that are not there: a discount for them would never be given."""
    for index, discount in enumerate(plan.discounts):
        for account in sorted(discount.accounts):
            if not directory.knows(account):
                yield f"discount[{index}].accounts: there is no account {account!r}"
        for pbx in sorted(discount.pbxs.difference(pbxs)):
            known = ", ".join(pbxs)
            yield f"discount[{index}].pbxs: there is no exchange {pbx!r}; known are {known}"
