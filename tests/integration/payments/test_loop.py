"""The whole loop: a call uses money up, credit is bought, or the telephone is locked until somebody
pays. What the providers took stands in their own books, what telephones may do at the exchange.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rtbill.vat import CLOSE_S
from simulator.calls import CallState
from tests.integration.payments.hall import DEAR_PER_S, NEAR, PayingHall, paying_hall, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
FAILED = "Your telephone account could not be topped up"
LOCKED = "Your telephone is locked: the balance is used up"
UNLOCKED_S = 2.0
"""From the holder's press of a button, on a busy machine; docs/measurements.md has the figure."""


def subjects(hall: PayingHall, account: str) -> set[str]:
    """Of the mails that its holder has."""
    return {each.partition("\n")[0] for each in hall.letters(account)}


async def test_a_call_that_uses_money_up_buys_credit_once_and_goes_on(
    tmp_path: Path, prepared: Path
) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        await hall.with_card("room-1001", below="3.00", buy="10.00")
        call = await hall.talk("1001")
        assert hall.top_ups("room-1001") == []
        await until(lambda: hall.credits("room-1001") == [1000], "nothing was bought")
        assert not call.is_over
        # Its own money would have ended it after 12 s.
        talked_s = 6.00 / DEAR_PER_S + 3
        await until(lambda: hall.talked_s(call) > talked_s or call.is_over, "time stands still")
        assert not call.is_over
        hall.exchange.hang_up(call)
        await until(lambda: hall.balance("room-1001") < 16_000_000, "the call was not billed")
        assert 16_000_000 - hall.balance("room-1001") >= talked_s * DEAR_PER_S * 1_000_000
        assert hall.credits("room-1001") == hall.taken("room-1001") == [1000]
        due = ("VAT deferred", "VAT output", 1_596_639)  # 10.00 x 19 / 119
        await until(
            lambda: hall.vat("clearing:cards") == [due], "its tax is not booked", CLOSE_S + 5
        )
        await until(
            lambda: any("VAT in it (19 %): €1.60" in each for each in hall.letters("room-1001")),
            "no receipt names the tax",
        )


async def test_a_card_that_is_declined_for_good_locks_and_a_payment_opens_at_once(
    tmp_path: Path, prepared: Path
) -> None:
    async with paying_hall(tmp_path, prepared) as hall:
        holder, card = await hall.with_card("room-1002", below="3.00", buy="10.00")
        hall.cards.change_card(card, "stolen_card")
        call = await hall.talk("1002")
        await until(lambda: call.is_over, "the money did not end the call", 30)
        await until(lambda: hall.is_barred("1002"), "it is not locked at the exchange")
        assert hall.states("room-1002") == ["declined"]
        assert hall.taken("room-1002") == []

        out = hall.exchange.start_call("1002", NEAR)
        into = hall.exchange.receive_call("0309876543", "1002")
        emergency = hall.exchange.start_call("1002", "112")
        assert (out.state, into.state) == (CallState.REFUSED, CallState.VOICEMAIL)
        assert emergency.state is CallState.DIALLING
        for each in (into, emergency):
            hall.exchange.hang_up(each)
        await until(
            lambda: subjects(hall, "room-1002") >= {FAILED, LOCKED},
            "the holder was not told",
        )
        await holder.give_card("mastercard")
        began = time.monotonic()
        assert "20.00 EUR of telephone credit were bought" in await holder.top_up("20.00")
        await until(lambda: hall.is_open("1002"), "it is still locked")
        assert time.monotonic() - began < UNLOCKED_S
        assert hall.credits("room-1002") == hall.taken("room-1002") == [2000]
        assert hall.exchange.start_call("1002", NEAR).state is CallState.DIALLING
