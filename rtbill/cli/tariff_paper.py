"""What an import, a comparison or a check of tariffs found, on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtbill.cli.paper import print_table, say

Json = dict[str, Any]
_KINDS = ("new", "changed", "ended")
_PREFIXES_SHOWN = 5
_PROBLEMS_SHOWN = 50


def say_import(name: str, answer: Json, *, applied: bool) -> None:
    """The dry run of an import, or what it has done."""
    say_problems(name, answer["problems"])
    if answer["problems"]:
        say("nothing was imported; correct the file and import it again")
        return
    say_comparison(answer)
    for text in answer["terms"]:
        say(f"terms    {text}")
    if answer["traffic"] is not None:
        say_traffic(answer["traffic"])
    counts = counts_text(answer)
    if answer["terms"]:
        counts += f", {len(answer['terms'])} terms of all"
    if not any(answer["counts"][kind] for kind in _KINDS) and not answer["terms"]:
        say(f"nothing to do: version {answer['version']} says the same")
    elif applied:
        say(f"{counts}; this is version {answer['version']} now")
    else:
        say(f"{counts}; this was a dry run, add --apply to do it")
    if until := answer["until"]:
        say(
            f"it holds only until {until['from']}, when version {until['version']} begins; give "
            "--from that instant to take its place as well"
        )


def say_problems(name: str, problems: Sequence[str]) -> None:
    """What is wrong with a file, by line."""
    for problem in problems[:_PROBLEMS_SHOWN]:
        say(f"{name}: {problem}")
    say_more(len(problems), _PROBLEMS_SHOWN, "problems")


def say_comparison(answer: Json) -> None:
    """What is new, changed and ended; jumps, numbers without a rate, lines never used."""
    for kind in _KINDS:
        for text in answer[kind]:
            say(f"{kind:8} {text}")
        _say_more(answer, kind)
    for jump in answer["jumps"]:
        say(f"jump     {jump_text(jump)}")
    _say_more(answer, "jumps")
    for lost in answer["missing"]:
        part = "some of its numbers have" if lost["in_part"] else "its numbers have"
        say(f"missing  {lost['prefix']} {lost['destination']}: {part} no rate any more")
    _say_more(answer, "missing")
    say_never_used(answer)


def say_never_used(answer: Json) -> None:
    """Lines whose numbers all have longer prefixes."""
    for text in answer["never_used"]:
        say(f"unused   {text}: all its numbers have longer prefixes")
    _say_more(answer, "never_used")


def say_traffic(traffic: Json) -> None:
    """Last month's calls by both."""
    currency = traffic["currency"]
    if not traffic["calls"] and not traffic["without_rate"]:
        say(f"no call of the last 30 days was rated by {traffic['tariff']}")
        return
    say(f"calls of the last 30 days that were rated by {traffic['tariff']}, in {currency}:")
    print_table(
        ("destination", "calls", "minutes", "before", "after", "difference", "no rate"),
        [
            *(_traffic_row(each["destination"], each) for each in traffic["destinations"]),
            _traffic_row("all", traffic),
        ],
        right="calls,minutes,before,after,difference,no rate",
    )
    left = traffic["destination_count"] - len(traffic["destinations"])
    if left:
        say(f"{left} more destinations are in the sum of all")
    if traffic["without_rate"]:
        say(f"{traffic['without_rate']} of these calls would have had no rate")
    if not traffic["whole"]:
        say("there were more calls; the older ones are left out")


def jump_text(jump: Json) -> str:
    """`Switzerland: 0.27 -> 0.72 for 180 s, +167 % (41, 4175)`."""
    change = "from nothing" if jump["percent"] is None else f"{jump['percent']:+d} %"
    name = " ".join(filter(None, (jump["destination"], jump["band"])))
    prefixes = jump["prefixes"][:_PREFIXES_SHOWN]
    left = len(jump["prefixes"]) - len(prefixes)
    where = ", ".join(prefixes) + (f" and {left} more" if left else "")
    return f"{name}: {jump['before']} -> {jump['after']} for {jump['talk_s']} s, {change} ({where})"


def counts_text(answer: Json) -> str:
    """`3 new, 1 changed, 0 ended, 2 jumps`; what is none of only for the first three."""
    names = {"missing": "missing prefixes", "never_used": "lines never used"}
    counts = answer["counts"]
    return ", ".join(
        f"{count} {names.get(kind, kind)}"
        for kind, count in counts.items()
        if count or kind in _KINDS
    )


def say_more(count: int, shown: int, what: str) -> None:
    """How many are not shown."""
    if count > shown:
        say(f"         … and {count - shown} more {what}; --json lists all")


def _say_more(answer: Json, kind: str) -> None:
    say_more(answer["counts"][kind], len(answer[kind]), kind.replace("_", " "))


def _traffic_row(name: str, sums: Json) -> tuple[str, ...]:
    return (
        name,
        str(sums["calls"]),
        str(sums["talk_s"] // 60),
        sums["before"],
        sums["after"],
        sums["difference"],
        str(sums["without_rate"] or ""),
    )
