"""`rtbill bench`: the figures this program is held to, measured on this machine.

The service runs as it is shipped, with synchronous=FULL, 10,000 prefixes, 1,000 accounts and books
that already hold a million calls; the load comes from another process over a loopback socket, and a
third one recounts the books afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rtbill.app import bench_rerate, bench_top_ups, bench_wire
from rtbill.app.bench_books import ZONE, tariff_text
from rtbill.app.bench_figures import TARGETS, WIRE, Figure, figure, machine
from rtbill.app.bench_recount import problems
from rtbill.app.bench_service import Bench, prepared, result_of, rss_mb
from rtbill.domain.errors import Refused

LIVE_CALLS = 10_000
SETTLE_S = 3.0
LATENCY_RATE = 200
ASKING_RATE = 300
ASKING_S = 30.0
SESSIONS_S = 30.0
SESSIONS = (500, 1000)
"""Extensions, and calls in progress at a time."""
HOT_SESSIONS = (1, 64)
RERATE_LOAD_S = 100.0


def main(
    *,
    as_json: bool,
    seconds: float = 60.0,
    only: str | None = None,
    profile: Path | None = None,
    cache: Path | None = None,
) -> int:
    """Measure and print, a missed target as missed; Refused when the books do not agree."""
    folder = cache or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "rtbill"
    for each in measure(folder, seconds, only or "", profile):
        _print(each, as_json=as_json)
    return 0


def measure(cache: Path, seconds: float, only: str, profile: Path | None) -> Iterator[Figure]:
    """Each figure as soon as it is known; `only` is a part of the names wanted."""
    if only in WIRE:
        yield wire()
    rating_names = [name for name in TARGETS if name.startswith("rate_")]
    if any(only in name for name in rating_names):
        yield from (each for each in rating() if only in each.name)
    if not any(only in name for name in TARGETS if name not in (WIRE, *rating_names)):
        return
    with prepared(cache) as bench:
        runs: list[tuple[str, Callable[[], list[Figure]]]] = [
            ("start_to_ready_s rss_idle_mb", lambda: idle(bench)),
            ("rss_10k_live_calls_mb", lambda: live(bench)),
            ("hangup_to_commit_p50_ms hangup_to_commit_p99_ms", lambda: latency(bench, seconds)),
            ("authorise_p99_ms", lambda: questions(bench)),
            ("session_cycles_per_s", lambda: cycles(bench)),
            ("hot_account_ops_per_s", lambda: hot_account(bench)),
            ("ami_to_ledger_calls_per_s", lambda: throughput(bench, seconds, profile)),
            ("rerate_calls_per_s rerate_beside_calls_p99_ms", lambda: rerating(bench)),
            (bench_top_ups.NAMES, lambda: bench_top_ups.figures(bench)),
        ]
        for names, run in runs:
            if only in names:
                yield from run()


def wire() -> Figure:
    """Messages a second through the wire reader, of which four in 43 are wanted."""
    value = bench_wire.messages_per_s(is_filtered=False)
    return figure(
        WIRE,
        value,
        only_wanted_messages_per_s=round(bench_wire.messages_per_s(is_filtered=True)),
        **machine(),
    )


def rating() -> list[Figure]:
    """Calls priced a second over 200,000 prefixes, and the memory that they take, in a process of
    its own; Refused when the two engines do not agree on every call.
    """
    command = [sys.executable, "-m", "rtbill.app.bench_rating"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own module
    if done.returncode:
        raise Refused(f"rating could not be measured: {done.stderr.decode()[-500:]}")
    found = json.loads(done.stdout)
    scalar, batch = found["scalar"], found["batch"]
    shared = {key: found[key] for key in ("prefixes", "calls", "bundled_share")}
    return [
        figure(
            "rate_scalar_calls_per_s",
            scalar["median"],
            of_cpu_s=scalar["median_of_cpu_s"],
            all=scalar["runs"],
            **shared,
            **machine(),
        ),
        figure(
            "rate_batch_calls_per_s",
            batch["median"],
            of_cpu_s=batch["median_of_cpu_s"],
            all=batch["runs"],
            fallback_share=found["fallback_share"],
            ready_s=found["ready_s"],
            **shared,
            **machine(),
        ),
        figure("rate_table_mb", found["lists_mb"], prefixes=found["prefixes"], **machine()),
    ]


def idle(bench: Bench) -> list[Figure]:
    """Start until ready, and memory while nothing goes on; median of three starts."""
    starts, sizes = [], []
    for _ in range(3):
        with bench.load("--hold", "0"):
            began = time.monotonic()
            with bench.service() as service:
                starts.append(bench.ready_after_s(began))
                time.sleep(SETTLE_S)
                sizes.append(rss_mb(service.pid))
    starts.sort()
    sizes.sort()
    return [
        figure("start_to_ready_s", starts[1], all=_rounded(starts), **machine()),
        figure("rss_idle_mb", sizes[1], all=_rounded(sizes), **machine()),
    ]


def live(bench: Bench) -> list[Figure]:
    """Memory while ten thousand answered calls are in progress."""
    before = bench.last_ids()
    with (
        bench.load("--hold", str(LIVE_CALLS), "--overlap", str(LIVE_CALLS)) as load,
        bench.service() as service,
    ):
        bench.ready_after_s(time.monotonic())
        ends_at = time.monotonic() + 120
        while (calls := bench.live_calls()) < LIVE_CALLS:
            if time.monotonic() > ends_at:
                raise Refused(f"only {calls} of {LIVE_CALLS} calls were taken up")
            time.sleep(0.5)
        time.sleep(SETTLE_S)
        size = rss_mb(service.pid)
        assert load.stdin is not None
        load.stdin.close()
        load.stdin = None
        counted = result_of(load, 180)
    _recount(bench, before, counted)
    return [figure("rss_10k_live_calls_mb", size, live_calls=calls, **machine())]


def latency(bench: Bench, seconds: float) -> list[Figure]:
    """From writing the Hangup to the acknowledgement after the commit, at a steady rate."""
    counted = _run_load(bench, seconds, "--calls-per-s", str(LATENCY_RATE))
    found = counted["latency_ms"]
    detail = {"calls": counted["calls"], "calls_per_s": LATENCY_RATE, "all": found, **machine()}
    figures = [
        figure("hangup_to_commit_p50_ms", found["p50"], **detail),
        figure("hangup_to_commit_p99_ms", found["p99"], **detail),
    ]
    if all(each.is_met for each in figures):
        return figures
    detail["profile"] = _profile(bench, seconds, "latency", str(LATENCY_RATE))
    return [figure(each.name, each.value, **detail) for each in figures]


def questions(bench: Bench) -> list[Figure]:
    """From the instant a question before dialling is due until its answer is there: a hold is
    committed between. Each call that is allowed is then dialled, answered and ended.
    """
    asking = ("--calls-per-s", str(ASKING_RATE), *bench.asking())
    counted = _run_load(bench, ASKING_S, *asking)
    found = counted["questions"]
    latency = found["latency_ms"]
    detail = {
        "all": latency,
        "questions_per_s": ASKING_RATE,
        "answers": found["answers"],
        "hangup_to_commit_ms": counted["latency_ms"],
        **machine(),
    }
    if latency["p99"] > TARGETS["authorise_p99_ms"][0]:
        path = Path.cwd() / "bench-profile-authorise.txt"
        _run_load(bench, ASKING_S, *asking, profile=path)
        detail["profile"] = _where(path)
    return [figure("authorise_p99_ms", latency["p99"], **detail)]


def cycles(bench: Bench) -> list[Figure]:
    """Prepaid calls a second from question to posting, one of them extended on the way."""
    return [_sessions(bench, "session_cycles_per_s", "cycles_per_s", SESSIONS)]


def hot_account(bench: Bench) -> list[Figure]:
    """Steps of such calls a second, when one account pays all of them."""
    return [_sessions(bench, "hot_account_ops_per_s", "steps_per_s", HOT_SESSIONS)]


def _sessions(bench: Bench, name: str, value: str, how_many: tuple[int, int]) -> Figure:
    """The median of three runs."""
    runs = [_play_sessions(bench, SESSIONS_S, how_many) for _ in range(3)]
    found = sorted(runs, key=lambda each: float(each[value]))[1]
    detail = {"all": [each[value] for each in runs], **found, **machine()}
    if found[value] < TARGETS[name][0]:
        path = Path.cwd() / f"bench-profile-{name}.txt"
        _play_sessions(bench, SESSIONS_S, how_many, path)
        detail["profile"] = _where(path)
    return figure(name, found[value], **detail)


def _play_sessions(
    bench: Bench, seconds: float, how_many: tuple[int, int], profile: Path | None = None
) -> dict[str, Any]:
    before = bench.last_ids()
    with bench.sessions(seconds, *how_many) as process:
        profiler = _profiler(process.pid, seconds, profile) if profile else None
        counted = result_of(process, seconds + 240)
        if profiler is not None:
            profiler.wait(60)
    _recount(bench, before, {**counted, "acknowledged": counted["calls"]})
    return counted


def throughput(bench: Bench, seconds: float, profile: Path | None) -> list[Figure]:
    """Acknowledged calls a second, as fast as they are taken; median second in the detail."""
    counted = _run_load(bench, seconds, "--calls-per-s", "max", profile=profile)
    each_second = sorted(counted["per_second"])
    detail = {
        "calls": counted["calls"],
        "seconds": counted["seconds"],
        "median_second": each_second[len(each_second) // 2] if each_second else 0,
        "slowest_second": each_second[0] if each_second else 0,
        "latency_ms": counted["latency_ms"],
        "actions": counted["actions"],
        **machine(),
    }
    value = counted["calls_per_s"]
    if value < TARGETS["ami_to_ledger_calls_per_s"][0] and profile is None:
        detail["profile"] = _profile(bench, seconds, "throughput", "max")
    return [figure("ami_to_ledger_calls_per_s", value, **detail)]


def rerating(bench: Bench) -> list[Figure]:
    """Stored calls rated again a second, with their postings, and what billing others beside it
    took. The load goes on for the dry run and most of the carrying out, or all of it.
    """
    bench_rerate.add_dearer_version(bench, tariff_text(), ZONE)
    before = bench.last_ids()
    times = bench_rerate.rerate(bench, RERATE_LOAD_S, LATENCY_RATE)
    _recount(bench, before, dict(times.load))
    latency = times.load["latency_ms"]
    detail = {
        "calls": times.calls,
        "plan_s": round(times.plan_s, 1),
        "apply_s": round(times.apply_s, 1),
        "load_s": RERATE_LOAD_S,
        "calls_per_s": LATENCY_RATE,
        "hangup_to_commit_ms": latency,
        **machine(),
    }
    return [
        figure("rerate_calls_per_s", times.calls / times.apply_s, **detail),
        figure("rerate_beside_calls_p99_ms", latency["p99"], **detail),
    ]


def _profile(bench: Bench, seconds: float, name: str, calls_per_s: str) -> str:
    """Repeat a load under the profiler; where the profile is."""
    path = Path.cwd() / f"bench-profile-{name}.txt"
    _run_load(bench, min(seconds, 20.0), "--calls-per-s", calls_per_s, profile=path)
    return _where(path)


def _where(profile: Path) -> str:
    return str(profile) if profile.exists() else "py-spy is not installed"


def _run_load(
    bench: Bench, seconds: float, *arguments: str, profile: Path | None = None
) -> dict[str, Any]:
    before = bench.last_ids()
    with (
        bench.load("--seconds", str(seconds), *arguments) as load,
        bench.service() as service,
    ):
        profiler = _profiler(service.pid, seconds, profile) if profile else None
        counted = result_of(load, seconds + 240)
        if profiler is not None:
            profiler.wait(60)
    _recount(bench, before, counted)
    return counted


def _profiler(pid: int, seconds: float, path: Path) -> subprocess.Popen[bytes] | None:
    py_spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if py_spy is None:
        return None
    command = [py_spy, "record", "--pid", str(pid), "--duration", str(int(seconds) - 5)]
    command += ["--format", "raw", "--threads", "--output", str(path)]
    return subprocess.Popen(  # noqa: S603 - found beside this interpreter
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _recount(bench: Bench, before: tuple[int, int, int], counted: dict[str, Any]) -> None:
    """Refused when the books do not hold exactly what the load generator did."""
    command = [sys.executable, "-m", "rtbill.app.bench_recount", str(bench.database)]
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, *map(str, before)], capture_output=True, check=True
    )
    unheard = counted.get("questions", {}).get("answers", {}).get("none", 0)
    found = problems(json.loads(done.stdout), counted["calls"], counted["talk_us"], unheard)
    if counted["acknowledged"] != counted["calls"]:
        found.append(f"{counted['acknowledged']} of {counted['calls']} calls are acknowledged")
    if found:
        raise Refused("the books do not agree with the load: " + "; ".join(found))


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 3) for value in values]


def _print(each: Figure, *, as_json: bool) -> None:
    if as_json:
        line = json.dumps(asdict(each))
    else:
        verdict = "met" if each.is_met else "MISSED"
        line = (
            f"{each.name:28} {each.value:>14,.3f} {each.unit:10} target {each.target:>9,} {verdict}"
        )
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
