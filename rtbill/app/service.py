"""The running service: exchanges, books, clockwork and listeners under one task group.

What a site does not have, such as pay pages or a screen, is not imported: a start is shorter by it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import sdnotify  # type: ignore[import-untyped]  # ships no types
import structlog

from rtbill import dispatch, gauges, jobs, renewals
from rtbill.app.asking import inline_listener
from rtbill.app.books import Books, open_books
from rtbill.app.capture import Captures
from rtbill.app.exchanges import check_capabilities, make_pbx
from rtbill.app.mailing import mail_notifier
from rtbill.app.outside import Work, outside_work
from rtbill.app.status import Status
from rtbill.calls.tracker import Tracker
from rtbill.clock import SystemClock
from rtbill.collector import settle_for_service
from rtbill.config import Config
from rtbill.desk.orders import Answer, Arguments
from rtbill.exchanges.inspections import Inspections
from rtbill.live.as_json import view_json
from rtbill.live.calls import LiveCalls
from rtbill.live.feed import LiveFeed
from rtbill.notify.log import LogNotifier
from rtbill.observability import PrometheusMeter
from rtbill.ports import Clock, LiveRow, Notifier
from rtbill.serving.control import serve_control, serve_health
from rtbill.serving.live_stream import LiveStream

WATCHDOG_S = 10.0
SWITCH_INTERVAL_S = 0.0001
"""The writer thread gets Python's lock back this soon from a busy event loop; with Python's own
5 ms a commit waited several times that.
"""


async def run(config: Config, view: str = "auto") -> int:
    """Serve until SIGINT or SIGTERM; 0 after a clean stop. Errors of start-up are raised."""
    clock, meter = SystemClock(), PrometheusMeter()
    check_capabilities(config, clock)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_books(config, clock, meter) as books:
        settle_for_service()
        live = LiveCalls(books.billing, clock)
        status = Status(books)
        async with asyncio.TaskGroup() as group:
            tasks = await _start(group, books, status, live, meter)
            if view != "none":
                from rtbill.app.onlooker import Onlooker

                onlooker = Onlooker(books, live)
                tasks.append(group.create_task(onlooker.show(view), name="view"))
            _tell_systemd("READY=1")
            await stop.wait()
            _tell_systemd("STOPPING=1")
            for task in tasks:
                task.cancel()
    structlog.get_logger(__name__).info("stopped")
    return 0


async def _start(
    group: asyncio.TaskGroup, books: Books, status: Status, live: LiveCalls, meter: PrometheusMeter
) -> list[asyncio.Task[None]]:
    config, clock, billing = books.config, books.clock, books.billing
    captures = Captures(clock)
    inspections = Inspections(billing.lines, books.alarms, books.reader, clock)
    books.desk.add_order("status", status.status)

    async def look_on(arguments: Arguments) -> Answer:
        view = await live.view(live.wanted(arguments))
        return await asyncio.to_thread(view_json, view)  # there may be thousands of calls

    books.desk.add_order("live", look_on)
    books.desk.add_order("check", inspections.order)
    books.desk.add_order("capture.start", captures.start)
    books.desk.add_order("capture.stop", captures.stop)
    store, alarms = books.store, books.alarms
    notifiers, outside = await outside_work(books, live, meter)
    notifiers += await _notifiers(books, meter)
    work = [
        *await _exchanges(books, captures, inspections),
        *outside,
        (serve_control(config.control.socket, books.desk.order), "control"),
        (billing.holdings.serve(), "holds"),
        (books.desk.runs.serve(), "runs"),
        (books.vat.serve(), "vat"),
        (jobs.sweep(billing, store, alarms, clock), "sweep"),
        (jobs.keep_observations(billing, store, alarms, clock), "observations"),
        (jobs.note_heard(billing, store, clock), "heard"),
        (renewals.watch_turns(billing, clock), "turns"),
        (renewals.follow_turns(billing, clock), "turned"),
        (
            dispatch.pump_outbox(notifiers, books.reader, store, alarms, clock, meter),
            "outbox",
        ),
        (gauges.keep_gauges(billing, books.enforcement, store, meter, clock), "gauges"),
        (_watchdog(clock), "watchdog"),
        *_payments(books, meter),
    ]
    asked = inline_listener(books, meter)
    if asked is not None:
        work.append((asked, "inline"))
    work += _http(books, status, live, meter)
    return [group.create_task(coroutine, name=name) for coroutine, name in work]


async def _exchanges(books: Books, captures: Captures, inspections: Inspections) -> Work:
    """What is done for each exchange for ever."""
    work: Work = []
    config, billing = books.config, books.billing
    rows = await books.reader.live_rows()
    for pbx_config in config.pbxs:
        pbx = make_pbx(config, pbx_config, books.clock)
        captures.add(pbx)
        line = billing.add_line(pbx, _tracker(pbx_config.name, rows))
        work.append((billing.bill_pbx(line), f"bill {pbx.name}"))
        work.append((books.enforcement.serve(line), f"enforce {pbx.name}"))
        work.append((inspections.serve(line), f"inspect {pbx.name}"))
        work.append((books.unaided.serve(line), f"unaided {pbx.name}"))
    return work


def _http(books: Books, status: Status, live: LiveCalls, meter: PrometheusMeter) -> Work:
    """Health, metrics and the live stream, where they are wanted."""
    http = books.config.http
    work: Work = []
    if not http.port:
        return work
    stream = None
    if http.live_token:
        feed = LiveFeed(books.billing, live, books.clock)
        stream = LiveStream(feed, http.live_token)
        work.append((feed.serve(), "live feed"))
    health = serve_health(http.host, http.port, status.readiness, meter.render, stream)
    work.append((health, "health"))
    return work


def _payments(books: Books, meter: PrometheusMeter) -> Work:
    """What has to run for payments, with the pages where there are some."""
    if books.config.pay is None:
        return books.payments.work()
    from rtbill.app.pay_web import payment_work

    return payment_work(books, meter)


async def _notifiers(books: Books, meter: PrometheusMeter) -> list[Notifier]:
    mail = await mail_notifier(books, meter)
    return [LogNotifier()] if mail is None else [LogNotifier(), mail]


def _tracker(pbx: str, rows: Sequence[LiveRow]) -> Tracker:
    own = [row for row in rows if row.leg.id.pbx == pbx]
    heard = max((row.heard_until for row in own if row.heard_until), default=None)
    tracker = Tracker(pbx, heard)
    for row in own:
        tracker.resume(row.leg)
    return tracker


async def _watchdog(clock: Clock) -> None:
    while True:
        _tell_systemd("WATCHDOG=1")
        await clock.sleep(WATCHDOG_S)


def _tell_systemd(state: str) -> None:
    if "NOTIFY_SOCKET" in os.environ:
        sdnotify.SystemdNotifier().notify(state)


def wants_view(view: str) -> str:
    """`rich` on a terminal and `plain` elsewhere, unless told otherwise."""
    if view == "auto":
        return "rich" if sys.stdout.isatty() else "plain"
    return view
