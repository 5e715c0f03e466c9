"""Money over the API: once for each key, by the same books as the desk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rtbill.domain.ledger import TransferKind
from tests.fakes.billing_api import Api, an_api
from tests.fakes.builders import an_account

ACCOUNT = "/v1/accounts/room-1"
CREDITS = f"{ACCOUNT}/credits"
BALANCE = f"{ACCOUNT}/balance"
CREDIT = {"amount": "5.00", "currency": "EUR", "reason": "cash"}


def report(api: Api, balance: str, ago_s: float = 0, currency: str = "EUR") -> dict[str, Any]:
    as_of = api.office.clock.now() - timedelta(seconds=ago_s)
    return {"balance": balance, "currency": currency, "as_of": as_of.isoformat()}


async def test_a_credit_is_posted_and_told_with_the_balance_after_it() -> None:
    async with an_api("10.00") as api:
        response = await api.ask("POST", CREDITS, CREDIT, key="receipt-1")
        assert response.status_code == 201
        assert response.json() == {
            "account": "room-1",
            "key": "receipt-1",
            "amount": "5.00",
            "currency": "EUR",
            "kind": "payment",
            "reason": "cash",
            "balance_after": "15.00",
            "version": 2,
            "at": "2026-10-05T12:00:00Z",
        }
        assert await api.office.balance() == 15_000_000


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_the_same_request_again_has_the_first_answer_and_moves_nothing(
    is_restarted: bool,  # noqa: FBT001
) -> None:
    async with an_api("10.00") as api:
        first = await api.ask("POST", CREDITS, CREDIT, key="receipt-1")
        await api.ask("POST", CREDITS, CREDIT, key="receipt-2")
        await api.office.clock.advance(3600)
        if is_restarted:
            api.restart()
        again = await api.ask("POST", CREDITS, CREDIT, key="receipt-1")

        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        assert await api.office.balance() == 20_000_000


async def test_a_key_in_quotes_is_the_same_key() -> None:
    async with an_api("10.00") as api:
        await api.ask("POST", CREDITS, CREDIT, key="receipt-1")
        again = await api.ask("POST", CREDITS, CREDIT, key='"receipt-1"')
        assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (CREDITS, {"amount": "6.00"}),
        (CREDITS, {"reason": "card"}),
        (CREDITS, {"kind": "correction"}),
        ("/v1/accounts/room-2/credits", {}),
    ],
)
async def test_the_same_key_with_another_request_is_refused(
    path: str, change: dict[str, str]
) -> None:
    async with an_api("10.00", accounts=[an_account(), an_account("room-2")]) as api:
        await api.ask("POST", CREDITS, CREDIT, key="receipt-1")
        response = await api.ask("POST", path, CREDIT | change, key="receipt-1")
        assert response.status_code == 409
        assert response.json()["type"] == "urn:rtbill:problem:key-reused"
        assert response.json()["field"] == "Idempotency-Key"
        assert await api.office.balance() == 15_000_000
        assert await api.office.balance("room-2") == 10_000_000


async def test_keys_of_the_api_and_of_the_desk_do_not_meet() -> None:
    async with an_api("10.00") as api:
        await api.office.credit("1.00", key="receipt-1")
        response = await api.ask("POST", CREDITS, CREDIT, key="receipt-1")
        assert response.json()["balance_after"] == "16.00"


@pytest.mark.parametrize(("amount", "after"), [("2.50", "12.50"), ("-2.50", "7.50")])
async def test_a_correction_goes_either_way_and_is_no_cash(amount: str, after: str) -> None:
    async with an_api("10.00") as api:
        body = CREDIT | {"amount": amount, "kind": "correction"}
        response = await api.ask("POST", CREDITS, body, key="c-1")
        assert response.json()["balance_after"] == after
        newest = await api.office.store.newest_transfer("room-1")
        assert newest is not None
        assert newest.transfer.kind is TransferKind.CORRECTION
        assert "cash" not in (newest.transfer.debit, newest.transfer.credit)


async def test_money_opens_what_was_locked_for_want_of_it() -> None:
    async with an_api("0.05") as api:
        await api.office.hear("12:00:05 answer 1\n12:01:35 end 1")
        assert (await api.ask("GET", ACCOUNT)).json()["service"]["outgoing"] == "locked"
        await api.ask("POST", CREDITS, CREDIT, key="receipt-1")
        assert (await api.ask("GET", ACCOUNT)).json()["service"]["outgoing"] == "open"
        assert api.office.wanted().outgoing == "open"


async def test_a_reported_balance_is_followed_and_its_repetition_answered_as_the_first() -> None:
    async with an_api("10.00") as api:
        await api.office.clock.advance(60)
        body = report(api, "12.3456")
        first = await api.ask("PUT", BALANCE, body)
        assert first.status_code == 200
        assert first.json() | {"as_of": ""} == {
            "account": "room-1",
            "currency": "EUR",
            "as_of": "",
            "reported": "12.3456",
            "correction": "2.3456",
            "balance": "12.3456",
        }
        api.restart()
        again = await api.ask("PUT", BALANCE, body)
        assert again.json() == first.json()
        assert await api.office.balance() == 12_345_600


async def test_as_of_of_an_account_is_the_instant_to_report_with() -> None:
    async with an_api("10.00") as api:
        await api.office.clock.advance(10)
        await api.office.hear("12:00:05 answer 1\n12:01:35 end 1")
        seen = (await api.ask("GET", ACCOUNT)).json()
        await api.office.clock.advance(10)
        await api.office.hear("12:02:05 answer 2\n12:03:35 end 2")
        body = {"balance": seen["balance"], "currency": "EUR", "as_of": seen["as_of"]}
        answer = (await api.ask("PUT", BALANCE, body)).json()

        assert seen["balance"] == "9.10"
        assert answer["correction"] == "0.00"
        assert answer["balance"] == "8.20"


@pytest.mark.parametrize(
    ("ago_s", "balance", "said"),
    [(20, "5.00", "was reported already"), (10, "5.00", "12.00 was reported before")],
)
async def test_an_older_or_another_balance_is_refused(
    ago_s: float, balance: str, said: str
) -> None:
    async with an_api("10.00") as api:
        await api.office.clock.advance(60)
        await api.ask("PUT", BALANCE, report(api, "12.00", ago_s=10))
        response = await api.ask("PUT", BALANCE, report(api, balance, ago_s=ago_s))
        assert response.status_code == 409
        assert said in response.json()["detail"]
        assert await api.office.balance() == 12_000_000


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"as_of": "2026-10-05T12:00:00"}, "as_of"),
        ({"as_of": "2026-10-05"}, "as_of"),
        ({"as_of": 1_790_000_000}, "as_of"),
        ({"as_of": "2026-10-05T13:00:00Z"}, "as_of"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        ({"currency": "USD"}, "currency"),
        ({"balance": 12}, "balance"),
        ({"balance": "12,00"}, "balance"),
    ],
)
async def test_a_bad_report_names_its_field(change: dict[str, object], field: str) -> None:
    async with an_api("10.00") as api:
        response = await api.ask("PUT", BALANCE, report(api, "12.00") | change)
        assert response.status_code == 422
        assert response.json()["field"] == field
        assert await api.office.balance() == 10_000_000
