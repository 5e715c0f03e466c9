"""Judging what a site adds to Dial on its trunks: options that push rtbill's own aside.

Dial keeps the last `U()` of its options, the last `b()` and the last `M()`. rtbill puts
`U(rtbill-up)` after the trunk's options; FreePBX appends its own after that, as soon as one route
sends an e-mail when a call is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from adapters.asterisk.config_file import Category
from rtbill.domain.finding import Finding, problem, warning

DIAL_CONTEXTS = ("trunk-dial-with-exten", "macro-dialout-trunk")
"""Where FreePBX dials a trunk: 17, then 16."""
OPTION_VARIABLES = ("TRUNK_OPTIONS", "RTBILL_TRUNK_OPTIONS")
"""Globals with options for every trunk: FreePBX, plain."""
_AT_ANSWER = re.compile(r"([UMG])\(")
_APPENDED = re.compile(r"DIAL_TRUNK_OPTIONS\}.*\bU\((?!rtb)([^^)]*)", re.DOTALL)
_LOCAL_TRUNK = re.compile(r"(?:AMP:)?Local/")


def route_findings(
    options: Mapping[str, str], dial_lines: Sequence[Category], trunks: Mapping[str, str]
) -> list[Finding]:
    """`options` by the name of the place they stand in, the contexts that dial, and the dial
    strings of custom trunks by name.
    """
    found = [
        finding for place, text in options.items() for finding in _options_finding(place, text)
    ]
    found += _appended(dial_lines)
    found += [
        warning(
            "route-options",
            f"the trunk {name} leads through a Local channel without /n, which Asterisk takes out "
            "of the call when it is answered: the leg that is billed ends there",
            f"write /n at the end of its dial string: {text}/n",
        )
        for name, text in trunks.items()
        if _LOCAL_TRUNK.match(text) and not text.endswith("/n")
    ]
    return found


def _options_finding(place: str, text: str) -> list[Finding]:
    letters = sorted(set(_AT_ANSWER.findall(text)))
    if not letters:
        return []
    named = " and ".join(f"{letter}()" for letter in letters)
    return [
        warning(
            "route-options",
            f"{place} holds {named} ({text}): rtbill's own U() comes after it, so what the site "
            "wanted at the answer is not done",
            f"take {named} out of {place}; what it does belongs into the dialplan before Dial",
        )
    ]


def _appended(contexts: Iterable[Category]) -> list[Finding]:
    for context in contexts:
        for _, line in context.lines:
            found = _APPENDED.search(line) if "Dial(" in line else None
            if found is not None:
                return [_replaced(context.name, found[1])]
    return []


def _replaced(context: str, routine: str) -> Finding:
    if routine.startswith("sub-send-obroute-email"):
        cause = "a route sends an e-mail for each call (Notification: on call)"
        remedy = "in FreePBX set Email Notification of every outbound route to 'pattern' or off"
    else:
        cause = f"something appends U({routine})"
        remedy = f"find what appends U({routine}) after the trunk's options, and turn it off"
    return problem(
        "route-options",
        f"in [{context}] {cause}, and Dial keeps only this U(): answers are not stamped, and calls "
        "that end while rtbill is away are lost",
        remedy,
    )
