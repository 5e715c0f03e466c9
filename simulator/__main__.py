"""Run a simulated exchange, show it with the biller, or place test calls through a real one.

python -m simulator asterisk --scenario simulator/scenarios/hall.toml --seed 7
python -m simulator call --via ami --user caller --from 1001 --to 5551234 --seconds 5
python -m simulator load --calls-per-s 200 --seconds 60
python -m simulator ask --port 9465 --pbx hall --token TOKEN
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from simulator import asking, load_command
from simulator.demo import DemoFailed, run_demo
from simulator.faults import parse_faults
from simulator.place_calls import CallOrder, PlacingFailed, place_calls
from simulator.run_asterisk import RunSettings, run_asterisk
from simulator.toml_section import ScenarioError

HALL = Path(__file__).parent / "scenarios" / "hall.toml"

ASTERISK_EXAMPLES = """examples:
  python -m simulator asterisk --seed 7
  python -m simulator asterisk --scenario my.toml --speed 10 --port 5038 --state exchange.json
  python -m simulator asterisk --faults split=0.3,cut=0.001,lose=0.01 --asterisk-version 16

time: at speed X everything runs X times as fast from the start on, event timestamps and
AbsoluteTimeout included; a call of 60 seconds takes 60/X seconds and its events still say 60.
At speed 1 timestamps are the wall clock.

faults, each with a chance per AMI message:
  cut, split, delay, duplicate, lose, garbage, half_open, restart
"""
CALL_EXAMPLES = """examples:
  python -m simulator call --via ami --port 5038 --user caller --from 1001 --to 5551234 --seconds 5
  python -m simulator call --via ami --port 5038 --user caller --from 1001 --to 5551234 \\
      --channel 'Local/%s@from-phones' --context test-answer --calls 3

The user needs the right to originate; give it to this user only, never to the biller's. The secret
may stand in the environment as SIMULATOR_AMI_SECRET instead of on the command line.
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit status.

    0 done, 1 a call or the exchange failed, 2 the command or the scenario is wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "asterisk":
            return _asterisk(options)
        if options.command == "load":
            return load_command.run(options)
        if options.command == "ask":
            return asking.run(options)
        if options.command == "demo":
            return run_demo(options.config, options.seed, options.speed)
        return _call(options)
    except ScenarioError as error:
        print(f"simulator: {error}", file=sys.stderr)  # noqa: T201 -- a command's output
        return 2
    except (DemoFailed, PlacingFailed, OSError) as error:
        print(f"simulator: {error}", file=sys.stderr)  # noqa: T201 -- a command's output
        return 1
    except KeyboardInterrupt:
        return 0


def _asterisk(options: argparse.Namespace) -> int:
    settings = RunSettings(
        scenario=options.scenario,
        seed=options.seed,
        speed=options.speed,
        port=options.port,
        port_file=options.port_file,
        state=options.state,
        user=options.user,
        secret=options.secret,
        version=options.asterisk_version,
        fault_rates=options.faults,
    )
    asyncio.run(run_asterisk(settings))
    return 0


def _call(options: argparse.Namespace) -> int:
    order = CallOrder(
        host=options.host,
        port=options.port,
        user=options.user,
        secret=options.secret or os.environ.get("SIMULATOR_AMI_SECRET", ""),
        caller=options.caller,
        called=options.called,
        channel=options.channel,
        context=options.context,
        talk_s=options.seconds,
        answer_within_s=options.answer_within,
        calls=options.calls,
    )
    return asyncio.run(place_calls(order))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    _add_asterisk(commands)
    _add_call(commands)
    _add_demo(commands)
    load_command.add_to(commands)
    asking.add_to(commands)
    return parser


def _add_asterisk(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    asterisk = commands.add_parser(
        "asterisk",
        help="an AMI server that speaks as Asterisk does, with calls from a scenario",
        epilog=ASTERISK_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = asterisk.add_argument
    add("--scenario", type=Path, default=HALL, help="TOML file with the calls (a student hall)")
    add("--seed", type=int, default=1, help="draws ring and talk times and faults (1)")
    add("--speed", type=_speed, default=1.0, help="how many times as fast as the wall clock (1)")
    add("--port", type=_port, default=0, help="TCP port on 127.0.0.1 (a free one)")
    add("--port-file", type=Path, help="write the port there once it accepts connections")
    add("--state", type=Path, help="keep AstDB and Uniqueids there from run to run")
    add("--user", default="rtbill", help="AMI user (rtbill)")
    add("--secret", default="rtbill", help="its secret (rtbill)")
    add("--asterisk-version", type=int, choices=(16, 22), default=22, help="whose manners (22)")
    add("--faults", type=_faults, default={}, metavar="SPEC", help="such as split=0.3,cut=0.001")


def _add_call(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    call = commands.add_parser(
        "call",
        help="place test calls through a real exchange; one line of JSON for each",
        epilog=CALL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = call.add_argument
    add("--via", choices=("ami",), required=True, help="how to reach the exchange")
    add("--host", default="127.0.0.1", help="its address (127.0.0.1)")
    add("--port", type=_port, default=5038, help="its AMI port (5038)")
    add("--user", required=True, help="an AMI user with the right to originate")
    add("--secret", default="", help="its secret (or SIMULATOR_AMI_SECRET)")
    add("--from", dest="caller", required=True, help="the extension that pays")
    add("--to", dest="called", required=True, help="the number to call")
    add("--seconds", type=_seconds, default=5.0, help="talk so long after the answer (5)")
    add("--channel", default="PJSIP/%s@carrier", help="dial string, %%s is the number")
    add("--context", default="", help="where the answered leg goes; without it, it waits in Wait()")
    add("--answer-within", type=_seconds, default=30.0, help="give up after that many seconds (30)")
    add("--calls", type=_count, default=1, help="how many, one after the other (1)")


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="a simulated exchange and the real biller on this terminal; Ctrl-C ends both",
        epilog="example:\n  python -m simulator demo --config config.toml\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = demo.add_argument
    add("--config", type=Path, default=Path("config.toml"), help="the biller's file (config.toml)")
    add("--seed", type=int, default=1, help="draws ring and talk times (1)")
    add("--speed", type=_speed, default=1.0, help="how many times as fast as the wall clock (1)")


def _within(text: str, low: float, high: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{text!r}: give {what} from {low:g} to {high:g}")
    return number


def _speed(text: str) -> float:
    return _within(text, 0.01, 10_000, "a speed")


def _seconds(text: str) -> float:
    return _within(text, 0.1, 86_400, "seconds")


def _port(text: str) -> int:
    return int(_within(text, 0, 65_535, "a port"))


def _count(text: str) -> int:
    return int(_within(text, 1, 10_000, "a number"))


def _faults(text: str) -> dict[str, float]:
    try:
        return parse_faults(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    sys.exit(main())
