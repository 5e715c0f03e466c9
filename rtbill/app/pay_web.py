"""The pay pages and the webhooks of providers, put together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from typing import Any

from rtbill.app.books import Books
from rtbill.config import Config, PayConfig
from rtbill.pay.browser_return import PayReturns
from rtbill.ports import Meter
from rtbill.serving.listening import serve, server_tls, tcp_listener
from rtbill.web.pay_mandates import Mandates, open_mandates
from rtbill.web.pay_office import Holder, PayOffice
from rtbill.web.pay_pages import CONNECTIONS_MAX, PayPages
from rtbill.web.webhooks import Webhooks, webhook_application


def site_mandates(config: Config) -> Mandates | None:
    """The texts that holders agree to; None where there are no pages. ConfigError names what is
    missing.
    """
    if config.pay is None:
        return None
    return open_mandates(config.payments.text_version, config.pay.texts)


def payment_work(books: Books, meter: Meter) -> list[tuple[Coroutine[Any, Any, None], str]]:
    """What has to run for payments, the pages and webhooks among it, each with its name."""
    work = books.payments.work()
    if books.config.pay is not None:
        work.append((pay_web(books.config.pay, books, meter), "pay pages"))
    return work


async def pay_web(pay: PayConfig, books: Books, meter: Meter) -> None:
    """Serve until cancelled. Refused when a port is taken, or TLS cannot be used."""
    tls = None
    if pay.cert_file is not None and pay.key_file is not None:
        tls = server_tls(pay.cert_file, pay.key_file, "pay.tls")
    mandates = site_mandates(books.config)
    assert mandates is not None
    office = pay_office(pay, books, mandates)
    payments = books.payments
    webhooks = Webhooks(payments.inbox.hear, [each.name for each in payments.gateways])
    async with contextlib.AsyncExitStack() as sockets, asyncio.TaskGroup() as work:
        pages = PayPages(office, work, meter)
        listener = sockets.enter_context(tcp_listener(pay.host, pay.port, "pay"))
        served = [(pages.application(None if pay.webhook_port else webhooks), listener)]
        if pay.webhook_port:
            own = tcp_listener(pay.webhook_host, pay.webhook_port, "pay.webhook")
            application = webhook_application(webhooks, is_secure=office.is_secure)
            served.append((application, sockets.enter_context(own)))
        for application, each in served:
            serving = serve(application, each, tls=tls, connections_max=CONNECTIONS_MAX)
            work.create_task(serving, name="pay pages or webhooks")


def pay_office(pay: PayConfig, books: Books, mandates: Mandates) -> PayOffice:
    """What the pages work with: the desk, and what of the site holders see."""
    payments = books.payments
    returns = PayReturns(payments.driver, payments.gateways, books.reader)

    async def order(verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if verb == "pay.look":
            return await returns.look(arguments)
        return await books.desk.order(verb, dict(arguments))

    async def holder(account: str) -> Holder:
        contact = await books.reader.contact(account)
        return Holder(contact.email, contact.language or "") if contact else Holder()

    written = books.config.payments
    return PayOffice(
        order=order,
        look=payments.links.look,
        holder=holder,
        offers=tuple(each.name for each in payments.gateways if each.abilities.sets_up_by_page),
        has_cashless=not all(each.abilities.sets_up_by_page for each in payments.gateways),
        mandates=mandates,
        site=books.config.site.name,
        url=written.url,
        amount_min_micros=written.charge_min_micros,
        amount_max_micros=written.charge_max_micros,
        trusted_proxy=pay.trusted_proxy,
        clock=books.clock,
    )
