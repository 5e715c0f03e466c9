r"""A simulated card provider that speaks as Stripe does.

    python -m simulator.card_gateway --port 9475 --secret whsec_simulated \
        --webhook http://127.0.0.1:9470/webhooks/stripe

Clients call `/v1/...`, browsers see `/pages/...`, and what happens to cards and on the network is
ordered by Python calls in tests, and by other processes with JSON:

    curl -d '{"kind": "cut_reply", "path": "confirm"}' http://127.0.0.1:9475/control/fault
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.card_api import CardApi
from simulator.card_behaviour import Behaviour, behaviour
from simulator.card_books import CardBooks, Thing
from simulator.card_control import CardControl
from simulator.card_faults import Fault
from simulator.card_holders import CardHolders
from simulator.card_pages import CardPages
from simulator.card_payments import CardPayments
from simulator.card_state import StateError, load_cards, save_cards
from simulator.card_webhooks import CardWebhooks, WebhookPlan
from simulator.clock import Clock, SpeedClock
from simulator.faults import parse_rates
from simulator.http_server import HttpServer, Reply, Request

API_KEY = "sk_test_simulated"
SAVE_PAUSE_S = 0.2
SECRET = "whsec_simulated"  # noqa: S105 -- a simulated provider on loopback keeps no secret


class CardGateway:
    """The provider, its books and its server. Use it as `async with CardGateway() as provider`."""

    def __init__(  # noqa: PLR0913 -- the settings of a server, all by name
        self,
        clock: Clock | None = None,
        *,
        port: int = 0,
        webhook: str = "",
        secret: str = SECRET,
        api_key: str = API_KEY,
        is_live: bool = False,
        webhook_trust: ssl.SSLContext | None = None,
    ) -> None:
        clock = clock or SpeedClock()
        behaviours: dict[str, Behaviour] = {}
        self.api_key = api_key
        self.books = CardBooks(clock, is_live=is_live)
        self.payments = CardPayments(self.books, behaviours)
        self.holders = CardHolders(self.books, behaviours)
        self.api = CardApi(self.books, self.payments, self.holders, api_key)
        self.webhooks = CardWebhooks(clock, secret, webhook)
        self.webhooks.trust = webhook_trust
        self.books.on_event = self.webhooks.offer
        self._pages = CardPages(self.books, self.payments, self.holders)
        self._control = CardControl(self)
        self._server = HttpServer(self._answer, port)
        self._stack = AsyncExitStack()
        self._sender: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        try:
            await self._stack.enter_async_context(self._server)
        except OSError:
            await self._stack.aclose()
            raise
        self.payments.page_base = self.holders.page_base = self.url
        self._sender = tasks.create_task(self.webhooks.run(), name="webhooks")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sender is not None:
            self._sender.cancel()
        await self._stack.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.port}"

    async def _answer(self, request: Request) -> Reply | None:
        if request.path.startswith("/v1/"):
            return await self.api.answer(request)
        if request.path.startswith("/control/"):
            return self._control.answer(request)
        return self._pages.answer(request)

    # -- what tests and the control endpoint order

    async def go_down(self) -> None:
        """Be unreachable; the books stay."""
        await self._server.stop()

    async def come_back(self) -> None:
        """Be reachable again, at the same address."""
        await self._server.listen()

    def add_customer(self) -> str:
        """A customer; its id."""
        return str(self.holders.create_customer({})["id"])

    def add_card(self, customer: str, card: str | Behaviour = "visa") -> str:
        """A card of a customer, by a name of card_behaviour; its id."""
        how = behaviour(card) if isinstance(card, str) else card
        return str(self.holders.add_card(customer, how)["id"])

    def change_card(self, method_id: str, card: str | Behaviour) -> None:
        """From now on the card behaves so."""
        self.books.get("payment_method", method_id)
        how = behaviour(card) if isinstance(card, str) else card
        self.payments.behaviours[method_id] = how

    def keep_failures(self, *, keeps: bool) -> None:
        """Whether a key replays a 500, as Stripe's first API does, or lets the work be done again,
        as its second does.
        """
        self.api.keys.keeps_failures = keeps

    def change_key(self, api_key: str) -> None:
        """Take this key only, from now on."""
        self.api.api_key = self.api_key = api_key

    def plan_fault(self, kind: str, path: str = "", *, method: str = "POST", **how: object) -> None:
        """Let a fault happen to the next calls that fit; see card_faults."""
        self.api.faults.plan(Fault(kind, path, method, **how))  # type: ignore[arg-type]

    def spoil_webhooks(self, seed: int = 1, **rates: float) -> None:
        """Send webhooks badly; see card_webhooks."""
        self.webhooks.spoil(WebhookPlan(seed, rates))

    def refund(self, intent_id: str, amount: int = 0) -> Thing:
        """Somebody gives money back at the provider, without us; 0 is all of it."""
        form: Thing = {"payment_intent": intent_id}
        return self.payments.refund({**form, "amount": amount} if amount else form)

    def events(self, kind: str = "") -> list[Thing]:
        """All that happened, oldest first."""
        found = self.books.all_of("event")[::-1]
        return [each for each in found if kind in ("", each["type"])]


async def serve(options: argparse.Namespace) -> None:
    """Run until told to stop."""
    provider = CardGateway(
        port=options.port,
        webhook=options.webhook,
        secret=options.secret,
        api_key=options.api_key,
    )
    provider.webhooks.spoil(WebhookPlan(options.seed, options.webhook_faults))
    behaviours = provider.payments.behaviours
    if options.state is not None:
        load_cards(options.state, provider.books, behaviours)
    async with provider, asyncio.TaskGroup() as tasks:
        stopped = asyncio.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, stopped.set)
        if options.port_file is not None:
            port = provider.url.rpartition(":")[2]
            options.port_file.write_text(port, encoding="utf-8")
        print(f"cards are taken at {provider.url}", flush=True)  # noqa: T201 -- a command's output
        saving = tasks.create_task(_save_changes(options.state, provider), name="state")
        await stopped.wait()
        saving.cancel()
    if options.state is not None:
        save_cards(options.state, provider.books, behaviours)


async def _save_changes(path: Path | None, provider: CardGateway) -> None:
    """Write the state soon after each change, so that even a killed simulator remembers it. Each
    change is an event, which is an object of the books.
    """
    saved = provider.books.made
    while path is not None:
        await asyncio.sleep(SAVE_PAUSE_S)
        if saved != provider.books.made:
            saved = provider.books.made
            save_cards(path, provider.books, provider.payments.behaviours)


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r}: give a port from 0 to 65535")
    return port


def _rates(text: str) -> dict[str, float]:
    try:
        rates = parse_rates(text)
        WebhookPlan(0, rates)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return rates


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 stopped, 1 the port is taken or the state is none, 2 the command is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.card_gateway", description=__doc__.split("\n")[0]
    )
    add = parser.add_argument
    add("--port", type=_port, default=0, help="TCP port on 127.0.0.1 (a free one)")
    add("--port-file", type=Path, help="write the port there once it accepts connections")
    add("--state", type=Path, help="keep books and cards there from run to run")
    add("--webhook", default="", metavar="URL", help="where events are told (nowhere)")
    add("--secret", default=SECRET, help=f"signs webhooks ({SECRET})")
    add("--api-key", default=API_KEY, help=f"what clients sign in with ({API_KEY})")
    add("--seed", type=int, default=1, help="draws what happens to webhooks (1)")
    add("--webhook-faults", type=_rates, default={}, metavar="SPEC", help="duplicate=0.1,late=0.2")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(serve(options))
    except (OSError, StateError) as error:
        print(f"card_gateway: {error}", file=sys.stderr)  # noqa: T201 -- a command's output
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
