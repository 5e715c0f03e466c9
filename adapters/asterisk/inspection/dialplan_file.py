"""Judging the dialplan: is what rtbill generated loaded, unchanged, and made for this exchange?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.asterisk.inspection.asterisk_version import Version
from adapters.asterisk.inspection.config_file import (
    Category,
    Difference,
    first_difference,
    read_text,
    steps,
)
from adapters.asterisk.inspection.expected_files import Expected
from rtbill.domain.finding import Finding, problem, warning

STAMP_CONTEXT = "rtbill-stamp"
FLAVOURS = ("plain", "freepbx16", "freepbx17")
WITHOUT_MACRO_SINCE = 21
"""The first series without app_macro, which FreePBX 16 cannot do without."""
_LINE_SHOWN_MAX = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDialplan:
    """What the exchange said of the dialplan that it runs; None where it would not say."""

    has_stamp: bool | None = None
    """The stamp of the files that we expect."""
    has_answer_hook: bool | None = None
    """`rtbill-up`, which stamps the answer: for files written by hand, that have no stamp."""
    stamped_flavour: str | None = None
    """The flavour that the loaded stamp names; empty when there is no stamp at all."""
    exchange_flavour: str | None = None
    """What the exchange itself is."""
    is_included: bool | None = None
    """Whether extensions.conf leads to our files, as far as the files on disk say."""
    on_disk: Mapping[str, Sequence[Category]] = field(default_factory=dict)
    """Our files as the exchange reads them; one that it does not have is empty."""


def flavour_of(*, has_sub: bool | None, has_macro: bool | None) -> str | None:
    """What an exchange is: FreePBX 17 dials trunks and telephones by subroutines of its own, 16
    by macros.
    """
    if has_sub:
        return "freepbx17"
    if has_macro:
        return "freepbx16"
    return "plain" if has_sub is False and has_macro is False else None


def file_findings(expected: Expected, loaded: LoadedDialplan) -> list[Finding]:
    """Files missing, changed or not loaded."""
    if not expected.stamp:
        return _hook_findings(loaded)
    missing = [name for name, there in loaded.on_disk.items() if not there]
    if missing and not loaded.has_stamp:
        return [
            problem(
                "files-missing",
                f"the exchange has no {', '.join(sorted(missing))}: outside calls are not billed",
                "run rtbill pbx-config, copy its files to /etc/asterisk and follow its INSTALL.md",
            )
        ]
    if missing and loaded.is_included is False:
        return [_gone(missing)]
    older = [
        name
        for name, there in loaded.on_disk.items()
        if there and not any(each.name == STAMP_CONTEXT for each in there)
    ]
    if older and loaded.has_answer_hook:
        return [_older(older)]
    changed = [
        _changed(name, difference)
        if expected.stamp in _stamps(there)
        else _outdated(name, difference)
        for name, there in loaded.on_disk.items()
        if there and (difference := first_difference(read_text(expected.files[name]), there))
    ]
    if changed:
        return changed
    return [_not_loaded(loaded)] if loaded.has_stamp is False else []


def flavour_findings(
    expected: Expected, loaded: LoadedDialplan, version: Version | None
) -> list[Finding]:
    """Files that were made for another kind of exchange, as after an upgrade of FreePBX."""
    is_found = loaded.exchange_flavour
    remedy = (
        f'set flavour = "{is_found}" under [pbx.dialplan], run rtbill pbx-config and install the '
        "files anew"
    )
    if loaded.stamped_flavour and is_found and loaded.stamped_flavour != is_found:
        text = (
            f"the loaded dialplan of rtbill was made for {loaded.stamped_flavour}, and the "
            f"exchange is {is_found}: calls may end where they should go on, or go unbilled"
        )
        return [problem("wrong-flavour", text, remedy)]
    if is_found and is_found != expected.flavour:
        text = f"rtbill is configured for {expected.flavour}, and the exchange is {is_found}"
        return [problem("wrong-flavour", text, remedy)]
    is_macro = "freepbx16" in (loaded.stamped_flavour, expected.flavour)
    if is_macro and version is not None and version.series >= WITHOUT_MACRO_SINCE:
        text = (
            f"rtbill's files for FreePBX 16 need the application Macro, which Asterisk "
            f"{version.series} does not have"
        )
        return [problem("wrong-flavour", text, 'set flavour = "freepbx17" or install Asterisk 20')]
    return []


def emergency_findings(routes: Mapping[str, bool | None], flavour: str) -> list[Finding]:
    """Emergency numbers that lead nowhere; `routes` tells by number whether one has a route."""
    lost = sorted(number for number, is_there in routes.items() if is_there is False)
    if not lost:
        return []
    if flavour == "plain":
        remedy = "add them to [rtbill-emergency], or to site.emergency and run rtbill pbx-config"
    else:
        remedy = "in FreePBX, give them an outbound route of its own, marked Emergency, at the top"
    return [
        problem(
            "emergency-route",
            f"nobody who dials {', '.join(lost)} gets help: the dialplan does not know "
            f"{'it' if len(lost) == 1 else 'them'} as emergency numbers",
            remedy,
        )
    ]


def _hook_findings(loaded: LoadedDialplan) -> list[Finding]:
    if loaded.has_answer_hook is not False:
        return []
    return [
        problem(
            "files-missing",
            "the exchange runs no dialplan of rtbill: outside calls are not stamped with payer "
            "and answer, so they have no payer and are lost when the link is",
            "install it as docs/operating.md says, then: asterisk -rx 'dialplan reload'",
        )
    ]


def _gone(names: Sequence[str]) -> Finding:
    return problem(
        "files-missing",
        f"the exchange still runs rtbill's dialplan, but {', '.join(sorted(names))} is gone: after "
        "the next reload outside calls are not billed",
        "run rtbill pbx-config and install its files again, as its INSTALL.md says",
    )


def _older(names: Sequence[str]) -> Finding:
    return warning(
        "files-older",
        f"{', '.join(sorted(names))} comes from a release before rtbill pbx-config, or was written "
        "by hand: calls are stamped and locks hold, but what [[pbx]] and [pbx.dialplan] say of "
        "questions, policies and trunks does not",
        "run rtbill pbx-config and install its files instead, as its INSTALL.md says",
    )


def _stamps(categories: Sequence[Category]) -> set[str]:
    """The stamps that a file bears; a file that was written by rtbill bears one."""
    return {
        extension.removeprefix("files-")
        for each in categories
        if each.name == STAMP_CONTEXT
        for extension, _ in steps(each)
        if extension.startswith("files-")
    }


def _outdated(name: str, difference: Difference) -> Finding:
    return problem(
        "files-outdated",
        f"{name} was generated from another configuration than today's, or by another release of "
        f"rtbill: {_said(difference)}",
        "run rtbill pbx-config, which shows what differs, and install its files anew",
    )


def _changed(name: str, difference: Difference) -> Finding:
    return problem(
        "files-changed",
        f"{name} is not as it was generated: {_said(difference)}",
        "put your own lines into a file of your own, run rtbill pbx-config and install its files "
        "anew; or undo the change",
    )


def _said(difference: Difference) -> str:
    if difference.wanted and difference.found:
        what = f"{_short(difference.found)!r} stands where {_short(difference.wanted)!r} should"
    elif difference.wanted:
        what = f"{_short(difference.wanted)!r} is missing"
    else:
        what = f"{_short(difference.found)!r} is one too many"
    return f"in [{difference.context}] {what}"


def _not_loaded(loaded: LoadedDialplan) -> Finding:
    if loaded.is_included is False:
        return problem(
            "files-not-loaded",
            "the files are there, and extensions.conf does not include them",
            "add the lines that INSTALL.md names, then: asterisk -rx 'dialplan reload'",
        )
    older = " an older one of" if loaded.stamped_flavour else " without"
    return problem(
        "files-not-loaded",
        f"the files are there, and the exchange still runs{older} rtbill's dialplan",
        "asterisk -rx 'dialplan reload' (FreePBX: fwconsole reload)",
    )


def _short(line: str) -> str:
    return line if len(line) <= _LINE_SHOWN_MAX else f"{line[:_LINE_SHOWN_MAX]}…"


def feature_findings(trusting: Sequence[str], prompting: Sequence[str]) -> list[Finding]:
    """What a telephone on FreePBX can do in another's name. `trusting` are endpoints of telephones,
    `prompting` contexts of feature codes.
    """
    found = []
    if trusting:
        names = ", ".join(sorted(trusting)[:5]) + (" …" if len(trusting) > 5 else "")
        found.append(
            warning(
                "trusts-identity",
                f"{len(trusting)} telephones may name another caller themselves ({names}): "
                "FreePBX believes them for feature codes such as call forwarding. Who pays is "
                "safe, because rtbill looks at the endpoint",
                "in FreePBX set Trust RPID to No for them (Advanced tab of the extension)",
            )
        )
    if prompting:
        found.append(
            warning(
                "forward-prompt",
                f"a telephone can set call forwarding for another one ({', '.join(prompting)}); "
                "the other one then pays for the forwarded calls",
                "in FreePBX under Feature Codes disable 'Call Forward … Prompting Activate'",
            )
        )
    return found
