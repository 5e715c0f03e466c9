"""Who may ask, what is said to bad requests, and that the document of the API is true."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from rtbill.config import ApiToken, Right
from rtbill.domain.errors import Unavailable
from tests.fakes.billing_api import SECRETS, Api, an_api

ACCOUNT = "/v1/accounts/room-1"
CREDITS = f"{ACCOUNT}/credits"
CREDIT = {"amount": "5.00", "currency": "EUR", "reason": "cash"}


async def test_the_document_is_valid_openapi_and_names_every_right() -> None:
    async with an_api() as api:
        document = api.client.document
        OpenAPIV31SpecValidator(document).validate()
        operations = [one for methods in document["paths"].values() for one in methods.values()]
        assert len(operations) == 11
        assert {one["description"] for one in operations} == {
            f"Needs the right `{right}`." for right in Right
        }


async def test_the_document_needs_no_token_but_comes_not_too_often() -> None:
    async with an_api() as api:
        answers = [await api.client.http.get("/v1/openapi.json") for _ in range(20)]
        assert [each.status_code for each in answers[:5]] == [200] * 5
        assert answers[-1].status_code == 429


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {SECRETS['all']}"},
        {"Authorization": SECRETS["all"]},
        {"Authorization": f"Bearer {SECRETS['all']}x"},
        {"Authorization": "Bearer \xe4\xf6\xfc"},
    ],
)
async def test_without_a_good_token_nothing_is_told(header: dict[str, str]) -> None:
    async with an_api() as api:
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in header.items()]
        response = await api.client.http.get(ACCOUNT, headers=encoded)
        api.client.check("GET", ACCOUNT, response)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == 'Bearer realm="rtbill"'
        assert "10.00" not in response.text


@pytest.mark.parametrize(
    ("token", "method", "path", "body", "status"),
    [
        ("reader", "GET", ACCOUNT, None, 200),
        ("reader", "POST", CREDITS, CREDIT, 403),
        ("reader", "POST", f"{ACCOUNT}/lock", {"reason": "x"}, 403),
        ("payer", "GET", ACCOUNT, None, 403),
        ("payer", "GET", "/v1/calls", None, 403),
        ("payer", "POST", CREDITS, CREDIT, 201),
        ("payer", "PUT", ACCOUNT, {}, 403),
    ],
)
async def test_a_token_does_what_it_has_the_right_to(
    token: str, method: str, path: str, body: object, status: int
) -> None:
    async with an_api() as api:
        response = await api.ask(method, path, body, token=token, key="k")
        assert response.status_code == status
        if status == 403:
            assert f"token '{token}' has no right" in response.json()["detail"]


async def test_a_token_that_asks_too_often_waits_and_others_do_not() -> None:
    async with an_api(requests_per_s=2) as api:
        statuses = [(await api.ask("GET", ACCOUNT)).status_code for _ in range(6)]
        assert statuses == [200] * 4 + [429] * 2
        assert (await api.ask("GET", ACCOUNT)).headers["retry-after"] == "1"
        assert (await api.ask("GET", ACCOUNT, token="reader")).status_code == 200
        await api.office.clock.advance(1)
        assert (await api.ask("GET", ACCOUNT)).status_code == 200


async def test_guessing_tokens_is_slow() -> None:
    async with an_api() as api:
        statuses = [(await api.ask("GET", ACCOUNT, token=None)).status_code for _ in range(40)]
        assert statuses.count(401) <= 20
        assert statuses[-1] == 429
        assert (await api.ask("GET", ACCOUNT)).status_code == 200


async def problem(api: Api, status: int, field: str | None, said: str, **words: object) -> None:
    response = await api.ask("POST", CREDITS, **words)  # type: ignore[arg-type]
    found = response.json()
    assert (response.status_code, found["field"]) == (status, field), found
    assert said in found["detail"]
    assert found["status"] == status
    assert found["instance"] == CREDITS
    assert found["remedy"]
    assert await api.office.balance() == 10_000_000


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"amount": 5}, "amount", "should be a valid string"),
        ({"amount": 5.5}, "amount", "should be a valid string"),
        ({"amount": "5,00"}, "amount", "should match pattern"),
        ({"amount": "1e3"}, "amount", "should match pattern"),
        ({"amount": "NaN"}, "amount", "should match pattern"),
        ({"amount": "\u0665"}, "amount", "should match pattern"),
        ({"amount": "5.001"}, "amount", "5.001 EUR is finer than its coins"),
        ({"amount": "5.0000001"}, "amount", "should match pattern"),
        ({"amount": "9999999999999"}, "amount", "should match pattern"),
        ({"amount": "0.00"}, "amount", "moves nothing"),
        ({"amount": "-5.00"}, "kind", "a payment is above zero"),
        ({"currency": "USD"}, "currency", "the account is kept in EUR, not USD"),
        ({"currency": "eur"}, "currency", "should match pattern"),
        ({"reason": ""}, "reason", "at least 1 character"),
        ({"reason": "x" * 201}, "reason", "at most 200 characters"),
        ({"reason": "two\nlines"}, "reason", "it is one line"),
        ({"kind": "gift"}, "kind", "'payment' or 'correction'"),
        ({"amuont": "5.00"}, "amuont", "Extra inputs are not permitted"),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_moved(
    change: dict[str, object], field: str, said: str
) -> None:
    async with an_api() as api:
        await problem(api, 422, field, said, body=CREDIT | change, key="k")


@pytest.mark.parametrize("name", ["amount", "currency", "reason"])
async def test_a_missing_field_is_named(name: str) -> None:
    async with an_api() as api:
        body = {key: value for key, value in CREDIT.items() if key != name}
        await problem(api, 422, name, "Field required", body=body, key="k")


@pytest.mark.parametrize("key", [None, "", "two words", "x" * 65, "\x7f"])
async def test_a_credit_without_a_usable_key_is_refused(key: str | None) -> None:
    async with an_api() as api:
        said = "is needed once, 1 to 64 visible characters"
        await problem(api, 422, "Idempotency-Key", said, body=CREDIT, key=key)


async def test_what_is_not_json_or_too_large_is_refused() -> None:
    async with an_api() as api:
        await problem(api, 422, None, "Invalid JSON", content=b"{", key="k")
        await problem(api, 422, None, "Invalid JSON", content=b"", key="k")
        await problem(api, 422, None, "Invalid JSON", content=b"\xff\xfe{}", key="k")
        await problem(api, 422, None, "should be an object", content=b"[1]", key="k")
        await problem(api, 422, None, "Invalid JSON", content=b"[" * 60_000, key="k")
        large = json.dumps(CREDIT | {"reason": "x" * 70_000}).encode()
        await problem(api, 413, None, "at most 64 KiB", content=large, key="k")
        plain = {"Content-Type": "text/plain"}
        await problem(api, 415, None, "text/plain", content=b"{}", key="k", headers=plain)


async def test_unknown_accounts_addresses_and_methods_are_told_apart() -> None:
    async with an_api() as api:
        for method, path, body in (
            ("GET", "/v1/accounts/nobody", None),
            ("POST", "/v1/accounts/nobody/credits", CREDIT),
            ("PUT", "/v1/accounts/nobody/extensions/hotel/1009", {}),
            ("POST", "/v1/accounts/nobody/lock", {"reason": "x"}),
            ("GET", "/v1/calls?account=nobody", None),
        ):
            response = await api.ask(method, path, body, key="k")
            assert response.status_code == 404, path
            assert response.json()["type"] == "urn:rtbill:problem:unknown-account"
        response = await api.ask("GET", "/v1/nothing")
        assert response.json()["type"] == "urn:rtbill:problem:not-found"
        response = await api.ask("DELETE", ACCOUNT)
        assert response.status_code == 405
        assert "GET" in response.headers["allow"]


async def test_a_store_that_takes_nothing_is_told_as_worth_another_try() -> None:
    async with an_api() as api:

        def full(_operation: object) -> None:
            raise Unavailable("the disk is full")

        api.office.store.submit = full  # type: ignore[method-assign,assignment]
        response = await api.ask("POST", CREDITS, CREDIT, key="k")
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"


async def test_a_credit_that_takes_too_long_is_posted_once_and_followed_all_the_same() -> None:
    async with an_api("0.05", timeout_s=0.05) as api:
        api.office.store.is_stuck = True
        late = await api.ask("POST", CREDITS, CREDIT, key="k")
        assert late.status_code == 504
        assert late.json()["type"] == "urn:rtbill:problem:outcome-unknown"
        api.office.store.is_stuck = False
        api.office.store.commit()
        again = await api.ask("POST", CREDITS, CREDIT, key="k")
        assert again.status_code == 201
        assert again.json()["balance_after"] == "5.05"
        assert api.office.directory.state("room-1").balance_micros == 5_050_000


async def test_a_mistake_of_ours_is_one_request_s_end_and_no_other_s() -> None:
    async with an_api() as api:

        def broken(_operation: object) -> None:
            raise ZeroDivisionError

        submit, api.office.store.submit = api.office.store.submit, broken  # type: ignore[method-assign,assignment]
        assert (await api.ask("POST", CREDITS, CREDIT, key="k")).status_code == 500
        api.office.store.submit = submit  # type: ignore[method-assign]
        assert (await api.ask("POST", CREDITS, CREDIT, key="k")).status_code == 201


async def test_two_tokens_of_one_right_are_counted_apart() -> None:
    twins = [
        ApiToken(name=name, rights=frozenset(Right), secret=SECRETS[name])
        for name in ("all", "reader")
    ]
    async with an_api(tokens=twins, requests_per_s=1) as api:
        for token in ("all", "reader"):
            statuses = [(await api.ask("GET", ACCOUNT, token=token)).status_code for _ in range(3)]
            assert statuses == [200, 200, 429]
