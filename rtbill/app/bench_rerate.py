"""A million stored calls rated again, with postings, while others are billed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rtbill.app.bench_books import TARIFF
from rtbill.app.bench_service import Bench, result_of
from rtbill.clock import SystemClock
from rtbill.domain.call import EPOCH
from rtbill.domain.changes import AddTariff
from rtbill.domain.errors import Refused
from rtbill.domain.tariff import Rate, Tariff
from rtbill.rating.tariff_file import read_tariff
from rtbill.serving.control_client import ControlClient
from rtbill.storage.books import Books
from rtbill.storage.sqlite import open_writer, process_lock

POLL_S = 0.2
DEARER_MICROS = 1_000
OVER_WITHIN_S = 900.0


@dataclass(frozen=True, slots=True)
class RunTimes:
    """How long a run took, and what was billed beside it."""

    calls: int
    plan_s: float
    apply_s: float
    load: Mapping[str, Any]


def add_dearer_version(bench: Bench, rates: str, zone: str) -> None:
    """Another version of the bench's tariff, always in force, each price a little more."""
    tariff = Tariff(
        name=TARIFF,
        version=2,
        currency="EUR",
        zone=zone,
        valid_from=EPOCH,
        rates=tuple(_dearer(each) for each in read_tariff(rates).rates),
    )
    with (
        process_lock(bench.database),
        contextlib.closing(open_writer(bench.database)) as connection,
    ):
        [answer] = Books(connection, SystemClock()).commit([AddTariff(tariff)])
        if isinstance(answer, Exception):
            raise answer


def _dearer(rate: Rate) -> Rate:
    steps = tuple(
        replace(step, price_micros=step.price_micros + DEARER_MICROS) for step in rate.terms.steps
    )
    return replace(rate, terms=replace(rate.terms, steps=steps))


def rerate(bench: Bench, load_s: float, calls_per_s: int) -> RunTimes:
    """Dry run and carrying out of a run over all stored calls, in a service that bills calls."""
    load_arguments = ("--seconds", str(load_s), "--calls-per-s", str(calls_per_s))
    with bench.load(*load_arguments) as load, bench.service():
        bench.ready_after_s(time.monotonic())
        client = ControlClient(bench.folder / "rtbill.sock")
        plan, plan_s = _done(client, "run.plan", {"by": "bench"})
        done, apply_s = _done(client, "run.apply", {"run": plan["run"]})
        if done["state"] != "done" or done["done"] != plan["changed"]:
            raise Refused(f"the run did not do what its dry run showed: {done}")
        counted = result_of(load, load_s + 240)
    return RunTimes(done["done"], plan_s, apply_s, counted)


def _done(
    client: ControlClient, verb: str, arguments: dict[str, Any]
) -> tuple[dict[str, Any], float]:
    """The answer, and how many seconds it took."""
    began = time.monotonic()
    client.order(verb, arguments)
    while time.monotonic() - began < OVER_WITHIN_S:
        progress = client.order("run.progress", {})
        if progress["error"]:
            raise Refused(progress["error"])
        if progress["over"]:
            return progress["answer"], time.monotonic() - began
        time.sleep(POLL_S)
    raise Refused(f"{verb} took more than {OVER_WITHIN_S:g} s")
