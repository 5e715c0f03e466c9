"""How fast credit is bought and locks end: `python -m rtbill.app.bench_pay FOLDER`.

Opens the books in the folder as the service does, with all that runs for payments, the enforcement
of locks, and the listener for webhooks. The provider and the exchange are parts of this process,
which answer after a stated time and at once; webhooks come from another process over HTTP. Each
account buys once, from a card of its own that is two days old.

    steady      accounts fall below their threshold one after the other
    burst       many do at once
    settled     many more do, and the provider answers at once: what this program takes for itself
    unlocks     locked accounts whose payment is under way; then the provider tells that it is paid
    kept        webhooks as fast as they are taken, each durable before its answer
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rtbill.app.bench_buyers import BURST, SETTLED, STEADY, UNLOCKS, Buyers
from rtbill.app.bench_provider import ANSWER_S, NAME, BenchGateway, LockingPbx
from rtbill.app.books import Books, open_books
from rtbill.app.outside import Work
from rtbill.app.service import SWITCH_INTERVAL_S
from rtbill.calls.tracker import Tracker
from rtbill.clock import SystemClock
from rtbill.collector import settle_for_service
from rtbill.config import load_config
from rtbill.domain.events import LinkRestored, Snapshot
from rtbill.domain.top_up import TopUp
from rtbill.observability import PrometheusMeter
from rtbill.replenishment.gateways import Gateways
from rtbill.serving.listening import serve, tcp_listener
from rtbill.web.pay_pages import CONNECTIONS_MAX
from rtbill.web.webhooks import Webhooks, webhook_application

STEADY_PER_S = 50
UNLOCKS_PER_S = 25
WEBHOOKS = 4_000
CONNECTIONS = 16
WITHIN_S = 120.0
LOOK_S = 0.005
SETTLE_S = 1.0
"""After the start, until everybody's settings are read."""


class PayBench:
    """The service's payments at work, and what is done to them."""

    def __init__(self, books: Books, gateway: BenchGateway, pbx: LockingPbx, port: int) -> None:
        self._books = books
        self._gateway = gateway
        self._pbx = pbx
        self._port = port
        self._fell: dict[str, float] = {}
        self._paid: dict[str, float] = {}
        books.billing.directory.watch(lambda state: self._moved(state.account.id))
        books.payments.driver.watch(lambda paying: self._step(paying.top_up))
        self._buyers = Buyers()

    def _moved(self, account: str) -> None:
        self._fell.setdefault(account, time.monotonic())

    def _step(self, row: TopUp | None) -> None:
        if row is not None and row.was_paid:
            self._paid.setdefault(row.account, time.monotonic())

    async def steady(self) -> dict[str, Any]:
        """Triggers at a steady rate."""
        accounts = self._buyers.take(STEADY)
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, account in enumerate(accounts):
                due_s = began_s + number / STEADY_PER_S
                await asyncio.sleep(due_s - time.monotonic())
                group.create_task(self._spend(account), name=f"spend {account}")
        await self._until(lambda: all(each in self._paid for each in accounts))
        return {**self._waits(accounts), "wanted_per_s": STEADY_PER_S}

    async def burst(self) -> dict[str, Any]:
        """Triggers all at once."""
        return await self._all_at_once(self._buyers.take(BURST))

    async def settled(self) -> dict[str, Any]:
        """Many, of a provider that needs no time."""
        self._gateway.answer_s = 0.0
        try:
            return await self._all_at_once(self._buyers.take(SETTLED))
        finally:
            self._gateway.answer_s = ANSWER_S

    async def _all_at_once(self, accounts: Sequence[str]) -> dict[str, Any]:
        began_s, cpu_s, loop_s = time.monotonic(), time.process_time(), time.thread_time()
        async with asyncio.TaskGroup() as group:
            for account in accounts:
                group.create_task(self._spend(account), name=f"spend {account}")
        await self._until(lambda: all(each in self._paid for each in accounts))
        seconds = time.monotonic() - began_s
        count = len(accounts)
        return {
            **self._waits(accounts),
            "per_s": count / seconds,
            "cpu_ms": (time.process_time() - cpu_s) / count * 1e3,
            "loop_cpu_ms": (time.thread_time() - loop_s) / count * 1e3,
        }

    async def unlocks(self) -> dict[str, Any]:
        """From the webhook's last byte, as its sender wrote it, to the exchange's order."""
        accounts = self._buyers.take(UNLOCKS)
        await self._lock(accounts)
        payments = {
            made: charge.account
            for made, charge in self._gateway.payments.items()
            if charge.account in set(accounts)
        }
        posted = await self._post(list(payments), UNLOCKS_PER_S)
        numbers = {account: Buyers.number(account) for account in accounts}
        await self._until(lambda: all(each in self._pbx.opened for each in numbers.values()))
        waits = [
            self._pbx.opened[numbers[payments[made]]] - sent_s
            for made, sent_s in posted["sent"].items()
        ]
        return {
            "answers": posted["answers"],
            "waits_s": waits,
            "took_s": posted["took_s"],
            "posted_per_s": UNLOCKS_PER_S,
        }

    async def _lock(self, accounts: Sequence[str]) -> None:
        """Each has spent all, is locked, and its payment is under way."""
        self._gateway.is_slow_to_pay = True
        before = self._gateway.confirmed
        for account in accounts:
            await self._books.billing.credit(
                account, -Buyers.HAVE_MICROS, f"spent-{account}", "spent", is_correction=True
            )
        await self._until(lambda: self._gateway.confirmed == before + len(accounts))
        numbers = {Buyers.number(account) for account in accounts}
        await self._until(lambda: numbers <= self._pbx.locked)
        self._gateway.is_slow_to_pay = False

    async def kept(self) -> dict[str, Any]:
        """Webhooks about payments of others."""
        payments = [f"pi_other_{number}" for number in range(WEBHOOKS)]
        cpu_s = time.process_time()
        posted = await self._post(payments, 0)
        return {
            "per_s": WEBHOOKS / posted["seconds"],
            "answers": posted["answers"],
            "took_s": posted["took_s"],
            "connections": CONNECTIONS,
            "cpu_ms": (time.process_time() - cpu_s) / WEBHOOKS * 1e3,
        }

    async def _post(self, payments: Sequence[str], per_s: float) -> dict[str, Any]:
        command = [sys.executable, "-m", "rtbill.app.bench_webhooks"]
        process = await asyncio.create_subprocess_exec(
            *command,
            *map(str, (self._port, per_s, CONNECTIONS)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        async with asyncio.timeout(WITHIN_S):
            out, _ = await process.communicate("\n".join(payments).encode())
        assert process.returncode == 0, "the webhooks could not be posted"
        posted: dict[str, Any] = json.loads(out)
        return posted

    async def _spend(self, account: str) -> None:
        self._fell.pop(account, None)
        await self._books.billing.credit(
            account, -Buyers.SPENT_MICROS, f"spent-{account}", "spent", is_correction=True
        )

    def _waits(self, accounts: Sequence[str]) -> dict[str, Any]:
        asked = self._gateway.asked
        return {"waits_s": [asked[each] - self._fell[each] for each in accounts]}

    async def _until(self, is_over: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while True:
                if is_over():
                    return
                await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[PayBench]:
    """Payments and locks as the service runs them."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    clock, meter = SystemClock(), PrometheusMeter()
    config = load_config(folder / "config.toml")
    gateway, pbx = BenchGateway(clock), LockingPbx()
    gateways = Gateways([gateway], clock, meter)
    async with open_books(config, clock, meter, gateways) as books:
        settle_for_service()
        with tcp_listener("127.0.0.1", 0, "pay") as listener:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(each, name=name) for each, name in _work(books, pbx, listener)
                ]
                at = clock.now()
                pbx.tell(LinkRestored(pbx.name, at, Snapshot(pbx.name, at, (), (), ()), None))
                yield PayBench(books, gateway, pbx, listener.getsockname()[1])
                for task in tasks:
                    task.cancel()
        assert not books.alarms.active(), books.alarms.active()


def _work(books: Books, pbx: LockingPbx, listener: socket.socket) -> Work:
    billing = books.billing
    line = billing.add_line(pbx, Tracker(pbx.name))
    webhooks = Webhooks(books.payments.inbox.hear, [NAME])
    application = webhook_application(webhooks, is_secure=False)
    return [
        (billing.bill_pbx(line), "bill"),
        (billing.holdings.serve(), "holds"),
        (books.enforcement.serve(line), "enforce"),
        (serve(application, listener, connections_max=CONNECTIONS_MAX), "webhooks"),
        *books.payments.work(),
    ]


async def measured(folder: Path) -> dict[str, Any]:
    """Everything, one after the other."""
    async with at_work(folder) as bench:
        await asyncio.sleep(SETTLE_S)
        return {
            "steady": await bench.steady(),
            "burst": await bench.burst(),
            "settled": await bench.settled(),
            "unlocks": await bench.unlocks(),
            "kept": await bench.kept(),
        }


def main(arguments: Sequence[str]) -> int:
    """Measure and print one line of JSON."""
    [folder] = arguments
    sys.stdout.write(json.dumps(asyncio.run(measured(Path(folder)))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
