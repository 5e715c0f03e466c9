"""Is the exchange as rtbill needs it? Inspect it, or watch a test call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    ask_service,
    load,
)
from rtbill.cli.paper import print_json, say
from rtbill.domain.finding import Severity

if TYPE_CHECKING:
    from rtbill.config import Config, PbxConfig


def add_to(app: typer.Typer) -> None:
    """Put these commands on the root."""
    add_command(app, "check-pbx", check_pbx, "rtbill check-pbx hall --call 0301234567")


def check_pbx(
    name: Annotated[
        str | None, typer.Argument(help="One exchange of the configuration; else all.")
    ] = None,
    call: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Watch a call to it that you place by telephone."),
    ] = None,
    seconds: Annotated[
        int, typer.Option(min=1, max=600, help="How long to watch for that call.")
    ] = 60,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Look at the exchange: weaknesses, rights, reachability, secrets, dialplan, routes.

    Changes nothing there. Exit status 1 when there is a problem; warnings alone leave it 0.
    """
    loaded = load(config)
    wanted = _wanted(loaded, name)
    if call is not None:
        answer = _watched(loaded, wanted, call, seconds, quiet=as_json)
        findings = answer["findings"]
    else:
        answer = _checked(loaded, wanted, name)
        findings = [finding for pbx in answer["pbxs"] for finding in pbx["findings"]]
    if as_json:
        print_json(answer)
    elif call is not None:
        _say_call(answer)
    else:
        for pbx in answer["pbxs"]:
            _say_report(pbx["name"], pbx["findings"])
    if any(finding["severity"] == Severity.PROBLEM for finding in findings):
        raise typer.Exit(EXIT_PROBLEM)


def _wanted(config: Config, name: str | None) -> list[PbxConfig]:
    wanted = [pbx for pbx in config.pbxs if name in (None, pbx.name)]
    if not wanted:
        known = ", ".join(pbx.name for pbx in config.pbxs)
        raise typer.BadParameter(f"there is no exchange {name!r}; known are {known}")
    return wanted


def _checked(config: Config, wanted: Sequence[PbxConfig], name: str | None) -> dict[str, Any]:
    from rtbill.serving.control_client import ControlClient

    if ControlClient(config.control.socket).is_running():
        return ask_service(config, "check", {} if name is None else {"pbx": name})
    from rtbill.app import check

    return check.check(config, wanted)


def _watched(
    config: Config, wanted: Sequence[PbxConfig], number: str, seconds: int, *, quiet: bool
) -> dict[str, Any]:
    from rtbill.app import check

    if len(wanted) != 1:
        known = ", ".join(pbx.name for pbx in wanted)
        raise typer.BadParameter(f"name the exchange of the call; known are {known}")
    if not any(character.isdigit() for character in number):
        raise typer.BadParameter(f"{number!r} is not a telephone number", param_hint="--call")

    def ready() -> None:
        # Not into JSON that a program reads.
        text = f"dial {number} from a telephone of {wanted[0].name} now, answer it, and hang up"
        typer.echo(f"{text} ({seconds} s)", err=quiet)

    return check.watch(config, wanted[0], number, seconds, ready)


def _say_report(name: str, findings: Sequence[dict[str, Any]]) -> None:
    counts = {str(each): 0 for each in Severity}
    for finding in findings:
        counts[finding["severity"]] += 1
    said = ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts.items() if count
    )
    say(f"pbx {name}: {said or 'nothing to complain of'}")
    _say_findings(findings)


def _say_findings(findings: Sequence[dict[str, Any]]) -> None:
    """Each finding, and once after those that share it, what to do."""
    for index, finding in enumerate(findings):
        say(f"  {finding['severity'].upper()} {finding['code']}: {finding['text']}")
        following = findings[index + 1] if index + 1 < len(findings) else {"remedy": ""}
        if finding["remedy"] and finding["remedy"] != following["remedy"]:
            say(f"    do: {finding['remedy']}")


def _say_call(answer: dict[str, Any]) -> None:
    call, read, booked = answer["call"], answer["read"], answer["booked"]
    if call["leg"]:
        say(f"leg      {call['channel']} ({answer['pbx']}/{call['leg']})")
        say(f"trunk    {call['trunk'] or 'none of the configuration'}")
        say(f"payer    {call['payer'] or 'none'}")
        as_read = f", read as {read['number'] or read['kind']} ({read['reason']})" if read else ""
        say(f"number   {call['dialled'] or 'none'}{as_read}")
        say(f"answer   {_answer_text(call)}")
        say(f"timer    {_timer_text(call['timer_s'])}")
        say(f"end      {'cause ' + call['cause'] if call['is_ended'] else 'not yet'}")
    if booked:
        say(f"books    {booked['status']} to {booked['account']}: {booked['price'] or 'no price'}")
    _say_findings(answer["findings"])
    if not any(each["severity"] == Severity.PROBLEM for each in answer["findings"]):
        say("the call arrived as it must")


def _answer_text(call: dict[str, Any]) -> str:
    if not call["is_answered"]:
        return "no"
    return "yes, stamped by the exchange" if call["is_stamped"] else "yes, but not stamped"


def _timer_text(seconds: int | None) -> str:
    if seconds is None:
        return "not looked at"
    return f"the exchange ends it in {seconds} s" if seconds else "none"
