"""No secret and no card number gets out: not by a log, an exception, or anything that is printed.

Every call is made against a provider that repeats wrong keys in full and puts a card number into
its messages, with every logger of the process at its most talkative.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from payments.secret_text import shown
from payments.stripe_settings import StripeSettings
from rtbill.domain.errors import ConfigError, RtbillError
from rtbill.domain.payment import Charge, GatewayEvent, Refund, SetUp
from simulator.card_behaviour import Behaviour
from tests.fakes.environment import NOON
from tests.fakes.stripe_office import REFERENCE, StripeOffice

CARD_NUMBER = "4000 0000 0000 9995"
KEY, WRONG_KEY = "sk_test_simulated", "sk_test_wrong_51HxQ"
SECRETS = (KEY, WRONG_KEY, "whsec_simulated", "4000000000009995", "_secret_")

Call = Callable[[StripeOffice, Charge, str], Awaitable[object]]
SET_UP = SetUp(
    reference="7001",
    account="room-1",
    customer="",
    email="",
    return_url="http://127.0.0.1/",
    mandate="1",
)
CALLS: dict[str, Call] = {
    "create": lambda office, charge, _: office.gateway.create(replace(charge, reference="3")),
    "confirm": lambda office, charge, pi: office.gateway.confirm(charge, pi),
    "find": lambda office, charge, pi: office.gateway.find(charge, pi),
    "find by reference": lambda office, charge, _: office.gateway.find(charge, ""),
    "cancel": lambda office, charge, pi: office.gateway.cancel(charge, pi),
    "refund": lambda office, charge, pi: office.gateway.refund(
        Refund(reference="55", charge=REFERENCE, provider_id=pi, money=charge.money)
    ),
    "set up": lambda office, _charge, _pi: office.gateway.set_up(SET_UP),
    "set-up result": lambda office, _charge, _pi: office.gateway.set_up_result("cs_test_1"),
    "forget": lambda office, charge, _: office.gateway.forget(charge.method),
    "events": lambda office, _charge, _pi: office.gateway.events_since(NOON),
    "look up": lambda office, _charge, pi: office.gateway.look_up(
        GatewayEvent("evt_1", "payment_intent.succeeded", pi, NOON)
    ),
    "listed": lambda office, _charge, _pi: office.gateway.listed(NOON, NOON + timedelta(days=1)),
}


def assert_clean(text: str) -> None:
    digits = text.replace(" ", "")
    assert [each for each in SECRETS if each in text or each in digits] == []


async def said(call: Awaitable[object]) -> str:
    """All that a call leaves for people: its answer, or its exception as a log would print it."""
    try:
        return repr(await call)
    except RtbillError as error:
        return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize("trouble", ["wrong key", "garbage", "error_stored", "cut_reply", ""])
async def test_no_call_tells_a_secret_however_it_ends(
    office: StripeOffice, caplog: pytest.LogCaptureFixture, name: str, trouble: str
) -> None:
    talkative = replace_text(Behaviour(decline="insufficient_funds"))
    charge = office.a_charge(talkative)
    provider_id = await office.created(charge)
    if trouble == "wrong key":
        office.provider.change_key("sk_test_right")
    elif trouble:
        for method in ("GET", "POST"):
            office.provider.plan_fault(trouble, method=method, times=100)
    with caplog.at_level(logging.DEBUG):
        for logger in ("stripe", "httpx", "httpcore", "payments"):
            caplog.set_level(logging.DEBUG if logger != "stripe" else logging.WARNING, logger)
        assert_clean(await said(CALLS[name](office, charge, provider_id)))
    assert_clean("\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records))


def replace_text(card: Behaviour) -> Behaviour:
    return replace(card, message=f"Card {CARD_NUMBER} was declined with {WRONG_KEY}.")


async def test_a_decline_whose_words_hold_a_card_number_is_told_without_it(
    office: StripeOffice,
) -> None:
    charge = office.a_charge(replace_text(Behaviour(decline="lost_card")))
    declined = await office.gateway.confirm(charge, await office.created(charge))
    assert "Card (number) was declined with (secret)." in repr(declined)


def test_the_sdk_is_kept_from_logging_whole_bodies(office: StripeOffice) -> None:
    assert office.gateway.name == "stripe"
    assert not logging.getLogger("stripe").isEnabledFor(logging.INFO)


def test_a_forged_webhook_is_refused_without_telling_our_secret(office: StripeOffice) -> None:
    event = {"id": "evt_1", "card": CARD_NUMBER}
    webhook = office.provider.webhooks.signed(event, secret="whsec_other")
    with pytest.raises(RtbillError) as caught:
        office.gateway.read_event(webhook.raw, webhook.headers)
    assert_clean("".join(traceback.format_exception(caught.value)))


def test_settings_are_printed_without_secrets(office: StripeOffice) -> None:
    assert_clean(repr(office.settings))
    assert_clean(str(office.settings))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"api_key": "pk_test_simulated"}, "does not begin with sk_ or rk_"),
        ({"api_key": "sk_live_simulated"}, "of live mode, the gateway of test mode"),
        ({"is_live": True}, "of test mode, the gateway of live mode"),
        ({"webhook_secrets": ()}, "begins with whsec_"),
        ({"webhook_secrets": ("whsec_simulated", "simulated")}, "begins with whsec_"),
        ({"timeout_s": 0}, "the time-out is 0 s; use 0.1 to 120"),
        ({"attempts_max": 0}, "there are 0 attempts; use 1 to 10"),
        ({"api_base": "http://api.stripe.com"}, "is not https"),
        ({"api_base": "https://"}, "is not https"),
        ({"api_base": "http://[::1"}, "is not https"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_in_words(
    fields: dict[str, object], said: str
) -> None:
    good: dict[str, object] = {
        "api_key": KEY,
        "webhook_secrets": ("whsec_simulated",),
        "is_live": False,
    }
    with pytest.raises(ConfigError, match="payment gateway stripe: ") as caught:
        StripeSettings(**{**good, **fields})  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert_clean(str(caught.value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Your card has insufficient funds.", "Your card has insufficient funds."),
        ("Invalid API Key provided: sk_live_51H", "Invalid API Key provided: (secret)"),
        ("whsec_abc, rk_test_x1 and pk_live_y", "(secret), (secret) and (secret)"),
        ("pi_3Nabc_secret_XyZ is confirmed", "(secret) is confirmed"),
        ("card 4242424242424242 exists", "card (number) exists"),
        ("card 4242-4242-4242-4242 exists", "card (number) exists"),
        ("top-up 202611270001", "top-up 202611270001"),
        ("two\nlines\x1b[31m", "two lines [31m"),
        (None, ""),
        (7, ""),
    ],
)
def test_words_of_a_provider_are_shown_on_one_line_without_secrets(
    text: object, expected: str
) -> None:
    assert shown(text) == expected


def test_no_more_is_shown_of_a_provider_than_a_sentence_or_two() -> None:
    assert len(shown("word " * 1000)) <= 300
