"""What people order about payments, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from rtbill.domain.errors import BadRecord, Conflict, Refused, UnknownAccount
from rtbill.domain.payment import (
    DeclineClass,
    MethodGone,
    MethodReady,
    MethodRenewed,
    PaymentMethod,
)
from rtbill.pay.links import token_hash
from tests.fakes.builders import an_account
from tests.fakes.fake_gateway import Loss, a_method
from tests.fakes.pay_office import PayOffice, a_pay_office

AGREED = {"text_version": "1", "address": "192.0.2.9"}


async def a_link(paying: PayOffice, **arguments: Any) -> str:
    """The token of a link to room-1's settings."""
    answer = await paying.order("pay.link", account="room-1", **arguments)
    return str(answer["url"]).rpartition("/")[2]


# ------------------------------------------------------------------------------- links


async def test_a_link_opens_once() -> None:
    async with a_pay_office() as paying:
        token = await a_link(paying)
        opened = await paying.order("pay.open", token=token)
        assert opened == {"account": "room-1", "purpose": "manage"}

        with pytest.raises(Refused, match="not good any more"):
            await paying.order("pay.open", token=token)


async def test_a_link_is_good_for_a_day() -> None:
    async with a_pay_office() as paying:
        token = await a_link(paying)
        paying.clock.step(86_400)

        with pytest.raises(Refused, match="not good any more"):
            await paying.order("pay.open", token=token)


@pytest.mark.parametrize("token", ["", "x", "0" * 43, "../../etc/passwd"])
async def test_a_guessed_link_is_refused_in_the_same_words(token: str) -> None:
    async with a_pay_office() as paying:
        with pytest.raises(Refused, match="not good any more"):
            await paying.order("pay.open", token=token)


async def test_the_books_keep_the_hash_of_a_token_alone() -> None:
    async with a_pay_office() as paying:
        token = await a_link(paying)

        assert set(paying.office.store._payments.links) == {token_hash(token)}
        assert len(token) >= 43  # 32 bytes
        notices = await paying.office.waiting()
        assert not any(token in f"{each.text}{each.details}" for each in notices)


async def test_a_mailed_link_stands_in_its_notice_and_nowhere_else() -> None:
    async with a_pay_office() as paying:
        token = await a_link(paying, mail=True)
        [notice] = [each for each in await paying.office.waiting() if each.kind == "pay.link"]

        assert dict(notice.details)["link"] == f"https://pay.example/pay/{token}"
        assert token not in notice.text


# ----------------------------------------------------------------------------- methods


async def test_a_card_is_given_on_the_providers_page_and_kept_with_what_was_agreed() -> None:
    async with a_pay_office(buying=()) as paying:
        page = await paying.order(
            "pay.method.begin", account="room-1", return_url="https://pay.example/back", **AGREED
        )
        assert page["url"].startswith("https://provider.example/")
        nothing = await paying.order(
            "pay.method.finish", account="room-1", page=page["page"], **AGREED
        )
        assert nothing == {"method": None}

        paying.provider.given[page["page"]] = a_method("card-9")
        answer = await paying.order(
            "pay.method.finish", account="room-1", page=page["page"], **AGREED
        )
        assert answer["method"]["method"] == "card-9"
        assert answer["method"]["agreed"]["address"] == "192.0.2.9"


async def test_a_card_told_by_webhook_and_by_the_browser_is_kept_once() -> None:
    async with a_pay_office(buying=()) as paying:
        page = await paying.order(
            "pay.method.begin", account="room-1", return_url="https://pay.example/back", **AGREED
        )
        paying.provider.given[page["page"]] = a_method("card-9")
        reference = paying.provider.set_ups[page["page"]].reference
        told = MethodReady(reference, a_method("card-9"))
        await paying.hear(paying.provider.happen("evt_1", "set up", told))
        await paying.order("pay.method.finish", account="room-1", page=page["page"], **AGREED)

        [kept] = await paying.office.store.methods("room-1")
        assert kept.agreement is not None
        assert kept.agreement.address == "192.0.2.9"


async def test_a_page_made_for_somebody_else_is_refused() -> None:
    accounts = [an_account("room-1"), an_account("room-2")]
    async with a_pay_office(accounts=accounts, buying=()) as paying:
        page = await paying.order(
            "pay.method.begin", account="room-1", return_url="https://pay.example/back", **AGREED
        )
        with pytest.raises(Refused, match="somebody else"):
            await paying.order("pay.method.finish", account="room-2", page=page["page"], **AGREED)


async def test_a_card_of_another_account_is_not_taken_over() -> None:
    accounts = [an_account("room-1"), an_account("room-2")]
    async with a_pay_office(accounts=accounts, buying=("room-1",), pages=False) as paying:
        with pytest.raises(Conflict, match="another account"):
            await paying.order("pay.method.add", account="room-2", card="card-room-1", **AGREED)


async def test_a_bank_card_is_never_told_to_the_desk() -> None:
    async with a_pay_office() as paying:
        with pytest.raises(Refused, match="own page"):
            await paying.order("pay.method.add", account="room-1", card="4242", **AGREED)


async def test_a_removed_card_is_asked_for_nothing_and_forgotten_by_its_provider() -> None:
    async with a_pay_office("10.00") as paying:
        answer = await paying.order("pay.method.remove", account="room-1", method="card-room-1")
        await paying.spend("8.00")

        assert answer["forgotten"] is True
        assert paying.provider.forgotten == ["card-room-1"]
        assert await paying.rows() == []


async def test_a_card_removed_while_it_is_being_told_of_is_not_charged() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.answer_s = 2.0
        await paying.spend("8.00")
        await paying.clock.advance(1.0)  # it is being made known, and no money is asked for yet
        remove = paying.service.desk.orders()["pay.method.remove"]
        async with asyncio.TaskGroup() as group:
            order = {"account": "room-1", "method": "card-room-1"}
            group.create_task(_carried_out(remove(order)))
            await paying.clock.advance(20)

        assert await paying.states() == ["cancelled"]
        assert paying.provider.moved == {}
        assert paying.provider.count("confirm") == 0


async def _carried_out(order: Awaitable[object]) -> None:
    await order


async def test_a_card_that_its_provider_dropped_is_dropped_here() -> None:
    async with a_pay_office("10.00") as paying:
        told = MethodGone("card-room-1")
        await paying.hear(paying.provider.happen("evt_1", "method", told))

        assert await paying.office.store.methods("room-1") == []


async def test_a_renewed_card_is_good_for_longer() -> None:
    async with a_pay_office("10.00") as paying:
        old = a_method("card-room-1")
        new = PaymentMethod(
            gateway="fake",
            kind=old.kind,
            reference="card-room-1",
            label="Visa 1111",
            expires=(2035, 1),
        )
        await paying.hear(paying.provider.happen("evt_1", "method", MethodRenewed(new)))

        [kept] = await paying.office.store.methods("room-1")
        assert (kept.method.label, kept.method.expires) == ("Visa 1111", (2035, 1))
        assert kept.agreement is not None


# ---------------------------------------------------------------------------- settings


async def test_more_than_was_agreed_to_needs_a_new_agreement() -> None:
    async with a_pay_office() as paying:
        with pytest.raises(Refused, match="new agreement"):
            await paying.order("pay.settings", account="room-1", charge_max="80.00")
        answer = await paying.order("pay.settings", account="room-1", charge_max="80.00", **AGREED)
        assert answer["settings"]["charge_max"] == "80.00"


async def test_less_needs_none() -> None:
    async with a_pay_office() as paying:
        answer = await paying.order("pay.settings", account="room-1", month_max="20.00")
        assert answer["settings"]["month_max"] == "20.00"


async def test_a_text_that_is_shown_no_more_cannot_be_agreed_to() -> None:
    async with a_pay_office() as paying:
        old = {"text_version": "0", "address": "192.0.2.9"}
        with pytest.raises(Refused, match="read again"):
            await paying.order("pay.settings", account="room-1", charge_max="80.00", **old)


async def test_new_settings_count_at_once() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("2.00")
        assert await paying.rows() == []
        await paying.order("pay.settings", account="room-1", threshold="9.00", **AGREED)

        assert await paying.states() == ["approved"]


async def test_switching_it_off_holds_before_the_next_purchase() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.order("pay.settings", account="room-1", on=False)
        await paying.spend("9.00")

        assert await paying.rows() == []


# ----------------------------------------------------------------------------- top-ups


async def test_the_desk_tops_up_within_what_the_holder_agreed_to() -> None:
    async with a_pay_office("10.00") as paying:
        answer = await paying.order("pay.topup", account="room-1", amount="20.00")
        assert answer["top_up"]["state"] == "approved"
        assert await paying.balance() == "30.00"

        with pytest.raises(Refused, match="not agreed"):
            await paying.order("pay.topup", account="room-1", amount="60.00")


@pytest.mark.parametrize("amount", ["0", "-5.00", "0.50", "500.00", "5.001", "much"])
async def test_amounts_that_cannot_be_are_refused(amount: str) -> None:
    async with a_pay_office("10.00") as paying:
        with pytest.raises((Refused, BadRecord)):
            await paying.order("pay.topup", account="room-1", amount=amount, attended=True)
        assert paying.provider.count("create") == 0


async def test_a_holder_who_is_there_confirms_on_the_banks_page() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = ["action"]
        answer = await paying.order(
            "pay.topup",
            account="room-1",
            amount="20.00",
            attended=True,
            return_url="https://pay.example/back",
        )
        reference = answer["top_up"]["reference"]
        assert answer["page"] == f"https://bank.example/pay_{reference}"

        paying.provider.settle(reference)
        await paying.hear(paying.provider.happen("evt_1", about=reference))
        assert await paying.balance() == "30.00"


async def test_an_automatic_one_that_needs_its_holder_is_mailed_as_a_link_and_then_confirmed() -> (
    None
):
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = ["action"]
        await paying.spend("6.00")
        assert await paying.states() == ["action needed"]
        kind = "topup.authentication_needed"
        [notice] = [each for each in await paying.office.waiting() if each.kind == kind]
        token = dict(notice.details)["link"].rpartition("/")[2]

        opened = await paying.order("pay.open", token=token)
        assert opened["purpose"] == "confirm"
        reference = opened["top_up"]["reference"]
        answer = await paying.order(
            "pay.confirm", account="room-1", reference=reference, return_url="https://pay.example/b"
        )
        assert answer["page"] == f"https://bank.example/pay_{reference}"
        paying.provider.settle(reference)
        await paying.hear(paying.provider.happen("evt_1", about=reference))
        assert await paying.balance() == "14.00"


async def test_a_confirmation_nobody_gives_is_called_off_after_a_day() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = ["action"]
        await paying.spend("6.00")
        paying.clock.step(timedelta(hours=24, minutes=1).total_seconds())
        await paying.clock.advance(30)

        assert (await paying.states())[0] == "cancelled"
        assert paying.provider.moved == {}


async def test_a_refund_is_no_more_than_is_left_and_unused() -> None:
    async with a_pay_office("10.00") as paying:
        await paying.spend("6.00")
        await paying.order("pay.settings", account="room-1", on=False)
        [row] = await paying.rows()
        order = {"reference": row.reference, "reason": "moved out"}
        with pytest.raises(Refused, match=r"no more than 10\.00"):
            await paying.order("pay.refund", amount="10.01", **order)
        await paying.spend("9.00")
        with pytest.raises(Refused, match=r"5\.00 EUR unused"):
            await paying.order("pay.refund", **order)
        answer = await paying.order("pay.refund", amount="5.00", **order)
        assert answer["refund"]["stage"] == "done"
        assert await paying.balance() == "0.00"


@pytest.mark.parametrize(("word", "balance"), [("paid", "14.00"), ("unpaid", "4.00")])
async def test_a_person_settles_what_is_unknown(word: str, balance: str) -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.losses["confirm"] = [Loss.BEFORE]
        await paying.spend("6.00")
        [row] = await paying.rows()
        await paying.order("pay.resolve", reference=row.reference, reason="list", **{"as": word})

        assert await paying.balance() == balance
        with pytest.raises(Refused, match="nothing to settle"):
            await paying.order("pay.resolve", reference=row.reference, reason="x", **{"as": word})


@pytest.mark.parametrize(
    ("verb", "arguments", "error"),
    [
        ("pay.link", {"account": "nobody"}, UnknownAccount),
        ("pay.topup", {"account": "room-1", "amount": "5.00", "method": "none"}, Refused),
        ("pay.refund", {"reference": "1", "reason": "x"}, Refused),
        ("pay.resolve", {"reference": "1", "reason": "x", "as": "paid"}, Refused),
        ("pay.resume", {"account": "room-1"}, Refused),
        ("pay.resume", {"gateway": "fake"}, Refused),
        ("pay.resume", {"gateway": "other"}, Refused),
        ("pay.method.remove", {"account": "room-1", "method": "none"}, Refused),
        ("pay.reconcile", {"from": "soon"}, BadRecord),
        ("pay.reconcile", {"from": "2026-12-01", "until": "2026-11-01"}, Refused),
    ],
)
async def test_orders_that_make_no_sense_are_refused(
    verb: str, arguments: dict[str, Any], error: type[Exception]
) -> None:
    async with a_pay_office() as paying:
        with pytest.raises(error):
            await paying.order(verb, **arguments)


async def test_status_tells_what_is_under_way_in_doubt_and_stopped() -> None:
    accounts = [an_account("room-1"), an_account("room-2")]
    async with a_pay_office("10.00", accounts=accounts, buying=("room-1", "room-2")) as paying:
        paying.provider.losses["confirm"] = [Loss.BEFORE]
        await paying.spend("6.00")
        paying.provider.verdicts = [DeclineClass.OURS]
        await paying.spend("6.00", "room-2")
        status = await paying.order("pay.status")

        assert status["in_flight"] == {"unknown": 1}
        assert [row["account"] for row in status["in_doubt"]] == ["room-1"]
        assert status["gateways"][0]["stopped"] is not None
        one = await paying.order("pay.status", account="room-2")
        assert [row["state"] for row in one["top_ups"]] == ["declined"]
        assert one["methods"][0]["label"] == "Visa 4242"


async def test_a_lost_answer_while_somebody_confirms_is_looked_up() -> None:
    async with a_pay_office("10.00") as paying:
        paying.provider.verdicts = ["action"]
        await paying.spend("6.00")
        [row] = await paying.rows()
        paying.provider.losses["confirm"] = [Loss.AFTER]
        order = {"account": "room-1", "reference": row.reference, "return_url": "https://p.example"}
        answer = await paying.order("pay.confirm", **order)
        assert (answer["page"], await paying.states()) == (None, ["unknown"])

        paying.provider.settle(row.reference)
        await paying.clock.advance(10)
        assert await paying.balance() == "14.00"
