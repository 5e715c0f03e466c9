"""The API of an outside billing package over an office, and a client that believes no answer: each
is checked against the OpenAPI document that the API itself serves.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from jsonschema import (  # type: ignore[import-untyped]  # ships no types
    Draft202012Validator,
    FormatChecker,
)

from rtbill.config import ApiToken, Right
from rtbill.desk.balance_reports import BalanceReports
from rtbill.formats.wording import Wording
from rtbill.live.calls import LiveCalls
from rtbill.web.access import Access
from rtbill.web.api import api_application
from rtbill.web.office import Office as Desk
from rtbill.web.operations import operations
from tests.fakes.builders import PBX
from tests.fakes.office import Office, an_office

SECRETS = {
    "all": "token-of-the-tests-with-all-rights",
    "reader": "token-of-the-tests-that-only-reads",
    "payer": "token-of-the-tests-that-only-credits",
}
RIGHTS = {"all": frozenset(Right), "reader": {Right.READ}, "payer": {Right.CREDIT}}
TOKENS = tuple(
    ApiToken(name=name, rights=frozenset(RIGHTS[name]), secret=secret)
    for name, secret in SECRETS.items()
)
_FORMATS = FormatChecker(formats=["date-time"])


class Client:
    """Asks, and holds every answer against the document."""

    def __init__(self, http: httpx.AsyncClient, document: dict[str, Any]) -> None:
        self.http = http
        self.document = document

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = "all",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """The answer to one request; its body is JSON unless `content` says otherwise."""
        sent = {"Authorization": f"Bearer {SECRETS[token]}"} if token else {}
        if key is not None:
            sent["Idempotency-Key"] = key
        if content is not None:
            sent["Content-Type"] = "application/json"
        more: dict[str, Any] = {"content": content} if content is not None else {"json": body}
        if body is None and content is None:
            more = {}
        sent |= headers or {}
        response = await self.http.request(method, path, headers=sent, **more)
        self.check(method, path, response)
        return response

    def check(self, method: str, path: str, response: httpx.Response) -> None:
        """Assert that the document foresees the answer."""
        bare = path.partition("?")[0]
        for template, methods in self.document["paths"].items():
            if (
                re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), bare)
                and method.lower() in methods
            ):
                described = methods[method.lower()]["responses"][str(response.status_code)]
                break
        else:
            assert response.status_code in (404, 405), "what is not described is not answered"
            described = {
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }
            }
        schema = described["content"][response.headers["content-type"].partition(";")[0]]["schema"]
        whole = schema | {"components": self.document["components"]}
        Draft202012Validator(whole, format_checker=_FORMATS).validate(response.json())


class Api:
    """An office that an outside package asks."""

    def __init__(
        self, office: Office, client: Client, application: Any, restart: Callable[[], None]
    ) -> None:
        self.office = office
        self.application = application
        """As it is served."""
        self.client = client
        self.ask = client.ask
        self.restart = restart
        """A service that remembers nothing but its books."""


@asynccontextmanager
async def an_api(
    balance: str = "10.00",
    *,
    tokens: Sequence[ApiToken] = TOKENS,
    requests_per_s: int = 1000,
    timeout_s: float = 5.0,
    **words: Any,
) -> AsyncIterator[Api]:
    async with an_office(balance, **words) as office, asyncio.TaskGroup() as work:

        def application() -> Any:
            reports = BalanceReports(
                billing=office.billing,
                store=office.store,
                reader=office.store,
                clock=office.clock,
                wording=Wording("UTC", [PBX]),
            )
            office.restart_desk()
            office.desk.add_order("balance.report", reports.order)
            desk = Desk(
                order=office.desk.order,
                directory=office.directory,
                reader=office.store,
                live=LiveCalls(office.billing, office.clock),
                desk_locks=office.enforcement.desk_locks,
                clock=office.clock,
            )
            access = Access(tokens, requests_per_s, office.clock)
            answered = operations(desk, office.billing)
            return api_application(answered, access, office.meter, work, timeout_s)

        transport = httpx.ASGITransport(app=application())

        def restart() -> None:
            transport.app = application()

        async with httpx.AsyncClient(transport=transport, base_url="http://rtbill") as http:
            document = (await http.get("/v1/openapi.json")).json()
            yield Api(office, Client(http, document), transport.app, restart)
