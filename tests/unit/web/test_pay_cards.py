"""Cards and settings by the pages: what is asked of the desk, and what holders read."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tests.fakes.fake_gateway import a_method
from tests.fakes.pay_web import Browser, PayWeb, pay_web


async def _card_given(web: PayWeb, visitor: Browser, card: str = "pm_1") -> str:
    """The text of the page after a card was given at the provider."""
    await visitor.read("/pay/card")
    await visitor.go(agree="yes")
    page = next(reversed(web.paying.provider.set_ups))
    web.paying.provider.given[page] = a_method(card)
    await visitor.read("/pay/back")
    await visitor.read("/pay/done")
    return visitor.text


# ------------------------------------------------------------------------------- cards


async def test_a_card_is_given_at_the_provider_and_kept_with_the_agreement() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        assert "Your card was added" in await _card_given(web, visitor)

        asked = next(iter(web.paying.provider.set_ups.values()))
        assert (asked.account, asked.mandate, asked.email) == ("room-1", "1", "guest@example.org")
        assert asked.return_url == "https://pay.example/pay/back"
        kept = (await web.paying.office.store.methods("room-1"))[0]
        assert kept.agreement is not None
        assert (kept.agreement.text_version, kept.agreement.address) == ("1", "192.0.2.7")


async def test_without_a_tick_nobody_is_sent_to_the_provider() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        await visitor.read("/pay/card")
        assert (await visitor.send()).status_code == 422
        assert "Tick the box" in visitor.text
        assert not web.paying.provider.set_ups


async def test_a_reload_of_the_way_back_keeps_one_card() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        await _card_given(web, visitor)
        for _ in range(2):
            await visitor.read("/pay/back")
        assert len(await web.paying.office.store.methods("room-1")) == 1


async def test_a_removed_card_is_charged_no_more() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await web.visitor()
        await visitor.read("/pay/remove?card=card-room-1")
        assert "will be switched off" in visitor.text
        assert "Nothing is charged to it any more" in await visitor.go()

        await web.paying.spend("8.00")
        assert await web.paying.rows() == []
        assert web.paying.provider.forgotten == ["card-room-1"]


@pytest.mark.parametrize("card", ["pm_of_somebody", "", "card-room-2"])
async def test_a_card_of_nobody_cannot_be_removed(card: str) -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await web.visitor()
        await visitor.read("/pay/remove?card=card-room-1")
        await visitor.go(card=card)
        assert len(await web.paying.office.store.methods("room-1")) == 1


async def test_five_cards_are_enough() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        for number in range(5):
            await _card_given(web, visitor, f"pm_{number}")
        await visitor.read("/pay/account")
        assert "Add a card" not in visitor.text
        await visitor.read("/pay/card")
        assert (await visitor.send(agree="yes")).status_code == 409
        assert len(web.paying.provider.set_ups) == 5


async def test_a_cashless_card_is_taken_down_at_the_desk_alone() -> None:
    """Whoever knows the name of somebody's card could buy with their money."""
    async with pay_web(office=partial(replace, has_cashless=True)) as web:
        visitor = await web.visitor()
        await visitor.read("/pay/card")
        assert "added at the desk" in visitor.text
        answer = await visitor.send(offer="cashless", card="C-4711", agree="yes")
        assert answer.status_code == 422
        assert not await web.paying.office.store.methods("room-1")


async def test_where_there_are_cashless_cards_alone_no_page_asks_for_one() -> None:
    async with pay_web(office=partial(replace, offers=(), has_cashless=True)) as web:
        visitor = await web.visitor()
        await visitor.read("/pay/card")
        assert "added at the desk" in visitor.text
        assert 'action="/pay/card"' not in visitor.text


# ---------------------------------------------------------------------------- settings


AMOUNTS = {"threshold": "4.00", "increment": "20", "month_max": "100,00"}


async def test_what_is_agreed_to_is_what_was_shown() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        await _card_given(web, visitor)
        await visitor.read("/pay/settings")
        text = await visitor.go(**AMOUNTS)
        for shown in (
            "4.00 EUR",
            "20.00 EUR at a time",
            "60.00 EUR in one day",
            "100.00 EUR in one",
        ):
            assert shown in text
        assert await web.paying.office.store.replenishment("room-1") is None
        assert "Automatic top-up is on" in await visitor.go(
            agree="yes", threshold="9999", increment="9999", month_max="9999"
        )

        kept = await web.paying.office.store.replenishment("room-1")
        assert kept is not None
        assert kept.is_on
        assert kept.method == "pm_1"
        micros = (kept.threshold_micros, kept.increment_micros, kept.charge_max_micros)
        assert micros == (4_000_000, 20_000_000, 20_000_000)
        assert (kept.day_max_micros, kept.month_max_micros) == (60_000_000, 100_000_000)
        assert kept.agreement is not None
        assert (kept.agreement.text_version, kept.agreement.address) == ("1", "192.0.2.7")
        assert kept.changed_by == "holder"


async def test_without_a_tick_nothing_is_switched_on() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        await _card_given(web, visitor)
        await visitor.read("/pay/settings")
        await visitor.go(**AMOUNTS)
        assert (await visitor.send()).status_code == 422
        assert await web.paying.office.store.replenishment("room-1") is None


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("threshold", "-1", "too little"),
        ("threshold", "much", "Write an amount"),
        ("increment", "0.50", "at least 1.00"),
        ("increment", "201", "at most 200.00"),
        ("increment", "10.005", "too many decimals"),
        ("increment", "1e3", "Write an amount"),
        ("month_max", "19.99", "at least 20.00"),
        ("month_max", "", "Write an amount"),
        ("method", "pm_other", "Choose what to pay from"),
    ],
)
async def test_amounts_that_will_not_do_are_asked_for_again(
    field: str, typed: str, said: str
) -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        await _card_given(web, visitor)
        await visitor.read("/pay/settings")
        assert (await visitor.send(**{**AMOUNTS, field: typed})).status_code == 422
        assert said in visitor.text


async def test_automatic_top_ups_are_switched_off_with_one_button() -> None:
    async with pay_web(buying=("room-1",)) as web:
        visitor = await web.visitor()
        assert "Automatic top-up is off" in await visitor.go("/pay/off")
        await web.paying.spend("8.00")
        assert await web.paying.rows() == []


async def test_settings_need_a_card_first() -> None:
    async with pay_web() as web:
        visitor = await web.visitor()
        for page in ("settings", "top-up"):
            await visitor.read(f"/pay/{page}")
            await visitor.follow()
            assert visitor.path == "/pay/card"
