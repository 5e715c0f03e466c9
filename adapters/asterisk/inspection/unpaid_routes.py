"""Judging the ways out of a FreePBX that its trunk hook does not see, or sees only half."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from adapters.asterisk.inspection.config_file import Category, steps
from rtbill.domain.finding import Finding, note, warning

TRUNK_DESTINATION = "ext-trunk.[0-9]"
HOOKLESS_TRUNK = "dialout-(enum|dundi)"
EMERGENCY_MARK = "EMERGENCYROUTE=YES"
"""Expressions for the steps that betray such a way; a comma would end one."""
_TO_TRUNK = re.compile(r"\bext-trunk,(\d+),")
_BY_HOOKLESS = re.compile(r"\bdialout-(enum|dundi),(?:s,1\()?(\d+)")
_NAME = re.compile(r"Set\(_ROUTENAME=(.*)\)")
_CUSTOM_LOCAL = re.compile(r"AMP:Local/[^@]*@([^/]+)")
_SHOWN_MAX = 5


def disabled_trunks(settings: Mapping[str, str]) -> set[str]:
    """Numbers of the trunks that are turned off, from FreePBX's globals."""
    return {
        name.removeprefix("OUTDISABLE_")
        for name, value in settings.items()
        if name.startswith("OUTDISABLE_") and value == "on"
    }


def unpaid_findings(
    to_trunks: Iterable[Category], hookless: Iterable[Category], disabled: Collection[str]
) -> list[Finding]:
    """Ways to the outside on which no hook names a payer. `to_trunks` are contexts with a trunk as
    a destination, `hookless` those of routes with trunks of a kind that has no hook.
    """
    return [*_destinations(to_trunks, disabled), *_hookless(hookless, disabled)]


def _destinations(contexts: Iterable[Category], disabled: Collection[str]) -> list[Finding]:
    places = []
    for context in contexts:
        if context.name == "ext-trunk":
            continue
        for extension, step in steps(context):
            trunk = _TO_TRUNK.search(step)
            if trunk is not None and trunk[1] not in disabled:
                is_did = context.name.startswith("ext-did")
                place = f"inbound route {extension}" if is_did else f"[{context.name}] {extension}"
                places.append(f"{place} to trunk {trunk[1]}")
    if not places:
        return []
    return [
        warning(
            "unpaid-route",
            f"calls are sent straight to a trunk, where FreePBX has no hook: {_listed(places)}. "
            "Their legs have no payer, and no lock stops them",
            "send them to a Misc Destination, which takes an outbound route, and name who pays: "
            'incoming = "EXTENSION" under [pbx.dialplan]',
        )
    ]


def _hookless(contexts: Iterable[Category], disabled: Collection[str]) -> list[Finding]:
    found: dict[str, set[str]] = {}
    for context in contexts:
        if not context.name.startswith("outrt-"):
            continue
        kinds = {
            trunk[1].upper()
            for _, step in steps(context)
            if (trunk := _BY_HOOKLESS.search(step)) is not None and trunk[2] not in disabled
        }
        for kind in kinds:
            found.setdefault(kind, set()).add(_route_name(context))
    return [
        warning(
            "unpaid-route",
            f"the outbound routes {_listed(sorted(names))} use a trunk of the kind {kind}, for "
            "which FreePBX has no hook: its legs have no payer, and no lock stops them",
            f"take the {kind} trunk out of these routes",
        )
        for kind, names in sorted(found.items())
    ]


def _route_name(context: Category) -> str:
    for _, step in steps(context):
        name = _NAME.fullmatch(step)
        if name is not None:
            return name[1]
    return context.name


def _listed(words: Sequence[str]) -> str:
    shown = words[:_SHOWN_MAX]
    return ", ".join(shown) + (" …" if len(words) > _SHOWN_MAX else "")


# ------------------------------------------------------------------------------------ custom trunks


def local_contexts(settings: Mapping[str, str]) -> dict[str, str]:
    """Custom trunks that lead through a Local channel: the context that dials for each of them."""
    disabled = disabled_trunks(settings)
    return {
        name: found[1]
        for name, value in settings.items()
        if re.fullmatch(r"OUT_\d+", name)
        and name.removeprefix("OUT_") not in disabled
        and (found := _CUSTOM_LOCAL.match(value)) is not None
    }


def local_findings(
    trunks: Mapping[str, str], contexts: Mapping[str, Sequence[Category]]
) -> list[Finding]:
    """Custom trunks whose real leg does not stamp its answer; `trunks` as `local_contexts` gives
    them, and by name the contexts that are there.
    """
    found = []
    for trunk, name in sorted(trunks.items()):
        dials = [
            step
            for category in contexts.get(name, ())
            for _, step in steps(category)
            if "Dial(" in step
        ]
        if dials and all("U(rtbill-up" in step for step in dials):
            continue
        way = f"the custom trunk {trunk} leads through the context [{name}]"
        remedy = f"add U(rtbill-up) to the options of Dial in [{name}], or use a trunk that is real"
        if dials:
            text = (
                f"{way}, whose Dial lacks U(rtbill-up): its calls are billed while rtbill runs, "
                "but have no record that outlives a lost link, and no timer of their own"
            )
            found.append(warning("local-trunk", text, remedy))
        else:
            text = f"{way}, where no Dial is seen: whether its calls leave a record is unknown"
            found.append(note("local-trunk", text, remedy))
    return found


# --------------------------------------------------------------------------------- emergency routes


def unmarked_findings(numbers: Sequence[str]) -> list[Finding]:
    """Emergency numbers whose outbound route is not one of FreePBX's emergency routes."""
    if not numbers:
        return []
    return [
        warning(
            "emergency-route",
            f"{', '.join(sorted(numbers))} take{'s' if len(numbers) == 1 else ''} an outbound "
            "route that is not marked as one for emergencies: rtbill lets the call pass, but "
            "FreePBX shows the usual caller id there, not the one for emergencies",
            "in FreePBX give them an outbound route of their own at the top, with Route Type "
            "Emergency",
        )
    ]
