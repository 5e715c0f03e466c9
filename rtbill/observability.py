"""How the service speaks of itself: log lines that carry no secrets, and metrics.

Modules of the core log through the standard library with `extra={...}` and know neither structlog
nor Prometheus. One log line is one JSON object: time in UTC, level, logger, event, and the extras.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, TextIO, TypeVar

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from rtbill.config import LogConfig
from rtbill.ports import Clock

M = TypeVar("M", Counter, Gauge, Histogram)
_Key = tuple[str, tuple[tuple[str, str], ...]]
METRICS_CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
NUMBER_KEYS = frozenset({"number", "dialled"})
SHORT_DIGITS_MAX = 5
"""Numbers up to this length are short codes and extensions: nobody's private line."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}(?![0-9])")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

BUCKETS_S = (
    *(0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)
_OPTIONS: dict[type, dict[str, Any]] = {Histogram: {"buckets": BUCKETS_S}}
HELP = {
    "rtbill_link_up": "1 while the exchange is heard, 0 otherwise",
    "rtbill_events_total": "Events received from the exchange",
    "rtbill_calls_live": "Billable calls in progress",
    "rtbill_hangup_to_commit_seconds": "Hang-up read from the link until its call is durable",
    "rtbill_store_commit_seconds": "Duration of one commit of the store",
    "rtbill_store_queue": "Operations not yet durable",
    "rtbill_mails_total": "Mails handed to the mail server, by what became of them",
    "rtbill_outbox_waiting": "Notices not yet delivered",
    "rtbill_services_wanted": "Extensions that shall be locked or diverted",
    "rtbill_services_confirmed": "Extensions whose exchange confirmed the wanted service",
    "rtbill_services_differing": "Extensions whose exchange holds another service than wanted",
    "rtbill_services_left_undone": "Extensions that would be locked, were that enforced",
    "rtbill_alarms": "Alarms raised and not cleared",
    "rtbill_calls_total": "Calls entered into the books",
    "rtbill_questions_total": "Questions before dialling, by what was answered",
    "rtbill_question_seconds": "Question before dialling read until its answer is known",
    "rtbill_hold_steps_total": "Steps of holds made durable: open and extend are grants",
    "rtbill_holds_open": "Holds of calls in progress or about to be dialled",
    "rtbill_held_micros": "Money set aside by open holds, in millionths of the currency",
    "rtbill_refused_total": "Calls refused before or while they were dialled, by reason",
    "rtbill_cut_late_seconds": "Call ended by its limit: seconds after that limit",
    "rtbill_cuts_beyond_guard_total": "Calls ended later after their limit than the guard covers",
    "rtbill_topups_wanted_total": "Looks at an account below its threshold, by whether it buys",
    "rtbill_topup_steps_total": "Steps of top-ups made durable, by event and state after it",
    "rtbill_topup_trigger_to_request_seconds": "Account below its threshold until it is asked for",
    "rtbill_topup_oddities_total": "Steps of top-ups that should not have been",
    "rtbill_topups_queued": "Accounts below their threshold that wait for their turn",
    "rtbill_topups_later": "Accounts below their threshold that wait for a time",
    "rtbill_topups_in_flight": "Top-ups by state; those that are over are none",
    "rtbill_gateway_seconds": "Question to a payment gateway until its answer",
    "rtbill_gateway_asked_total": "Questions to payment gateways, by what came of them",
    "rtbill_webhooks_total": "Webhooks of payment gateways, by what became of them",
    "rtbill_webhook_seconds": "Webhook kept until what it means is durable",
    "rtbill_pay_requests_total": "Requests to the pay pages, by what came of them",
    "rtbill_payment_differences_total": "Differences found in the lists of payment gateways",
    "rtbill_refusals_let_through_total": "Refusals not carried out, as the stance does not enforce",
}


def mask_number(number: str, hidden: int) -> str:
    """The number with its last `hidden` digits as `*`; short codes and extensions stay readable."""
    if hidden == 0 or sum(map(str.isdigit, number)) <= SHORT_DIGITS_MAX:
        return number
    return number[:-hidden] + "*" * hidden


def escape_controls(text: str) -> str:
    """The text with every control character as a visible escape: a hostile caller's name cannot
    forge a line nor steer a terminal.
    """
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


class _Cleaner:
    """Processor: masks telephone numbers and escapes control characters in every value."""

    def __init__(self, mask_digits: int, *, lines_kept: bool) -> None:
        self._hidden = mask_digits
        self._lines_kept = lines_kept

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> Mapping[str, Any]:
        return {
            key: value if key.startswith("_") else self._clean(key, value)
            for key, value in event.items()
        }

    def _clean(self, key: str, value: object) -> object:
        if isinstance(value, str):
            return self._clean_text(key, value)
        if isinstance(value, Mapping):
            return {str(name): self._clean(str(name), inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(key, inner) for inner in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._clean_text(key, str(value))

    def _clean_text(self, key: str, text: str) -> str:
        if key in NUMBER_KEYS:
            text = mask_number(text, self._hidden)
        else:
            text = _E164.sub(lambda found: mask_number(found.group(), self._hidden), text)
        if key == "exception" and self._lines_kept:
            return "\n".join(map(escape_controls, text.split("\n")))
        return escape_controls(text)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at that moment, so that a screen may borrow it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # the base class sets an attribute
        return sys.stderr


def set_up_logging(config: LogConfig, clock: Clock, file: Path | None = None) -> None:
    """Send every log line, ours and the libraries', to standard error or to a file (mode 0600)."""

    def stamp(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        now = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"time": now} | event

    text = config.format == "text"
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=False, timestamp_key="time")
        if text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        stamp,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _Cleaner(config.mask_digits, lines_kept=text),
            renderer,
        ],
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler: logging.Handler = _StandardError()
    if file is not None:
        file.touch(mode=0o600, exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8", delay=True)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(config.level.upper())
    # A library's chatter is not our news; its warnings are.
    for name in ("httpx", "httpcore", "uvicorn.access", "uvicorn.error", "aiosqlite", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


class PrometheusMeter:
    """ports.Meter on a registry of its own; a metric comes into being when it is first used."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._metrics: dict[str, Counter | Gauge | Histogram] = {}
        self._known: dict[_Key, Counter | Gauge | Histogram] = {}
        """By name and labels; there are as many as are shown."""
        self._lock = threading.Lock()
        ProcessCollector(registry=self._registry)

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add to a counter."""
        self._series(Counter, name, labels).inc(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._series(Gauge, name, labels).set(value)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record one duration in buckets from 0.5 ms to 10 s."""
        self._series(Histogram, name, labels).observe(seconds)

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _series(self, kind: type[M], name: str, labels: Mapping[str, str]) -> M:
        """The metric with these labels, which the library takes much longer to find."""
        key = (name, tuple(labels.items()))
        found = self._known.get(key)
        if found is None:
            metric = self._metric(kind, name, labels)
            found = self._known[key] = metric.labels(**labels) if labels else metric
        assert isinstance(found, kind), f"{name} is used as two kinds of metric"
        return found

    def _metric(self, kind: type[M], name: str, labels: Mapping[str, str]) -> M:
        metric = self._metrics.get(name)
        if metric is None:
            metric = self._created(kind, name, labels)
        assert isinstance(metric, kind), f"{name} is used as two kinds of metric"
        return metric

    def _created(self, kind: type[M], name: str, labels: Mapping[str, str]) -> M:
        with self._lock:  # the store's writer thread measures too
            known = self._metrics.get(name)
            if known is not None:
                assert isinstance(known, kind)
                return known
            metric = kind(
                name,
                HELP.get(name, name),
                tuple(labels),
                registry=self._registry,
                **_OPTIONS.get(kind, {}),
            )
            self._metrics[name] = metric
            return metric
