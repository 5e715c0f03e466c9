"""Calls without a price or in doubt, which a person bills or drops."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import BadRecord, NoRate, Refused
from rtbill.ports import CallFilter
from tests.fakes.builders import at
from tests.fakes.office import an_office

TARIFF = """\
prefix,destination,connect_fee,price_per_minute,first_increment,next_increment,days,hours
33,France,0,0.30,60,60,,
41,Switzerland,0,1.20,60,1,,
"""
CALL_TO_FRANCE = (
    "12:00:05 answer 7 to=0033155501000\n12:01:35 end 7 answered=12:00:05 to=0033155501000"
)
DOUBT = "12:00:05 answer 8\n12:01:05 lost\n12:05:00 back"


async def test_an_unrated_call_is_billed_once_its_tariff_is_there() -> None:
    async with an_office("10.00") as office:
        await office.hear(CALL_TO_FRANCE)
        with pytest.raises(NoRate):
            await office.order("calls.bill", call="hotel/7")

        await office.order(
            "tariff.import", name="retail", csv=TARIFF, apply=True, valid_from="2026-10-01"
        )
        answer = await office.order("calls.bill", call="hotel/7")

        assert answer == {
            "call": "hotel/7",
            "account": "room-1",
            "price": "0.60",
            "debit": "0.60",
            "currency": "EUR",
        }
        assert await office.balance() == 9_400_000
        assert await office.calls() == ["7 rated 0.60 room-1"]
        assert office.alarm_kinds() == []


async def test_a_call_in_doubt_is_billed_to_its_proof_or_for_the_time_that_is_given() -> None:
    async with an_office("10.00") as office:
        await office.hear(DOUBT)
        assert office.alarm_kinds() == ["unconfirmed"]

        answer = await office.order("calls.bill", call="hotel/8", seconds="75")

        assert answer["price"] == "0.75"
        assert office.alarm_kinds() == []
        [call] = await office.store.calls(CallFilter())
        assert call.record.ended_at == at("12:01:20")


async def test_a_call_is_billed_by_hand_only_once() -> None:
    async with an_office("10.00") as office:
        await office.hear(DOUBT)
        await office.order("calls.bill", call="hotel/8")

        with pytest.raises(Refused, match="is rated"):
            await office.order("calls.bill", call="hotel/8")
        assert await office.balance() == 9_400_000


async def test_what_the_exchange_tells_after_a_person_decided_posts_nothing() -> None:
    async with an_office("10.00") as office:
        await office.hear(DOUBT)
        await office.order("calls.bill", call="hotel/8", seconds="75")
        await office.hear("12:30:00 snapshot; done 8 answered=12:00:05 ended=12:02:05")

        assert await office.balance() == 9_250_000
        assert office.alarm_kinds() == []


async def test_a_dropped_call_keeps_the_reason_and_is_not_billed() -> None:
    async with an_office("10.00") as office:
        await office.hear(DOUBT)

        await office.order("calls.drop", call="hotel/8", reason="test call")

        [call] = await office.store.calls(CallFilter())
        assert (str(call.status), call.note) == ("dropped", "test call")
        assert await office.balance() == 10_000_000
        assert office.alarm_kinds() == []


async def test_dropping_needs_a_reason() -> None:
    async with an_office() as office:
        await office.hear(DOUBT)
        with pytest.raises(BadRecord, match="needs a reason"):
            await office.order("calls.drop", call="hotel/8", reason=" ")


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "1e12", "soon"])
async def test_a_talk_time_that_is_none_is_refused(seconds: str) -> None:
    async with an_office("10.00") as office:
        await office.hear(DOUBT)
        with pytest.raises(BadRecord, match="talk time"):
            await office.order("calls.bill", call="hotel/8", seconds=seconds)
        assert await office.balance() == 10_000_000


async def test_a_call_that_is_settled_or_unknown_cannot_be_decided() -> None:
    async with an_office() as office:
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        for verb in ("calls.bill", "calls.drop"):
            with pytest.raises(Refused, match="nothing is left to decide"):
                await office.order(verb, call="hotel/1", reason="x")
            with pytest.raises(Refused, match="no call"):
                await office.order(verb, call="hotel/404", reason="x")


async def test_a_call_in_doubt_that_never_was_answered_cannot_be_billed() -> None:
    async with an_office() as office:
        await office.hear("12:00:00 start 1 payer=-\n12:01:00 lost\n12:05:00 back")

        with pytest.raises(Refused, match="no answer time"):
            await office.order("calls.bill", call="hotel/1", seconds="10")
