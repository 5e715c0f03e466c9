"""What an outside billing package asks and is told, put together; the API's parts are loaded only
where one is configured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from rtbill.app.books import Books
from rtbill.config import ApiConfig
from rtbill.domain.changes import KeepEventsOf
from rtbill.live.calls import LiveCalls
from rtbill.notify.webhook import WebhookQueue
from rtbill.ports import Meter, Notifier

Work = list[tuple[Coroutine[Any, Any, None], str]]


async def outside_work(books: Books, live: LiveCalls, meter: Meter) -> tuple[list[Notifier], Work]:
    """Ways out for notices, and what serves them and the API; nothing where none is configured."""
    names = tuple(each.name for each in books.config.webhooks)
    await books.store.change(KeepEventsOf(names))
    notifiers, work = _webhooks(books, meter)
    if books.config.api is not None:
        work.append((billing_api(books.config.api, books, live, meter), "api"))
    return notifiers, work


def _webhooks(books: Books, meter: Meter) -> tuple[list[Notifier], Work]:
    notifiers: list[Notifier] = []
    work: Work = []
    for each in books.config.webhooks:
        from rtbill.notify.webhook_post import WebhookPost, WebhookTerms
        from rtbill.notify.webhook_sender import WebhookSender

        queue = WebhookQueue(each.name, each.events, books.store)
        terms = WebhookTerms(
            name=each.name,
            url=each.url,
            secrets=each.secrets,
            ca_file=each.ca_file,
            is_private_accepted=each.is_private_accepted,
            timeout_s=each.timeout_s,
        )
        sender = WebhookSender(
            name=each.name,
            queue=queue,
            post=WebhookPost(terms),
            give_up=timedelta(hours=each.give_up_h),
            feed=books.reader,
            store=books.store,
            alarms=books.alarms,
            clock=books.clock,
            meter=meter,
        )
        notifiers.append(queue)
        work.append((sender.serve(), f"webhook {each.name}"))
    return notifiers, work


async def billing_api(api: ApiConfig, books: Books, live: LiveCalls, meter: Meter) -> None:
    """Serve until cancelled. Refused when the port is taken, or its TLS cannot be used."""
    from rtbill.serving.listening import server_tls
    from rtbill.web.access import Access
    from rtbill.web.api import api_application, serve_api
    from rtbill.web.office import Office
    from rtbill.web.operations import operations

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
