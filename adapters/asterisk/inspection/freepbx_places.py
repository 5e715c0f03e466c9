"""Judging whether rtbill's steps are the ones that FreePBX reaches.

Of two steps with the same number in one context Asterisk keeps the one that it read first. Our
file stands in contexts that FreePBX has too, so it must be read before FreePBX's files. Our first
step in each bears the label `rtbill`; so the loaded dialplan tells whose step it kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.asterisk.inspection.config_file import Category, steps
from rtbill.domain.finding import Finding, problem, warning

LABEL = "rtbill"
TRUNK_HOOK = "macro-dialout-trunk-predial-hook"
TELEPHONE_HOOK = "macro-dialout-one-predial-hook"
MAIL = "sub-send-obroute-email"
PLACES = {
    TRUNK_HOOK: "outside calls have no payer and are not stopped",
    TELEPHONE_HOOK: "diverted extensions ring",
    MAIL: "answers are not stamped, and calls that end while rtbill is away are lost",
}
"""The contexts that are FreePBX's and ours, and what fails where another's step was kept."""
OVERRIDE_FILE = "extensions_override_freepbx.conf"
CUSTOM_FILE = "extensions_custom.conf"
FIRST_STEPS = {
    "freepbx16": 'GotoIf($["${EMAILNOTIFICATION}"="TRUE"]?sendEmail)',
    "freepbx17": 'GosubIf($["${ARG8}"!=""]?macro-setmusic,s,1(${ARG8}))',
}
"""FreePBX's own first step of the route mail, blanks aside: the one that [rtbill-mail] repeats."""
_BLANK_HOOK = re.compile(r"(MacroExit|Return)(\(\))?", re.IGNORECASE)
_SHOWN_MAX = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """What a FreePBX that runs our files said of the contexts where they stand."""

    is_ours: Mapping[str, bool | None]
    """By context, whether its loaded first step is ours; None where it would not say."""
    is_in_override: bool | None = None
    """Whether the file that FreePBX reads first leads to ours."""
    is_mail_at_answer: bool = False
    """Whether FreePBX gives Dial its own subroutine, the route mail, at the answer."""
    of_the_site: Mapping[str, Sequence[Category]] = field(default_factory=dict)
    """By file that a site may write, its categories that bear the name of a hook."""
    mail: Sequence[Category] = ()
    """The route mail as FreePBX generated it."""
    flavour: str = ""
    """Of the exchange."""


def place_findings(places: Places) -> list[Finding]:
    """Our steps that another's displaced, and steps of others that ours displaced."""
    taken = [name for name, is_ours in places.is_ours.items() if is_ours is False]
    found = [_too_late(taken, places)] if taken else []
    for file, categories in places.of_the_site.items():
        hooks = sorted({each.name for each in categories if _is_lost(each, taken)})
        if hooks:
            found.append(_displaced(file, hooks))
    return found + _mail_finding(places)


def _too_late(taken: Sequence[str], places: Places) -> Finding:
    contexts = ", ".join(f"[{name}]" for name in taken)
    said = "; ".join(PLACES[name] for name in taken)
    text = f"{contexts} begins with another's step, which was read before rtbill's: {said}"
    remedy = f"make '#include extensions_rtbill.conf' the first line of {OVERRIDE_FILE}"
    if places.is_in_override is False:
        remedy += ", remove it where it stands now"
    remedy += ", then: fwconsole reload"
    if taken == [MAIL] and not places.is_mail_at_answer:
        text += ". Today no route mails at the answer, so it does not matter yet"
        return warning("files-too-late", text, remedy)
    return problem("files-too-late", text, remedy)


def _is_lost(category: Category, taken: Sequence[str]) -> bool:
    """Whether a context of the site holds steps that ours keep from running."""
    if category.name in taken:
        return False
    said = [step for _, step in steps(category)]
    if any("rtbill" in step for step in said):
        return False
    return any(_BLANK_HOOK.fullmatch(step) is None for step in said)


def _displaced(file: str, hooks: Sequence[str]) -> Finding:
    names = ", ".join(f"[{name}]" for name in hooks)
    return warning(
        "hook-not-run",
        f"{names} of the site, in {file}, is not run any more: rtbill's steps come first",
        "do what it does elsewhere, such as in the trunk's own settings, and take it out",
    )


def _mail_finding(places: Places) -> list[Finding]:
    """FreePBX's own first step, done by us in its place, must be one that we know."""
    known = FIRST_STEPS.get(places.flavour)
    first = _first_step(places.mail)
    if known is None or not first or "".join(first.split()) == known:
        return []
    shown = first if len(first) <= _SHOWN_MAX else f"{first[:_SHOWN_MAX]}…"
    return [
        warning(
            "route-mail",
            f"FreePBX begins [{MAIL}] with a step that this release of rtbill does not know "
            f"({shown}): rtbill's own stands in its place, so that step is not done. Calls are "
            "billed; mails of routes, music and confirmations may be missing",
            "update FreePBX and rtbill; if it stays, report the step to rtbill's makers",
        )
    ]


def _first_step(categories: Iterable[Category]) -> str:
    for category in categories:
        for extension, step in steps(category):
            if extension == "s":
                return step
    return ""
