"""The simulated card provider, by itself: keys, parameters, pages and orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from simulator.card_behaviour import CARDS, Behaviour
from simulator.card_form import BadForm, read_form
from simulator.card_gateway import CardGateway

BACK, AWAY = "http://127.0.0.1:9/back", "http://127.0.0.1:9/away"


class Client:
    """A provider and somebody who calls it."""

    def __init__(self, provider: CardGateway, http: httpx.AsyncClient) -> None:
        self.provider, self.http = provider, http
        self.customer = provider.add_customer()
        self.card = provider.add_card(self.customer)

    async def post(self, path: str, key: str = "", **form: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.provider.api_key}"}
        if key:
            headers["Idempotency-Key"] = key
        return await self.http.post(f"/v1/{path}", data=form, headers=headers)

    async def get(self, path: str, **query: str) -> Any:
        headers = {"Authorization": f"Bearer {self.provider.api_key}"}
        answer = await self.http.get(f"/v1/{path}", params=query, headers=headers)
        return answer.json()

    async def order(self, verb: str, **order: object) -> httpx.Response:
        return await self.http.post(f"/control/{verb}", json=order)

    async def create(self, key: str = "", amount: str = "1000") -> httpx.Response:
        return await self.post(
            "payment_intents",
            key,
            amount=amount,
            currency="eur",
            customer=self.customer,
            payment_method=self.card,
        )

    async def paid(self) -> str:
        intent = (await self.create()).json()["id"]
        assert (await self.post(f"payment_intents/{intent}/confirm")).status_code == 200
        return str(intent)

    async def page(self) -> dict[str, Any]:
        form = {"mode": "setup", "customer": self.customer, "success_url": BACK, "cancel_url": AWAY}
        made: dict[str, Any] = (await self.post("checkout/sessions", **form)).json()
        return made


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with CardGateway() as provider:
        verify = provider.url.startswith("https:")
        async with httpx.AsyncClient(base_url=provider.url, verify=verify) as http:
            yield Client(provider, http)


def error_of(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    return answer.status_code, error.get("code") or error["type"]


# -- keys and parameters


async def test_the_same_key_gets_the_first_answer_again(client: Client) -> None:
    first, again = [await client.create("k1") for _ in range(2)]
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await client.create("k2")).json()["id"] != first.json()["id"]


async def test_the_first_answer_stays_when_the_thing_has_moved_on(client: Client) -> None:
    intent = (await client.create("k1")).json()["id"]
    await client.post(f"payment_intents/{intent}/confirm")
    assert (await client.create("k1")).json()["status"] == "requires_confirmation"
    assert (await client.get(f"payment_intents/{intent}"))["status"] == "succeeded"


async def test_a_failure_after_the_work_is_kept_for_ever(client: Client) -> None:
    client.provider.plan_fault("error_stored", "payment_intents")
    answers = [(await client.create("k1")).status_code for _ in range(3)]
    assert answers == [500, 500, 500]
    assert len(client.provider.books.all_of("payment_intent")) == 1


async def test_a_failure_may_be_forgotten_so_that_the_work_is_done_again(client: Client) -> None:
    await client.order("keep_failures", keeps=False)
    client.provider.plan_fault("error_stored", "payment_intents")
    assert [(await client.create("k1")).status_code for _ in range(3)] == [500, 200, 200]
    assert len(client.provider.books.all_of("payment_intent")) == 2


async def test_a_decline_is_kept_too(client: Client) -> None:
    client.provider.change_card(client.card, "lost_card")
    intent = (await client.create()).json()["id"]
    first, again = [await client.post(f"payment_intents/{intent}/confirm", "k1") for _ in range(2)]
    assert error_of(first) == error_of(again) == (402, "card_declined")
    assert len(client.provider.books.all_of("charge")) == 1


async def test_a_call_refused_before_any_work_is_not_kept(client: Client) -> None:
    assert error_of(await client.create("k1", amount="-5"))[0] == 400
    assert (await client.create("k1")).status_code == 200


async def test_a_key_with_other_parameters_is_refused(client: Client) -> None:
    await client.create("k1")
    answer = await client.create("k1", amount="2000")
    assert error_of(answer) == (400, "idempotency_error")


async def test_a_key_whose_call_is_under_way_is_refused(client: Client) -> None:
    client.provider.plan_fault("late_work", "payment_intents", seconds=0.2)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(client.create("k1"))
        await asyncio.sleep(0.05)  # the provider works for longer than this
        assert error_of(await client.create("k1")) == (409, "idempotency_key_in_use")
    assert first.result().status_code == 200


async def test_a_forgotten_key_does_the_work_again(client: Client) -> None:
    first = await client.create("k1")
    await client.order("forget")
    assert (await client.create("k1")).json()["id"] != first.json()["id"]


async def test_a_parameter_that_the_api_does_not_have_is_refused(client: Client) -> None:
    answer = await client.post("customers", nickname="Ann")
    assert error_of(answer) == (400, "parameter_unknown")


async def test_a_caller_with_another_key_is_refused(client: Client) -> None:
    headers = {"Authorization": "Bearer sk_test_other"}
    answer = await client.http.get("/v1/events", headers=headers)
    assert answer.status_code == 401


async def test_a_list_is_read_in_pages_newest_first(client: Client) -> None:
    made = [(await client.create()).json()["id"] for _ in range(5)]
    first = await client.get("payment_intents", limit="2", customer=client.customer)
    assert [each["id"] for each in first["data"]] == made[:-3:-1]
    assert first["has_more"] is True
    rest = await client.get("payment_intents", limit="3", starting_after=made[3])
    assert [each["id"] for each in rest["data"]] == made[2::-1]
    assert rest["has_more"] is False


async def test_the_balance_is_the_sum_of_its_movements(client: Client) -> None:
    intent = await client.paid()
    await client.order("refund", payment=intent, amount=300)
    dispute = (await client.order("dispute", payment=intent)).json()["id"]
    await client.order("reinstate", dispute=dispute)
    moved = (await client.get("balance_transactions"))["data"]
    assert sorted(each["amount"] for each in moved) == [-1000, -300, 1000, 1000]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("m[x]=1&m[y][z]=2", {"m": {"x": "1", "y": {"z": "2"}}}),
        ("e[0]=a&e[1]=b", {"e": ["a", "b"]}),
        ("e[]=a&e[]=b", {"e": ["a", "b"]}),
        ("d[0][x]=1", {"d": [{"x": "1"}]}),
        ("a=", {"a": ""}),
    ],
)
def test_a_form_is_read_as_a_tree(text: str, expected: dict[str, Any]) -> None:
    assert read_form(text) == expected


@pytest.mark.parametrize("text", ["a]=1", "a[b=1", "a=1&a[b]=2"])
def test_a_form_that_is_no_tree_is_refused(text: str) -> None:
    with pytest.raises(BadForm):
        read_form(text)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("payment_intents", {"limit": "many"}),
        ("events", {"created": "today"}),
        ("payment_intents", {"created[gte]": "noon"}),
        ("payment_intents", {"expand[0]": "data.nothing"}),
    ],
)
async def test_an_odd_question_gets_an_error_and_the_next_one_an_answer(
    client: Client, path: str, query: dict[str, str]
) -> None:
    await client.create()
    assert "error" in await client.get(path, **query)
    assert (await client.create()).status_code == 200


async def test_bytes_that_are_no_http_end_only_their_connection(client: Client) -> None:
    port = int(client.provider.url.rpartition(":")[2])
    for noise in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTPS/x\r\n\r\n", b"POST /v1/events"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(noise)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert (await client.create()).status_code == 200


# -- pages


async def test_a_browser_gives_a_card_and_comes_back(client: Client) -> None:
    page = await client.page()
    shown = await client.http.get(page["url"])
    assert shown.status_code == 200
    assert all(f'value="{name}"' in shown.text for name in CARDS)
    assert '<button name="choice" value="save">' in shown.text
    sent = await client.http.post(page["url"], data={"card": "visa", "choice": "save"})
    assert (sent.status_code, sent.headers["Location"]) == (303, BACK)
    session = await client.get(f"checkout/sessions/{page['id']}")
    assert session["status"] == "complete"
    assert (await client.http.get(page["url"])).status_code == 410


async def test_a_browser_that_cancels_comes_back_without_a_card(client: Client) -> None:
    page = await client.page()
    sent = await client.http.post(page["url"], data={"card": "visa", "choice": "cancel"})
    assert (sent.status_code, sent.headers["Location"]) == (303, AWAY)
    assert (await client.get(f"checkout/sessions/{page['id']}"))["status"] == "open"


@pytest.mark.parametrize("card", ["refused_at_set_up", "<script>"])
async def test_a_card_that_is_refused_leaves_the_page_open(client: Client, card: str) -> None:
    page = await client.page()
    sent = await client.http.post(page["url"], data={"card": card, "choice": "save"})
    assert sent.status_code == 200
    assert 'role="alert"' in sent.text
    assert "<script>" not in sent.text
    assert (await client.get(f"checkout/sessions/{page['id']}"))["status"] == "open"


@pytest.mark.parametrize(
    ("choice", "status"), [("confirm", "succeeded"), ("refuse", "requires_payment_method")]
)
async def test_a_holder_confirms_or_refuses_on_a_page(
    client: Client, choice: str, status: str
) -> None:
    client.provider.change_card(client.card, "authentication_required")
    intent = (await client.create()).json()["id"]
    answer = await client.post(f"payment_intents/{intent}/confirm", return_url=BACK)
    url = answer.json()["next_action"]["redirect_to_url"]["url"]
    assert "1000 EUR" in (await client.http.get(url)).text
    sent = await client.http.post(url, data={"choice": choice})
    assert (sent.status_code, sent.headers["Location"]) == (303, BACK)
    assert (await client.get(f"payment_intents/{intent}"))["status"] == status
    assert (await client.http.get(url)).status_code == 410


async def test_other_pages_there_are_none(client: Client) -> None:
    assert (await client.http.get("/pages/set-up/../x")).status_code == 404
    assert (await client.http.get("/pages/set-up/cs_test_unknown")).status_code == 404


# -- orders


async def test_other_processes_order_what_tests_order_by_calls(client: Client) -> None:
    customer = (await client.order("customer")).json()["id"]
    card = (await client.order("card", customer=customer, card="visa")).json()["id"]
    assert (await client.order("change", method=card, card="slow")).status_code == 200
    assert (await client.order("renew", method=card, year=2040)).json()["card"]["exp_year"] == 2040
    page = await client.page()
    given = await client.order("give", page=page["id"], card="mastercard")
    assert given.json()["status"] == "complete"
    state = (await client.order("state", kind="payment_method")).json()["data"]
    assert [each["card"]["last4"] for each in state] == ["4444", "4242", "4242"]


async def test_a_slow_payment_is_finished_and_disputed_by_order(client: Client) -> None:
    client.provider.change_card(client.card, "slow")
    intent = await client.paid()
    assert (await client.order("finish", payment=intent)).json()["status"] == "succeeded"
    dispute = (await client.order("dispute", payment=intent, inquiry=True)).json()
    assert dispute["status"] == "warning_needs_response"
    taken = (await client.order("withdraw", dispute=dispute["id"])).json()
    assert taken["status"] == "needs_response"
    assert (await client.order("close", dispute=dispute["id"])).json()["status"] == "lost"
    refund = (await client.order("refund", payment=intent)).json()["id"]
    assert (await client.order("fail", refund=refund)).json()["status"] == "failed"


async def test_a_fault_that_was_ordered_happens_once(client: Client) -> None:
    await client.order("fault", kind="busy", path="payment_intents", should_retry="true")
    answer = await client.create()
    assert (answer.status_code, answer.headers["Stripe-Should-Retry"]) == (429, "true")
    assert (await client.create()).status_code == 200


@pytest.mark.parametrize(
    ("verb", "order", "status", "said"),
    [
        ("nonsense", {}, 404, "there is no order 'nonsense'; POST one of customer, card"),
        ("card", {"card": "visa"}, 400, "card needs 'customer'"),
        ("card", {"customer": "cus_0", "card": "visa"}, 400, "No such customer: 'cus_0'"),
        ("card", {"customer": "cus_0", "card": "gold"}, 400, "no test card 'gold'; use one of"),
        ("fault", {"kind": "flood"}, 400, "there is no fault 'flood'; use one of"),
        ("fault", {"kind": "busy", "should_retry": "maybe"}, 400, "use true, false or nothing"),
        ("webhooks", {"seed": 1, "shuffle": 0.5}, 400, "give one of duplicate"),
        ("finish", {"payment": "pi_0"}, 400, "No such payment_intent"),
    ],
)
async def test_an_order_that_cannot_be_carried_out_says_why(
    client: Client, verb: str, order: dict[str, object], status: int, said: str
) -> None:
    answer = await client.order(verb, **order)
    assert answer.status_code == status
    assert said in answer.json()["problem"]


async def test_a_card_can_be_made_to_decline_with_any_code(client: Client) -> None:
    odd = Behaviour(decline="pickup_card", advice="do_not_try_again")
    client.provider.change_card(client.card, odd)
    intent = (await client.create()).json()["id"]
    error = (await client.post(f"payment_intents/{intent}/confirm")).json()["error"]
    assert (error["decline_code"], error["advice_code"]) == ("pickup_card", "do_not_try_again")
    assert error["payment_intent"]["id"] == intent
