"""Judging what a site adds to Dial on its trunks: options that push rtbill's own aside.

Dial keeps the last `U()` of its options and runs it on the leg that answered. rtbill puts
`U(rtbill-up)` after the trunk's options. FreePBX appends one of its own after that, the route mail,
in which rtbill's step stands first (`freepbx_places`); any other would take the answer from us.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from adapters.asterisk.inspection.config_file import Category, steps
from adapters.asterisk.inspection.freepbx_places import MAIL
from rtbill.domain.finding import Finding, problem, warning

DIAL_CONTEXTS = ("trunk-dial-with-exten", "macro-dialout-trunk")
"""Where FreePBX dials a trunk: 17, then 16."""
OPTION_VARIABLE = "TRUNK_OPTIONS"
"""FreePBX's global with the options of every trunk that has none of its own."""
_OURS = "DIAL_TRUNK_OPTIONS}"
_INNERMOST = re.compile(r"\$[{\[][^{}\[\]]*[}\]]")
_OPTION = re.compile(r"([A-Za-z])\(")
_ANSWERED = {
    "U": "Dial keeps only the last U(), which is rtbill's: what the site wanted at the answer is "
    "not done",
    "M": "up to Asterisk 20 it runs before rtbill stamps the answer, which then comes late; newer "
    "ones ignore it",
    "G": "Dial leaves at the answer, before rtbill stamps it: calls that end while rtbill is away "
    "are lost",
}
"""Options of Dial that act at the answer, in the order in which they are told."""


def options_findings(options: Mapping[str, str]) -> list[Finding]:
    """Options of trunks that want the answer for themselves, by the name of the place they stand
    in.
    """
    found = []
    for place, text in options.items():
        held = {letter for letter, _ in _with_arguments(text)}
        for letter, consequence in _ANSWERED.items():
            if letter in held:
                make = problem if letter == "G" else warning
                found.append(
                    make(
                        "route-options",
                        f"{place} holds {letter}() ({text}): {consequence}",
                        f"take {letter}() out of {place}; what it does belongs into the dialplan "
                        "before Dial",
                    )
                )
    return found


def at_answer(contexts: Iterable[Category]) -> tuple[str, str]:
    """The context that dials trunks and the subroutine that FreePBX appends there after ours; empty
    when it appends none.
    """
    for context in contexts:
        for _, step in steps(context):
            if "Dial(" in step and _OURS in step:
                appended = _with_arguments(step.rpartition(_OURS)[2].removesuffix(")"))
                routines = [argument for letter, argument in appended if letter == "U"]
                if routines:
                    return context.name, re.split(r"[\^,(]", routines[-1])[0]
    return "", ""


def appended_findings(contexts: Sequence[Category]) -> list[Finding]:
    """A subroutine after ours that is neither ours nor the route mail."""
    context, routine = at_answer(contexts)
    if not routine or routine == MAIL or routine.startswith("rtb"):
        return []
    return [
        problem(
            "route-options",
            f"in [{context}] something appends U({routine}), and Dial keeps only this U(): answers "
            "are not stamped, and calls that end while rtbill is away are lost",
            f"find what appends U({routine}) after the trunk's options, and turn it off",
        )
    ]


def _with_arguments(options: str) -> list[tuple[str, str]]:
    """The options that have arguments, with them, in order: `Tb(a^(b))U(c)` gives b and U."""
    text = options
    while _INNERMOST.search(text):
        text = _INNERMOST.sub("", text)
    found = []
    at = 0
    while (option := _OPTION.search(text, at)) is not None:
        at = _closing(text, option.end())
        found.append((option[1], text[option.end() : at]))
    return found


def _closing(text: str, start: int) -> int:
    """Where the bracket closes that was opened before `start`; the end of the text if nowhere."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text)
