"""Calls to Stripe: what is repeated, and what is known when it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payments.stripe_card import StripeGateway
from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.domain.payment import Approved, Charge, Created, DeclineClass, Declined, GatewayEvent
from simulator.http_server import HttpServer, Reply, Request
from tests.fakes.environment import NOON
from tests.fakes.stripe_office import REFERENCE, StripeOffice, stripe_office

CONFIRM_KEY = f"rtbill:{REFERENCE}:confirm"


@pytest.mark.parametrize("kind", ["busy", "conflict", "error", "cut_request", "cut_reply"])
async def test_a_passing_failure_is_repeated_with_the_same_key(
    office: StripeOffice, kind: str
) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    office.provider.plan_fault(kind, "confirm", times=2)
    assert isinstance(await office.gateway.confirm(charge, provider_id), Approved)
    assert office.calls("confirm") == [CONFIRM_KEY] * 3
    assert len(office.payments()) == 1


async def test_between_attempts_passes_a_growing_and_scattered_time(
    office: StripeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    pass_time = office.clock.sleep

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await pass_time(0)

    monkeypatch.setattr(office.clock, "sleep", sleep)
    for number in range(20):
        office.provider.plan_fault("busy", "payment_intents", times=2)
        await office.created(office.a_charge(reference=str(number)))
    assert all(0.5 <= wait <= 1.0 for wait in waits[::2])
    assert all(1.0 <= wait <= 2.0 for wait in waits[1::2])
    assert len(set(waits)) == len(waits) == 40


async def test_calls_beyond_the_limit_of_a_second_are_put_off_and_none_is_declined(
    office: StripeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of seven at once two pass in each second; a wait of ours takes the provider one further."""
    seconds = [0]
    monkeypatch.setattr(office.provider.books, "now_s", lambda: seconds[0])
    charges = [office.a_charge(reference=str(number)) for number in range(7)]
    office.provider.api.per_second_max = 2

    async def create(charge: Charge) -> str:
        for _ in range(4):
            try:
                return await office.created(charge)
            except Unavailable:
                seconds[0] += 1
        return "never"

    ids = [await create(charge) for charge in charges]
    assert office.provider.api.over_limit > 0
    assert "never" not in ids
    assert len(set(ids)) == len(office.provider.books.all_of("payment_intent")) == 7


async def test_three_attempts_are_the_most(office: StripeOffice) -> None:
    office.provider.plan_fault("busy", "payment_intents", times=10)
    with pytest.raises(Unavailable, match="too much to do, HTTP 429"):
        await office.gateway.create(office.a_charge())
    assert len(office.calls("payment_intents")) == 3


async def test_no_attempt_begins_when_the_time_of_one_has_passed(
    office: StripeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        office.clock, "monotonic", lambda: 1000.0 * len(office.calls("payment_intents"))
    )
    office.provider.plan_fault("busy", "payment_intents", times=10)
    with pytest.raises(Unavailable):
        await office.gateway.create(office.a_charge())
    assert len(office.calls("payment_intents")) == 1


@pytest.mark.parametrize("kind", ["busy", "error", "conflict"])
async def test_stripe_may_forbid_a_repetition(office: StripeOffice, kind: str) -> None:
    office.provider.plan_fault(kind, "payment_intents", times=10, should_retry="false")
    with pytest.raises((Unavailable, OutcomeUnknown)):
        await office.gateway.create(office.a_charge())
    assert len(office.calls("payment_intents")) == 1


async def test_stripe_may_ask_for_a_repetition_of_what_it_answered(office: StripeOffice) -> None:
    charge = office.a_charge("insufficient_funds")
    provider_id = await office.created(charge)
    office.provider.plan_fault("late_reply", "confirm", times=2, should_retry="true")
    declined = await office.gateway.confirm(charge, provider_id)
    assert isinstance(declined, Declined)
    assert declined.decline is DeclineClass.SOFT
    assert office.calls("confirm") == [CONFIRM_KEY] * 3


async def test_a_stored_failure_is_replayed_and_then_asked_for_by_id(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    office.provider.plan_fault("error_stored", "confirm")
    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match="HTTP 500"):
            await office.gateway.confirm(charge, provider_id)
    assert isinstance(await office.gateway.find(charge, provider_id), Approved)
    assert len(office.payments()) == 1


@pytest.mark.parametrize("step", ["payment_intents", "confirm"])
async def test_a_provider_that_does_failed_work_again_takes_the_money_once_too(
    office: StripeOffice, step: str
) -> None:
    office.provider.keep_failures(keeps=False)
    charge = office.a_charge()
    office.provider.plan_fault("error_stored", step)
    provider_id = await office.created(charge)
    assert isinstance(await office.gateway.confirm(charge, provider_id), Approved)
    assert isinstance(await office.gateway.find(charge, ""), Approved)
    assert len(office.payments()) == 1


async def test_what_may_have_arrived_once_stays_in_doubt_when_nobody_can_be_reached_then(
    office: StripeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    office.provider.plan_fault("cut_reply", "confirm")
    pass_time = office.clock.sleep

    async def sleep(seconds: float) -> None:
        await office.provider.go_down()
        await pass_time(seconds)

    monkeypatch.setattr(office.clock, "sleep", sleep)
    with pytest.raises(OutcomeUnknown, match="ConnectError"):
        await office.gateway.confirm(charge, provider_id)
    await office.provider.come_back()
    assert isinstance(await office.gateway.find(charge, provider_id), Approved)


async def test_a_refused_key_after_a_lost_answer_says_nothing_of_it(
    office: StripeOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    office.provider.plan_fault("cut_reply", "confirm")
    pass_time = office.clock.sleep

    async def sleep(seconds: float) -> None:
        office.provider.change_key("sk_test_rolled")
        await pass_time(seconds)

    monkeypatch.setattr(office.clock, "sleep", sleep)
    with pytest.raises(OutcomeUnknown, match="no answer, and then HTTP 401"):
        await office.gateway.confirm(charge, provider_id)
    assert len(office.payments()) == 1


async def test_work_that_is_done_after_our_time_out_is_found_later() -> None:
    async with stripe_office(attempts_max=1, timeout_s=0.3) as impatient:
        charge = impatient.a_charge()
        provider_id = await impatient.created(charge)
        impatient.provider.plan_fault("late_work", "confirm", seconds=0.5)
        with pytest.raises(OutcomeUnknown, match=r"no answer within 0\.3 s"):
            await impatient.gateway.confirm(charge, provider_id)
        assert await impatient.gateway.find(charge, provider_id) == Created(provider_id)
        while not impatient.payments():
            await impatient.clock.sleep(0)
        assert isinstance(await impatient.gateway.find(charge, provider_id), Approved)


async def test_an_answer_that_is_no_json_is_in_doubt(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    office.provider.plan_fault("garbage", "confirm")
    with pytest.raises(OutcomeUnknown, match="Stripe failed, HTTP 200") as caught:
        await office.gateway.confirm(charge, provider_id)
    assert "html" not in str(caught.value)
    assert isinstance(await office.gateway.find(charge, provider_id), Approved)


async def test_an_answer_of_the_other_mode_is_in_doubt(office: StripeOffice) -> None:
    charge = office.a_charge()
    office.provider.plan_fault("wrong_mode", "payment_intents")
    with pytest.raises(OutcomeUnknown, match="livemode True, and we are of livemode False"):
        await office.gateway.create(charge)


async def test_a_refused_key_is_our_own_fault(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    office.provider.change_key("sk_test_rolled")
    for answer in (
        await office.gateway.create(office.a_charge(reference="202611270002")),
        await office.gateway.confirm(charge, provider_id),
    ):
        assert isinstance(answer, Declined)
        assert answer.decline is DeclineClass.OURS
    with pytest.raises(Unavailable, match="refuses our key"):
        await office.gateway.find(charge, provider_id)


async def test_a_reading_that_fails_is_never_in_doubt(office: StripeOffice) -> None:
    charge = office.a_charge()
    provider_id = await office.created(charge)
    for kind in ("error", "busy", "cut_reply", "garbage"):
        office.provider.plan_fault(kind, provider_id, method="GET", times=3)
        with pytest.raises(Unavailable, match=REFERENCE):
            await office.gateway.find(charge, provider_id)
        office.provider.api.faults.waiting.clear()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"paid"', b"7", b"{", b"\xff", b"{}"])
async def test_a_200_that_is_no_object_of_stripes_is_in_doubt(body: bytes) -> None:
    async def answer(_request: Request) -> Reply:
        return Reply(200, body)

    async with HttpServer(answer) as server, stripe_office() as office:
        address = f"http://127.0.0.1:{server.port}"
        gateway = StripeGateway(replace(office.settings, api_base=address), office.clock)
        with pytest.raises(OutcomeUnknown, match=REFERENCE):
            await gateway.create(office.a_charge())
        await gateway.close()


@pytest.mark.parametrize("body", [b"", b"not found", b"[]", b'{"error": "gone"}', b"{}"])
async def test_a_404_that_is_not_stripes_own_does_not_make_a_payment_absent(body: bytes) -> None:
    async def answer(_request: Request) -> Reply:
        return Reply(404, body)

    async with HttpServer(answer) as server, stripe_office() as office:
        address = f"http://127.0.0.1:{server.port}"
        gateway = StripeGateway(replace(office.settings, api_base=address), office.clock)
        with pytest.raises(Unavailable, match=REFERENCE):
            await gateway.find(office.a_charge(), "pi_1")
        with pytest.raises(Unavailable, match="card pm_1"):
            await gateway.look_up(GatewayEvent("evt_1", "payment_method.detached", "pm_1", NOON))
        await gateway.close()
