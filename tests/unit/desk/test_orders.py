"""Orders at the desk."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import BadRecord, Conflict, UnknownAccount
from tests.fakes.builders import an_account, at
from tests.fakes.office import an_office, extension

TARIFF = """\
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment,days,hours
33,France,0,0.30,60,60,,
41,Switzerland,0,1.20,60,1,,
"""


# ---------------------------------------------------------------------- members


async def test_an_extension_added_to_a_group_is_billed_to_it_from_that_day_at_the_site() -> None:
    async with an_office(memberships=[], zone="Europe/Berlin") as office:
        await office.order(
            "group.add",
            account="room-1",
            extension="1005",
            person="Kim Lee",
            **{"from": "2026-10-06"},
        )

        [membership] = await office.store.memberships()
        assert membership.valid_from == at("2026-10-05T22:00")
        assert membership.person == "Kim Lee"
        assert office.directory.holder(extension("1005"), at("12:00:00")) is None


async def test_an_extension_that_somebody_holds_is_moved_only_on_request() -> None:
    accounts = [an_account("room-1"), an_account("room-2")]
    async with an_office(accounts=accounts) as office:
        with pytest.raises(Conflict, match="belongs to account room-1"):
            await office.order("group.add", account="room-2", extension="1001")

        await office.order("group.add", account="room-2", extension="1001", move=True)

        holder = office.directory.holder(extension(), office.clock.now())
        assert holder is not None
        assert holder.account == "room-2"


async def test_an_extension_that_leaves_a_group_belongs_to_the_house() -> None:
    async with an_office() as office:
        await office.order("group.remove", account="room-1", extension="hotel/1001")
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")

        assert await office.calls() == ["1 rated 0.90 house"]


# ---------------------------------------------------------------------- money


async def test_a_credit_raises_the_balance_and_tells_it_with_its_currency() -> None:
    async with an_office("10.00") as office:
        answer = await office.credit("2.5", key="receipt 17")

        assert answer == {
            "account": "room-1",
            "amount": "2.50",
            "currency": "EUR",
            "balance": "12.50",
            "repeated": False,
        }


async def test_the_same_credit_again_pays_once_and_says_so() -> None:
    async with an_office("10.00") as office:
        await office.credit("2.50", key="receipt 17")
        again = await office.credit("2.50", key="receipt 17")

        assert again["repeated"]
        assert again["balance"] == "12.50"
        assert await office.balance() == 12_500_000


@pytest.mark.parametrize(("amount", "account"), [("2.60", "room-1"), ("2.50", "room-2")])
async def test_a_key_that_was_used_for_another_credit_is_a_conflict(
    amount: str, account: str
) -> None:
    async with an_office(accounts=[an_account(), an_account("room-2")]) as office:
        await office.credit("2.50", key="receipt 17")

        with pytest.raises(Conflict, match="receipt 17"):
            await office.credit(amount, key="receipt 17", account=account)
        assert await office.balance("room-1") == 12_500_000
        assert await office.balance("room-2") == 10_000_000


async def test_a_negative_credit_is_a_correction() -> None:
    async with an_office("10.00") as office:
        answer = await office.credit("-4.00", key="wrong receipt")

        assert answer["balance"] == "6.00"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"amount": "0", "key": "k"}, "moves nothing"),
        ({"amount": "lots", "key": "k"}, "lots"),
        ({"amount": "1e3", "key": "k"}, "1e3"),
        ({"amount": "1.001", "key": "k"}, "finer than its coins"),
        ({"amount": "1.00", "key": " "}, "needs a key"),
        ({"amount": "1.00"}, "'key' is missing"),
    ],
)
async def test_a_credit_that_cannot_be_meant_is_refused(
    arguments: dict[str, str], why: str
) -> None:
    async with an_office("10.00") as office:
        with pytest.raises(BadRecord, match=why):
            await office.order("credit", account="room-1", **arguments)
        assert await office.balance() == 10_000_000


async def test_a_credit_for_an_unknown_account_is_refused() -> None:
    async with an_office() as office:
        with pytest.raises(UnknownAccount, match="nobody"):
            await office.credit("1.00", account="nobody")


# ---------------------------------------------------------------------- tariffs


async def test_a_tariff_import_shows_the_difference_and_does_nothing_until_applied() -> None:
    async with an_office() as office:
        answer = await office.order("tariff.import", name="retail", csv=TARIFF)

        assert answer["new"] == ["33 France 0.30/min 60/60"]
        assert answer["changed"] == [
            "41 Destination 41 0.60/min 60/1 -> 41 Switzerland 1.20/min 60/1"
        ]
        assert answer["version"] == 1
        assert len(await office.store.tariffs()) == 1


async def test_a_tariff_that_is_applied_prices_the_calls_answered_from_then_on() -> None:
    async with an_office("10.00") as office:
        answer = await office.order(
            "tariff.import", name="retail", csv=TARIFF, apply=True, valid_from="2026-10-05T12:30"
        )
        assert answer["version"] == 2
        await office.hear("12:29:05 answer 1\n12:30:35 end 1\n12:30:05 answer 2\n12:31:35 end 2")

        assert await office.calls() == ["1 rated 0.90 room-1", "2 rated 1.80 room-1"]


async def test_the_same_tariff_again_makes_no_new_version() -> None:
    async with an_office() as office:
        await office.order("tariff.import", name="retail", csv=TARIFF, apply=True)
        answer = await office.order("tariff.import", name="retail", csv=TARIFF, apply=True)

        assert answer["version"] == 2
        assert len(await office.store.tariffs()) == 2


async def test_a_tariff_file_with_bad_rows_names_the_lines_and_nothing_is_imported() -> None:
    bad = TARIFF.replace("0.30", "free").replace("41,", "4x1,")
    async with an_office() as office:
        answer = await office.order("tariff.import", name="retail", csv=bad, apply=True)

        assert [problem.split(":")[0] for problem in answer["problems"]] == ["line 2", "line 3"]
        assert len(await office.store.tariffs()) == 1


@pytest.mark.parametrize("wrong", [{"zone": "Europe/Atlantis"}, {"currency": "XXX"}])
async def test_a_tariff_that_could_not_price_anything_never_gets_into_the_books(
    wrong: dict[str, str],
) -> None:
    async with an_office() as office:
        with pytest.raises(BadRecord):
            await office.order("tariff.import", name="night", csv=TARIFF, apply=True, **wrong)
        assert len(await office.store.tariffs()) == 1


# ---------------------------------------------------------------------- locks by hand


async def test_a_lock_by_hand_locks_and_tells_what_it_did() -> None:
    async with an_office() as office:
        answer = await office.order("lock", extension="1001", incoming="divert", reason="damage")

        assert answer == {"extension": "hotel/1001", "outgoing": "locked", "incoming": "divert"}
        [lock] = await office.store.desk_locks()
        assert lock.reason == "damage"


async def test_unlocking_what_is_locked_for_want_of_money_says_so() -> None:
    async with an_office("0.50") as office:
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        await office.order("lock", extension="1001")

        answer = await office.order("unlock", extension="1001")

        assert answer["outgoing"] == "locked"
        assert "for want of money" in answer["note"]
        assert await office.store.desk_locks() == []


async def test_unlocking_what_has_money_opens_it() -> None:
    async with an_office() as office:
        await office.order("lock", extension="1001")
        answer = await office.order("unlock", extension="1001")

        assert answer == {"extension": "hotel/1001", "outgoing": "open", "incoming": "ring"}
        assert office.pbx.held == {}


@pytest.mark.parametrize(
    "arguments",
    [
        {"extension": "annexe/1001"},
        {"extension": "hotel/10 01"},
        {"extension": ""},
        {"extension": "1001", "incoming": "bounce"},
        {},
    ],
)
async def test_a_lock_of_nothing_that_exists_is_refused(arguments: dict[str, str]) -> None:
    async with an_office() as office:
        with pytest.raises(BadRecord):
            await office.order("lock", **arguments)
        assert await office.store.desk_locks() == []


async def test_an_unknown_order_names_those_there_are() -> None:
    async with an_office() as office:
        with pytest.raises(BadRecord, match=r"known are .*calls\.bill.*unlock"):
            await office.order("open-sesame")
