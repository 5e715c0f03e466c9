"""The API of an outside billing package, put together."""

from __future__ import annotations

import asyncio

from rtbill.app.books import Books
from rtbill.config import ApiConfig
from rtbill.listening import server_tls
from rtbill.live_calls import LiveCalls
from rtbill.ports import Meter
from rtbill.web.access import Access
from rtbill.web.api import api_application, serve_api
from rtbill.web.office import Office
from rtbill.web.operations import operations


async def billing_api(api: ApiConfig, books: Books, live: LiveCalls, meter: Meter) -> None:
    """Serve until cancelled. Refused when the port is taken, or its TLS cannot be used."""
    tls = None
    if api.cert_file is not None and api.key_file is not None:
        tls = server_tls(api.cert_file, api.key_file, "api.tls")
    office = Office(
        order=books.desk.order,
        directory=books.billing.directory,
        reader=books.reader,
        live=live,
        desk_locks=books.enforcement.desk_locks,
        clock=books.clock,
    )
    access = Access(api.tokens, api.requests_per_s, books.clock)
    async with asyncio.TaskGroup() as work:
        answered = operations(office, books.billing)
        await serve_api(api.host, api.port, api_application(answered, access, meter, work), tls)
