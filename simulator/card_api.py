"""The API of the simulated card provider: routes, keys, parameters and faults."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.card_books import ApiError, CardBooks, Thing
from simulator.card_faults import CardFaults, Fault
from simulator.card_form import BadForm, read_form
from simulator.card_holders import CardHolders
from simulator.card_keys import CardKeys
from simulator.card_payments import CardPayments
from simulator.http_server import Reply, Request

Work = Callable[[str, Thing], Thing]
_ID = "([A-Za-z0-9_]+)"
_LISTED = ("limit", "starting_after", "created")


@dataclass(frozen=True, slots=True)
class Route:
    """What one kind of call does, and the parameters it takes."""

    method: str
    path: re.Pattern[str]
    work: Work
    takes: tuple[str, ...] = ()


class CardApi:
    """Answers `/v1/...`."""

    def __init__(
        self, books: CardBooks, payments: CardPayments, holders: CardHolders, api_key: str
    ) -> None:
        self._books, self.api_key = books, api_key
        self.faults = CardFaults()
        self.keys = CardKeys()
        self.per_second_max = 0
        """More calls in one second are answered with 429; 0 is no limit."""
        self.over_limit = 0
        """Calls that were."""
        self._second, self._in_second = 0, 0
        self.calls: list[tuple[str, str, str]] = []
        """Method, path and idempotency key of each call, the newest last; at most 10,000."""
        self._routes = [
            *_payment_routes(books, payments),
            *_holder_routes(books, holders),
            *(_list_route(books, *each) for each in _LISTS),
        ]

    async def answer(self, request: Request) -> Reply | None:
        """The reply; None when the connection is to be cut."""
        key = request.headers.get("idempotency-key", "")
        self.calls.append((request.method, request.path, key))
        del self.calls[:-10_000]
        fault = self.faults.take(request.method, request.path)
        if fault is not None and fault.kind == "cut_request":
            return None
        try:
            self._sign_in(request)
            self._count()
            _refuse_by(fault)
            status, body, is_replay = await self._once(request, key, fault)
        except ApiError as error:
            status, body, is_replay = error.status, _error_body(error), False
        if fault is not None and fault.kind == "cut_reply":
            return None
        if fault is not None and fault.kind == "late_reply":
            await asyncio.sleep(fault.seconds)
        headers = {"Request-Id": f"req_sim{len(self.calls):07d}"}
        if is_replay:
            headers["Idempotent-Replayed"] = "true"
        if fault is not None and fault.should_retry:
            headers["Stripe-Should-Retry"] = fault.should_retry
        return Reply(status, _distort(body, fault), headers=headers)

    def _sign_in(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if given != self.api_key:
            # A careless provider repeats the key in full: whoever logs that text tells it on.
            raise ApiError(401, f"Invalid API Key provided: {given}")

    def _count(self) -> None:
        if self._second != self._books.now_s():
            self._second, self._in_second = self._books.now_s(), 0
        self._in_second += 1
        if 0 < self.per_second_max < self._in_second:
            self.over_limit += 1
            raise ApiError(429, "Too many requests", code="rate_limit")

    async def _once(
        self, request: Request, key: str, fault: Fault | None
    ) -> tuple[int, bytes, bool]:
        """Status, body, and whether that is a first answer given again."""
        if request.method != "POST" or not key:
            return (*await self._work(request, fault), False)
        question = f"{request.path}\n{request.body.decode('latin-1')}"
        first = self.keys.begin(key, question)
        if first is not None:
            return (*first, True)
        status, body = 500, b""
        try:
            status, body = await self._work(request, fault)
        finally:
            self.keys.end(key, status, body)
        return status, body, False

    async def _work(self, request: Request, fault: Fault | None) -> tuple[int, bytes]:
        if fault is not None and fault.kind == "late_work":
            await asyncio.sleep(fault.seconds)
        try:
            status, body = 200, json.dumps(self._do(request)).encode()
        except ApiError as error:
            status, body = error.status, _error_body(error)
        if fault is not None and fault.kind == "error_stored":
            return 500, _error_body(ApiError(500, "An unknown error occurred", type="api_error"))
        return status, body

    def _do(self, request: Request) -> Thing:
        try:
            form = read_form(request.query if request.method == "GET" else request.body.decode())
        except (BadForm, ValueError) as error:
            raise ApiError(400, str(error)) from error
        for route in self._routes:
            found = route.path.fullmatch(request.path)
            if found is not None and route.method == request.method:
                expand = form.pop("expand", [])
                for name in form:
                    if name not in route.takes:
                        code = "parameter_unknown"
                        raise ApiError(
                            400, f"Received unknown parameter: {name}", code=code, param=name
                        )
                thing = route.work("".join(found.groups()), form)
                return self._books.shown(thing, expand)
        raise ApiError(404, f"Unrecognized request URL ({request.method}: {request.path}).")


def _refuse_by(fault: Fault | None) -> None:
    if fault is None:
        return
    if fault.kind == "busy":
        raise ApiError(429, "Too many requests", code="rate_limit")
    if fault.kind == "conflict":
        raise ApiError(409, "Another request is in progress", code="idempotency_key_in_use")
    if fault.kind == "refuse":
        raise ApiError(fault.status, **{"message": "Refused by order", **fault.changes})
    if fault.kind == "error":
        raise ApiError(500, "An unknown error occurred", type="api_error")


def _distort(body: bytes, fault: Fault | None) -> bytes:
    """The reply as the fault leaves it."""
    if fault is None:
        return body
    if fault.kind == "garbage":
        return b"<html>sk_test_in_a_page</html>"
    content = json.loads(body)
    if fault.kind == "wrong_amount":
        content["amount"] = content.get("amount", 0) + 1
    elif fault.kind == "wrong_currency":
        content["currency"] = "usd" if content.get("currency") != "usd" else "eur"
    elif fault.kind == "wrong_mode":
        content["livemode"] = not content.get("livemode")
    elif fault.kind == "change":
        content |= fault.changes
    else:
        return body
    return json.dumps(content).encode()


def _error_body(error: ApiError) -> bytes:
    return json.dumps({"error": error.content}).encode()


def _route(method: str, path: str, work: Work, *takes: str) -> Route:
    return Route(method, re.compile("/v1/" + path.replace("{id}", _ID)), work, takes)


def _read_route(books: CardBooks, path: str, kind: str) -> Route:
    return _route("GET", f"{path}/{{id}}", lambda thing, _form: books.get(kind, thing))


def _payment_routes(books: CardBooks, payments: CardPayments) -> list[Route]:
    intents = "payment_intents"
    created = ("amount", "currency", "customer", "payment_method", "payment_method_types")
    return [
        _route(
            *("POST", intents, lambda _id, form: payments.create(form)),
            *(*created, "metadata", "description"),
        ),
        _route(
            *("POST", f"{intents}/{{id}}/confirm", payments.confirm),
            *("payment_method", "off_session", "return_url"),
        ),
        _route("POST", f"{intents}/{{id}}/cancel", lambda each, _form: payments.cancel(each)),
        _read_route(books, intents, "payment_intent"),
        _route(
            *("POST", "refunds", lambda _id, form: payments.refund(form)),
            *("payment_intent", "amount", "metadata"),
        ),
        _read_route(books, "refunds", "refund"),
        _read_route(books, "disputes", "dispute"),
        _read_route(books, "charges", "charge"),
    ]


def _holder_routes(books: CardBooks, holders: CardHolders) -> list[Route]:
    session = ("mode", "customer", "payment_method_types", "client_reference_id", "metadata")
    return [
        _route(
            *("POST", "customers", lambda _id, form: holders.create_customer(form)),
            *("email", "metadata"),
        ),
        _read_route(books, "customers", "customer"),
        _route("POST", "payment_methods/{id}/detach", lambda each, _form: holders.detach(each)),
        _read_route(books, "payment_methods", "payment_method"),
        _route(
            *("POST", "checkout/sessions", lambda _id, form: holders.create_session(form)),
            *(*session, "setup_intent_data", "success_url", "cancel_url"),
        ),
        _read_route(books, "checkout/sessions", "checkout.session"),
        _read_route(books, "setup_intents", "setup_intent"),
    ]


_LISTS = (
    ("payment_intents", "payment_intent", ("customer",)),
    ("charges", "charge", ("customer", "payment_intent")),
    ("refunds", "refund", ("charge", "payment_intent")),
    ("disputes", "dispute", ("charge", "payment_intent")),
    ("events", "event", ("types", "type")),
    ("balance_transactions", "balance_transaction", ("source", "type")),
)
"""Path, kind, and the fields by which a list is narrowed."""


def _list_route(books: CardBooks, path: str, kind: str, fields: tuple[str, ...]) -> Route:
    def work(_id: str, form: Thing) -> Thing:
        found = [each for each in books.all_of(kind) if _fits(each, form, fields)]
        if "starting_after" in form:
            ids = [each["id"] for each in found]
            if form["starting_after"] not in ids:
                raise ApiError(400, f"No such {kind}: '{form['starting_after']}'")
            found = found[ids.index(form["starting_after"]) + 1 :]
        limit = int(form.get("limit", 10))
        if not 1 <= limit <= 100:
            raise ApiError(400, f"Invalid limit: {limit}", param="limit")
        page = [books.shown(each, []) for each in found[:limit]]
        return {
            "object": "list",
            "url": f"/v1/{path}",
            "has_more": len(found) > limit,
            "data": page,
        }

    return _route("GET", path, work, *_LISTED, *fields)


def _fits(thing: Thing, form: Thing, fields: tuple[str, ...]) -> bool:
    created: Any = form.get("created", {})
    if not int(created.get("gte", 0)) <= thing["created"] < int(created.get("lt", 2**60)):
        return False
    if "types" in form and thing["type"] not in form["types"]:
        return False
    return all(thing.get(name) == form[name] for name in fields if name in form and name != "types")
