"""The command `python -m simulator load`."""

from __future__ import annotations

import argparse
from pathlib import Path

from simulator.asking import AskSettings
from simulator.load import LoadSettings, main

EXAMPLES = """examples:
  python -m simulator load --port 5038 --calls-per-s 200 --seconds 60
  python -m simulator load --port-file port --calls-per-s max --prefixes prefixes.txt
  python -m simulator load --hold 10000 < /dev/tty
  python -m simulator load --port 5038 --calls-per-s 300 --ask-port 9465 --ask-token TOKEN

With --ask-port each call asks first, and is dialled only when it is allowed.

The load begins when the biller has signed in and written its first sign of life. At the end one
line of JSON tells what was sent and acknowledged, and after how long.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Put the command on the parser."""
    load = commands.add_parser(
        "load",
        help="an AMI server with as many calls as a biller can take",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    standard = LoadSettings()
    add = load.add_argument
    add("--port", type=int, default=0, help="TCP port on 127.0.0.1 (a free one)")
    add("--port-file", type=Path, help="write the port there once it accepts connections")
    add("--user", default=standard.user, help="AMI user (rtbill)")
    add("--secret", default=standard.secret, help="its secret (rtbill)")
    add("--calls-per-s", type=_rate, default=None, help="a rate, or max: as acknowledged (max)")
    add("--seconds", type=_seconds, default=standard.seconds, help="how long (60)")
    add("--hold", type=int, help="instead: so many answered calls until standard input closes")
    add("--extensions", type=int, default=standard.extensions, help="how many call (1000)")
    add("--first-extension", type=int, default=standard.first_extension, help="number (20000)")
    add("--extension-step", type=int, default=1, help="every so many of them calls (1)")
    add("--talk", type=_span, default=standard.talk_s, metavar="MIN..MAX", help="seconds (5..180)")
    add("--prefixes", type=Path, help="file with one beginning of an international number a line")
    add("--window", type=int, default=standard.window, help="unacknowledged calls at most (2000)")
    add("--overlap", type=int, default=standard.overlap, help="calls in progress (400)")
    add("--ask-port", type=int, help="where the biller answers questions on 127.0.0.1")
    add("--ask-pbx", default="bench", help="the exchange that asks (bench)")
    add("--ask-token", default="", help="its token")
    add("--seed", type=int, default=standard.seed, help="draws who calls whom for how long (1)")


def run(options: argparse.Namespace) -> int:
    """Play the load; the exit status."""
    prefixes = LoadSettings().prefixes
    if options.prefixes is not None:
        prefixes = tuple(options.prefixes.read_text(encoding="ascii").split())
    asking = None
    if options.ask_port is not None:
        asking = AskSettings(port=options.ask_port, pbx=options.ask_pbx, token=options.ask_token)
    return main(
        LoadSettings(
            port=options.port,
            port_file=options.port_file,
            user=options.user,
            secret=options.secret,
            calls_per_s=options.calls_per_s,
            seconds=options.seconds,
            hold=options.hold,
            extensions=options.extensions,
            first_extension=options.first_extension,
            extension_step=options.extension_step,
            talk_s=options.talk,
            prefixes=prefixes,
            window=options.window,
            overlap=options.overlap,
            seed=options.seed,
            asking=asking,
        )
    )


def _rate(text: str) -> float | None:
    if text == "max":
        return None
    rate = float(text)
    if not 0 < rate <= 1e6:
        raise argparse.ArgumentTypeError(f"{text!r}: give calls per second, or max")
    return rate


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r}: give seconds from 0 to 86400")
    return seconds


def _span(text: str) -> tuple[float, float]:
    low, dots, high = text.partition("..")
    try:
        span = float(low), float(high if dots else low)
    except ValueError:
        span = -1.0, -1.0
    if not 0 < span[0] <= span[1] <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r}: give seconds as MIN..MAX")
    return span
