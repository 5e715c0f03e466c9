"""The files that an operator puts on an exchange, written from its configuration.

The templates in `pbx/` are dialplan with two marks: lines that begin with `%%` are instructions to
the writer, and `<< >>` stands for a value.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import jinja2

from adapters.asterisk.dialplan import PLAIN, REFUSE, Dialplan
from adapters.asterisk.number_patterns import class_patterns, number_patterns
from adapters.asterisk.settings import prefixes

DIALPLAN_FILE = "extensions_rtbill.conf"
MANAGER_FILE = "manager_rtbill.conf"
INSTALL_FILE = "INSTALL.md"
STAMP_CONTEXT = "rtbill-stamp"


def generate(plan: Dialplan) -> dict[str, str]:
    """Text by file name: dialplan, manager user, and how to install and remove both."""
    values = _values(plan)
    kind = "plain" if plan.flavour == PLAIN else "freepbx"
    body = _render(f"{kind}.conf", values) + _render("common.conf", values)
    values["stamp"] = stamp_of(body)
    dialplan = _render(f"{kind}.conf", values) + _render("common.conf", values)
    return {
        DIALPLAN_FILE: dialplan,
        MANAGER_FILE: _render("manager.conf", values),
        INSTALL_FILE: _render(f"install-{kind}.md", values),
    }


def emergency_forms(plan: Dialplan) -> dict[str, str]:
    """Every way to dial an emergency number, with and without the outside prefix, and the number
    itself.
    """
    forms = dict(plan.emergency)
    return {plan.outside_prefix + form: number for form, number in forms.items()} | forms


def stamp_of(dialplan: str) -> str:
    """12 hex digits over the content of a dialplan; comments, blank lines and stamp aside."""
    lines = (line.split(" ;")[0].strip() for line in dialplan.splitlines())
    kept = [line for line in lines if line and not line.startswith((";", "exten => files-"))]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:12]


def stamp_in(dialplan: str) -> str:
    """The stamp that a generated dialplan bears; empty when it bears none."""
    found = _STAMP.search(dialplan)
    return found[1] if found else ""


def _values(plan: Dialplan) -> dict[str, Any]:
    question = plan.question
    return {
        "name": plan.name,
        "flavour": plan.flavour,
        "stamp": "",
        "header": _HEADER.format(name=plan.name, flavour=plan.flavour),
        "leave": "MacroExit()" if plan.flavour == "freepbx16" else "Return()",
        "dialled": _DIALLED.get(plan.flavour, ""),
        "outside_prefix": plan.outside_prefix,
        "extensions": [pattern.upper() for pattern in plan.extensions],
        "devices": sorted(plan.devices.items()),
        "emergency": sorted(emergency_forms(plan).items()),
        "sample": _sample(plan.extensions),
        "unaided_in_words": _in_words(plan.unaided),
        "emergency_numbers": sorted(set(plan.emergency.values())),
        "freephone": _freephone(plan),
        "trunks_named": ", ".join(each.group for each in plan.trunks),
        "outside": _unique(f"{plan.outside_prefix}X.", f"{plan.outside_prefix}+X.", "+X."),
        "classes": class_patterns(plan.classes, plan.dialling),
        "phone_dial": plan.phone_dial.replace("%s", "${EXTEN}"),
        "trunks": [dial.replace("%s", "${RTB_DEST}") for dial in plan.dial],
        "emergency_trunks": [dial.replace("%s", "${EXTEN}") for dial in plan.dial],
        # Through a Local channel the trunk leg is one step further away.
        "hand_on": "__" if any(dial.lower().startswith("local/") for dial in plan.dial) else "_",
        "trunk_test": _trunk_test(prefixes(plan.trunks)),
        "groups_of_trunks": _group_tests(prefixes(plan.trunks)),
        "pin_secret": plan.pin_secret,
        "ring_s": plan.ring_s,
        "trunk_ring_s": plan.trunk_ring_s,
        "ring_options": plan.ring_options,
        "trunk_options": plan.trunk_options,
        "voicemail": plan.voicemail_context,
        "is_enforcing": plan.is_enforcing,
        # Dial's option against any forward of a telephone; the forward itself finds nobody to pay.
        "ignore_302": "i" if plan.forwarded == REFUSE and plan.is_enforcing else "",
        "forwarded": plan.forwarded,
        "transferred": plan.transferred,
        "groups": plan.groups,
        "incoming": plan.incoming,
        "unaided": plan.unaided,
        "question": question.url if question else "",
        "token": question.token if question else "",
        "ca_file": question.ca_file if question else "",
        "user": plan.ami_user,
        "secret": plan.ami_secret.replace(";", "\\;"),
        "permit": plan.permit,
    }


def _freephone(plan: Dialplan) -> list[str]:
    patterns = list(plan.free_numbers)
    for prefix in plan.free_prefixes:
        patterns += number_patterns(prefix, plan.dialling)
    international = [pattern for pattern in patterns if pattern.startswith("+")]
    return _unique(*(plan.outside_prefix + each for each in patterns), *international)


def _sample(patterns: Iterable[str]) -> str:
    """An extension to show in instructions: 1001 for 1xxx."""
    pattern = next(iter(patterns), "1xxx")
    return pattern[:-1].replace("x", "0") + pattern[-1].replace("x", "1")


def _in_words(unaided: str) -> str:
    """What happens to a call of an extension of which nothing was pushed."""
    if unaided.startswith("any/"):
        return f"its calls go through and end after {unaided.removeprefix('any/')} s of talk"
    return "its calls go through" if unaided == "open" else "its chargeable calls are refused"


def _trunk_test(matchers: Iterable[str]) -> str:
    """An expression over ARG1, the name of a channel."""
    return " | ".join(f'"${{ARG1:0:{len(each)}}}" = "{each}"' for each in matchers)


def _group_tests(groups: Mapping[str, str]) -> list[tuple[str, str]]:
    """Trunk groups with an expression over ARG1; of several that hold, the last one counts."""
    return [(group, _trunk_test([start])) for start, group in reversed(list(groups.items()))]


def _unique(*words: str) -> list[str]:
    return list(dict.fromkeys(words))


def _render(template: str, values: Mapping[str, Any]) -> str:
    text = _environment().get_template(template).render(values)
    # Jinja takes the blank lines after an instruction with it.
    section = _HEADING if template.endswith(".md") else _SECTION
    return section.sub("\n\n", text)


@cache
def _environment() -> jinja2.Environment:
    folder = importlib.resources.files("adapters.asterisk").joinpath("pbx")
    # A dialplan is no markup; what could break one was refused when the configuration was read.
    return jinja2.Environment(  # noqa: S701
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        line_statement_prefix="%%",
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )


_DIALLED = {
    # A Local channel bears the number that it dials; otherwise a Macro does not show it.
    "freepbx16": '${IF($["${CHANNEL(channeltype)}" = "Local"]'
    "?${CUT(CUT(CHANNEL(name),@,1),/,2)}:)}",
    # The route called dialout-trunk, which called the hook, which called rtbill-hook.
    "freepbx17": "${STACK_PEEK(3,e)}",
}
_STAMP = re.compile(r"^exten => files-([0-9a-f]{12}),", re.MULTILINE)
_HEADING = re.compile(r"(?<!\n)\n(?=## )")
_SECTION = re.compile(r"(?<!\n)\n(?=\[|; -{20})")
_HEADER = """; Written by: rtbill pbx-config asterisk --pbx {name}   (flavour {flavour})
; Do not edit: change config.toml and write it anew. `rtbill check-pbx {name}` finds what differs.
; How to install and remove it stands in INSTALL.md beside it."""
