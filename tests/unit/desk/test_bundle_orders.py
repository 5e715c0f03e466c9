"""The desk's orders about bundles: import, give, end."""

from __future__ import annotations

from typing import Any

import pytest

from rtbill.domain.errors import BadRecord, Conflict, Refused, UnknownAccount
from tests.fakes.office import an_office
from tests.unit.pricing.test_bundled_calls import (
    MONTHLY,
    ROOMS,
    SHARING,
    TEN_MINUTES,
    give,
    limits,
)


async def test_a_dry_run_of_an_import_changes_nothing() -> None:
    async with an_office() as office:
        answer = await office.order("bundle.import", toml=TEN_MINUTES)

        [found] = answer["bundles"]
        assert (found["name"], found["version"], found["is_same"]) == ("minutes", 1, False)
        assert await office.store.bundles() == []


async def test_the_same_file_again_makes_no_version_and_another_one_the_next() -> None:
    async with an_office() as office:
        for toml in (TEN_MINUTES, TEN_MINUTES, MONTHLY):
            await office.order("bundle.import", toml=toml, apply=True)
        assert [each.version for each in await office.store.bundles()] == [1, 2]


async def test_who_holds_a_version_keeps_it() -> None:
    async with an_office("0") as office:
        await give(office)
        await office.order("bundle.import", toml=TEN_MINUTES.replace("= 10", "= 99"), apply=True)
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(590)
        assert limits(office)[-1] == ("1", 599.5)


async def test_a_bundle_keeps_its_currency() -> None:
    async with an_office() as office:
        await give(office)
        answer = await office.order(
            "bundle.import", toml=TEN_MINUTES + 'currency = "CHF"\n', apply=True
        )
        assert answer["problems"] == [
            "bundle minutes is in EUR; write one in CHF under another name"
        ]


async def test_the_mistakes_of_a_file_are_told_and_nothing_is_imported() -> None:
    async with an_office() as office:
        answer = await office.order("bundle.import", toml="[[bundle]]\nname = 1\n", apply=True)
        assert answer["problems"]
        assert await office.store.bundles() == []


async def test_the_same_key_gives_nothing_twice() -> None:
    async with an_office() as office:
        first = await give(office, days=30)
        again = await office.order(
            "bundle.give", bundle="minutes", accounts=["room-1"], key="gift", days=30
        )

        assert (first["repeated"], again["repeated"]) == (False, True)
        assert again["until"] == first["until"] == "2026-11-04T12:00:00+00:00"
        assert len(await office.store.allowances()) == 1


async def test_a_key_stands_for_one_allowance() -> None:
    async with an_office(accounts=ROOMS, memberships=SHARING) as office:
        await give(office)
        with pytest.raises(Conflict, match="key 'gift' was given before, for bundle minutes"):
            await office.order("bundle.give", bundle="minutes", accounts=["room-2"], key="gift")


async def test_without_a_key_each_order_gives_once_more() -> None:
    async with an_office() as office:
        await office.order("bundle.import", toml=TEN_MINUTES, apply=True)
        for _ in range(2):
            await office.order("bundle.give", bundle="minutes", accounts=["room-1"])
            await office.clock.advance(1)
        assert len(await office.store.allowances()) == 2


@pytest.mark.parametrize(
    ("order", "error", "why"),
    [
        ({"bundle": "nothing"}, Refused, "no bundle 'nothing'; there are: minutes"),
        ({"accounts": ["room-9"]}, UnknownAccount, "room-9"),
        ({"accounts": []}, BadRecord, "at least one account"),
        ({"accounts": "room-1"}, BadRecord, "at least one account"),
        ({"key": " "}, BadRecord, "is no key"),
        ({"days": 0}, BadRecord, "number of days"),
        ({"days": 3, "until": "2026-12-01"}, BadRecord, "not both"),
        ({"until": "2026-10-01"}, BadRecord, "ends? before|end before"),
        ({"since": "soon"}, BadRecord, "is not a date"),
    ],
)
async def test_what_cannot_be_given_is_refused(
    order: dict[str, Any], error: type[Exception], why: str
) -> None:
    async with an_office() as office:
        await office.order("bundle.import", toml=TEN_MINUTES, apply=True)
        wanted = {"bundle": "minutes", "accounts": ["room-1"]} | order
        with pytest.raises(error, match=why):
            await office.order("bundle.give", **wanted)
        assert await office.store.allowances() == []


async def test_a_bundle_of_another_currency_is_not_given() -> None:
    async with an_office() as office:
        with pytest.raises(Conflict, match="bundle minutes is in CHF, account room-1 in EUR"):
            await give(office, TEN_MINUTES + 'currency = "CHF"\n')


async def test_what_was_never_given_cannot_be_ended() -> None:
    async with an_office() as office:
        with pytest.raises(Refused, match="no allowance 'gift'"):
            await office.order("bundle.end", key="gift")
