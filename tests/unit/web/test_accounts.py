"""Accounts, extensions and locks over the API; calls and what they add up to."""

from __future__ import annotations

import pytest

from tests.fakes.billing_api import an_api
from tests.fakes.builders import an_account

ACCOUNT = "/v1/accounts/room-1"
TERMS = {"name": "Kim Lee", "kind": "prepaid", "currency": "EUR"}


async def test_an_account_shows_money_holds_service_calls_and_extensions() -> None:
    async with an_api("10.00") as api:
        await api.office.hear("12:00:00 start 1\n12:00:05 answer 1")
        found = (await api.ask("GET", ACCOUNT)).json()
        held = api.office.directory.state("room-1").held_micros
        assert found["balance"] == "10.00"
        assert float(found["held"]) * 1_000_000 == held > 0
        assert float(found["grantable"]) * 1_000_000 == 10_000_000 - held
        assert found["service"] == {"outgoing": "open", "incoming": "ring"}
        assert found["live_calls"] == {"talking": 1, "ringing": 0}
        assert [each["extension"] for each in found["extensions"]] == ["hotel/1001"]
        assert (found["version"], found["as_of"]) == (1, "2026-10-05T12:00:00Z")


async def test_an_account_without_any_movement_has_no_instant() -> None:
    async with an_api("0") as api:
        found = (await api.ask("GET", ACCOUNT)).json()
        assert (found["balance"], found["version"], found["as_of"]) == ("0.00", 0, None)


async def test_accounts_are_listed_page_by_page() -> None:
    accounts = [an_account(f"room-{number}") for number in range(1, 6)]
    async with an_api(accounts=accounts) as api:
        seen: list[str] = []
        page = (await api.ask("GET", "/v1/accounts?limit=2")).json()
        while page["next"] is not None:
            seen += [each["account"] for each in page["accounts"]]
            page = (await api.ask("GET", f"/v1/accounts?limit=2&after={page['next']}")).json()
        seen += [each["account"] for each in page["accounts"]]
        assert seen == ["house", *(f"room-{number}" for number in range(1, 6)), "suspense"]


async def test_an_account_is_made_then_changed_then_left_alone() -> None:
    async with an_api() as api:
        made = await api.ask("PUT", "/v1/accounts/room-2", TERMS)
        assert made.status_code == 201
        assert made.json()["class"] == "standard"
        change = {"kind": "postpaid", "credit_limit": "50.00", "name": "Kim, Lee & Co"}
        changed = await api.ask("PUT", "/v1/accounts/room-2", TERMS | change)
        assert changed.status_code == 200
        assert changed.json()["credit_limit"] == "50.00"
        assert changed.json()["name"] == "Kim, Lee & Co"
        again = await api.ask("PUT", "/v1/accounts/room-2", TERMS | change)
        assert again.json() == changed.json()


@pytest.mark.parametrize(
    ("account", "change", "said"),
    [
        ("room-1", {"currency": "USD"}, "an account's currency never changes"),
        ("room-2", {"currency": "XXX"}, "unknown currency 'XXX'"),
        ("room-2", {"class": "gold"}, "class 'gold' is not in config.toml"),
        ("room-2", {"credit_limit": "5"}, "a prepaid account has no credit_limit"),
        ("cash", {}, "'cash' is not a usable name"),
        ("a:b", {}, "not a usable name"),
    ],
)
async def test_terms_that_cannot_be_are_refused_by_the_same_rules_as_a_file(
    account: str, change: dict[str, str], said: str
) -> None:
    async with an_api() as api:
        response = await api.ask("PUT", f"/v1/accounts/{account}", TERMS | change)
        assert response.status_code == 422
        assert said in response.json()["detail"]


async def test_an_extension_is_held_moved_and_given_up() -> None:
    async with an_api(accounts=[an_account(), an_account("room-2")]) as api:
        path = "/v1/accounts/room-2/extensions/hotel/1001"
        assert (await api.ask("PUT", path, {"person": "Kim Lee"})).status_code == 409
        await api.office.clock.advance(1)
        moved = await api.ask("PUT", path, {"person": "Kim Lee", "move": True})
        assert moved.json() == {"account": "room-2", "extension": "hotel/1001"}
        found = (await api.ask("GET", "/v1/accounts/room-2")).json()["extensions"]
        assert [(each["extension"], each["person"]) for each in found] == [
            ("hotel/1001", "Kim Lee")
        ]
        again = await api.ask("PUT", path, {"person": "Kim Lee"})
        assert again.status_code == 200
        await api.office.clock.advance(1)
        assert (await api.ask("DELETE", path)).status_code == 200
        assert (await api.ask("GET", "/v1/accounts/room-2")).json()["extensions"] == []
        assert (await api.ask("DELETE", path)).status_code == 409


@pytest.mark.parametrize("extension", ["motel/1001", "hotel/10%2001"])
async def test_an_extension_that_cannot_be_is_refused(extension: str) -> None:
    async with an_api() as api:
        response = await api.ask("PUT", f"{ACCOUNT}/extensions/{extension}", {})
        assert response.status_code == 422
        assert "is not an extension; write PBX/NUMBER" in response.json()["detail"]


async def test_a_lock_by_hand_holds_whatever_is_paid_until_it_is_lifted() -> None:
    async with an_api("10.00") as api:
        locked = await api.ask("POST", f"{ACCOUNT}/lock", {"reason": "not paid since May"})
        assert locked.json()["extensions"] == [
            {"extension": "hotel/1001", "outgoing": "locked", "incoming": "ring", "note": None}
        ]
        credit = {"amount": "5.00", "currency": "EUR", "reason": "cash"}
        await api.ask("POST", f"{ACCOUNT}/credits", credit, key="k")
        assert api.office.wanted().outgoing == "locked"
        shown = (await api.ask("GET", ACCOUNT)).json()["extensions"]
        assert shown[0]["locked_by_hand"] == "not paid since May"

        await api.ask("POST", f"{ACCOUNT}/unlock", {"reason": "paid"})
        assert api.office.wanted().outgoing == "open"


async def test_the_token_that_lifts_a_lock_and_its_reason_are_kept() -> None:
    async with an_api() as api:
        await api.ask("POST", f"{ACCOUNT}/lock", {"reason": "not paid since May"})
        shown = (await api.ask("GET", ACCOUNT)).json()["extensions"]
        assert shown[0]["locked_by"] == "api:all"
        await api.ask("POST", f"{ACCOUNT}/unlock", {"reason": "paid on 3 June"})
        [lifted] = await api.office.store.lifted_locks(9)
        assert (lifted.by, lifted.reason) == ("api:all", "paid on 3 June")
        assert lifted.lock.reason == "not paid since May"


@pytest.mark.parametrize("verb", ["lock", "unlock"])
async def test_a_lock_of_the_desk_is_neither_lifted_nor_replaced(verb: str) -> None:
    async with an_api() as api:
        await api.office.order("lock", extension="1001", reason="fraud")
        refused = await api.ask("POST", f"{ACCOUNT}/{verb}", {"reason": "paid"})
        assert refused.status_code == 409
        assert "is locked at the desk (fraud)" in refused.json()["detail"]
        assert api.office.wanted().outgoing == "locked"
        assert (await api.ask("GET", ACCOUNT)).json()["extensions"][0]["locked_by"] == "desk"


async def test_unlocking_tells_of_a_lock_for_want_of_money() -> None:
    async with an_api("0.05") as api:
        await api.office.hear("12:00:05 answer 1\n12:01:35 end 1")
        unlocked = await api.ask("POST", f"{ACCOUNT}/unlock", {"reason": "asked for"})
        (extension,) = unlocked.json()["extensions"]
        assert extension["outgoing"] == "locked"
        assert "still locked for want of money" in extension["note"]


async def test_an_account_that_holds_nothing_cannot_be_locked() -> None:
    async with an_api(memberships=[]) as api:
        response = await api.ask("POST", f"{ACCOUNT}/lock", {"reason": "x"})
        assert response.status_code == 409
        assert "holds no extension" in response.json()["detail"]


async def test_calls_are_read_page_by_page_and_later_ones_follow_the_kept_cursor() -> None:
    async with an_api("10.00") as api:
        for leg in ("1", "2", "3"):
            await api.office.hear(f"12:00:05 answer {leg}\n12:01:35 end {leg}")
        first = (await api.ask("GET", "/v1/calls?limit=2")).json()
        assert [each["call"] for each in first["calls"]] == ["hotel/1", "hotel/2"]
        assert first["more"]
        second = (await api.ask("GET", f"/v1/calls?cursor={first['next']}")).json()
        assert ([each["call"] for each in second["calls"]], second["more"]) == (["hotel/3"], False)
        empty = (await api.ask("GET", f"/v1/calls?cursor={second['next']}")).json()
        assert (empty["calls"], empty["next"]) == ([], second["next"])

        await api.office.hear("12:00:10 start 4\n12:01:00 end 4")
        (late,) = (await api.ask("GET", f"/v1/calls?cursor={empty['next']}")).json()["calls"]
        assert (late["status"], late["price"], late["talk_s"]) == ("unanswered", None, "0")


async def test_a_call_shows_who_called_whom_for_how_much() -> None:
    async with an_api("10.00") as api:
        await api.office.hear("12:00:05 answer 1\n12:01:35.250 end 1")
        (call,) = (await api.ask("GET", "/v1/calls?account=room-1&status=rated")).json()["calls"]
        shown = {name: call[name] for name in ("extension", "number", "talk_s", "currency")}
        assert shown == {
            "extension": "hotel/1001",
            "number": "+41315550100",
            "talk_s": "90.25",
            "currency": "EUR",
        }
        assert call["price"] == call["debit"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("status=paid", "status"),
        ("since=2026-10-05", "since"),
        ("account=room-1&account=room-2", "account"),
        ("acount=room-1", "acount"),
    ],
)
async def test_a_question_that_cannot_be_read_names_its_parameter(query: str, field: str) -> None:
    async with an_api() as api:
        response = await api.ask("GET", f"/v1/calls?{query}")
        assert (response.status_code, response.json()["field"]) == (422, field)


async def test_nothing_is_asked_in_the_query_where_nothing_is_answered() -> None:
    async with an_api() as api:
        response = await api.ask("GET", f"{ACCOUNT}?fields=balance")
        assert (response.status_code, response.json()["field"]) == (422, "fields")


async def test_usage_is_added_up_and_tells_how_many_calls_wait() -> None:
    async with an_api("10.00") as api:
        for leg in ("1", "2"):
            await api.office.hear(f"12:00:05 answer {leg}\n12:01:35 end {leg}")
        span = "since=2026-10-05T00:00:00Z&until=2026-10-06T00:00:00Z"
        found = (await api.ask("GET", f"/v1/usage?{span}")).json()
        assert found["waiting"] == 0
        (line,) = found["usage"]
        assert (line["account"], line["calls"], line["price"], line["talk_s"]) == (
            *("room-1", 2, "1.80", "180"),
        )
        nothing = "/v1/usage?since=2026-10-06T00:00:00Z&until=2026-10-06T00:00:00Z"
        assert (await api.ask("GET", nothing)).json()["field"] == "until"
