"""Asking an exchange about its dialplan: what it runs, what stands in its files.

The judging stands in `dialplan_file` and `route_options`.
"""

from __future__ import annotations

from adapters.asterisk.asterisk_version import parse_version
from adapters.asterisk.config_file import Category
from adapters.asterisk.dialplan_file import (
    FLAVOURS,
    STAMP_CONTEXT,
    LoadedDialplan,
    emergency_findings,
    feature_findings,
    file_findings,
    flavour_findings,
    flavour_of,
)
from adapters.asterisk.expected_files import Expected
from adapters.asterisk.inquiry import Inquiry
from adapters.asterisk.route_options import DIAL_CONTEXTS, OPTION_VARIABLES, route_findings
from rtbill.domain.finding import Finding

GENERATED = "extensions_additional.conf"
"""Where FreePBX writes its dialplan."""
PROMPTING = (
    "app-cf-prompting-on",
    "app-cf-busy-prompting-on",
    "app-cf-unavailable-prompting-on",
)
"""Contexts of FreePBX's feature codes that ask for which extension to forward."""


async def inspect_dialplan(inquiry: Inquiry, expected: Expected, version: str) -> list[Finding]:
    """Our files, the kind of exchange, emergency routes, and what a site adds to its trunks."""
    loaded = await _loaded(inquiry, expected)
    is_freepbx = loaded.exchange_flavour not in (None, "plain")
    return [
        *file_findings(expected, loaded),
        *flavour_findings(expected, loaded, parse_version(version)),
        *await _emergency(inquiry, expected, is_freepbx=is_freepbx),
        *await _routes(inquiry, is_freepbx=is_freepbx),
        *(await _features(inquiry) if is_freepbx else ()),
    ]


async def _loaded(inquiry: Inquiry, expected: Expected) -> LoadedDialplan:
    has_sub = await inquiry.has("dialOne-with-exten") or await inquiry.has("trunk-dial-with-exten")
    has_macro = await inquiry.has("macro-dialout-trunk") or await inquiry.has("macro-user-callerid")
    on_disk = {}
    for name in expected.dialplans:
        there = await inquiry.config(name)
        if there is not None:
            on_disk[name] = there
    stamped = await inquiry.config("extensions.conf", ("Category", STAMP_CONTEXT))
    return LoadedDialplan(
        has_stamp=await inquiry.has(STAMP_CONTEXT, f"files-{expected.stamp}"),
        has_answer_hook=await inquiry.has("rtbill-up"),
        stamped_flavour=await _stamped_flavour(inquiry),
        exchange_flavour=flavour_of(has_sub=has_sub, has_macro=has_macro),
        is_included=None if stamped is None else bool(stamped),
        on_disk=on_disk,
    )


async def _stamped_flavour(inquiry: Inquiry) -> str | None:
    answers = {
        flavour: await inquiry.has(STAMP_CONTEXT, f"flavour-{flavour}") for flavour in FLAVOURS
    }
    if None in answers.values():
        return None
    return next((flavour for flavour, is_there in answers.items() if is_there), "")


async def _emergency(inquiry: Inquiry, expected: Expected, *, is_freepbx: bool) -> list[Finding]:
    # Not from-internal itself: FreePBX may answer every number there with an announcement.
    contexts = (
        ("outbound-allroutes", "from-internal-custom") if is_freepbx else ("rtbill-emergency",)
    )
    routes: dict[str, bool | None] = {}
    for number in expected.emergency:
        answers = [await inquiry.has(context, number) for context in contexts]
        routes[number] = True if True in answers else answers[0]
    return emergency_findings(routes, "freepbx" if is_freepbx else "plain")


async def _routes(inquiry: Inquiry, *, is_freepbx: bool) -> list[Finding]:
    options = {}
    for name in OPTION_VARIABLES:
        options[name] = await inquiry.value(f"GLOBAL({name})") or ""
    if not is_freepbx:
        return route_findings(options, (), {})
    for row in await inquiry.listed("DBGetTree", ("Family", "TRUNK")) or ():
        key = row.get("Key").removeprefix("/TRUNK/")
        if key.endswith("/dialopts"):
            options[f"the trunk {key.removesuffix('/dialopts')}"] = row.get("Val")
    contexts: list[Category] = []
    for name in DIAL_CONTEXTS:
        contexts += await inquiry.config(GENERATED, ("Category", name)) or ()
    written = await inquiry.config(GENERATED, ("Category", "globals")) or ()
    trunks = {
        name: value
        for category in written
        for name, value in category.lines
        if name.startswith("OUT_") and name.removeprefix("OUT_").isdecimal()
    }
    return route_findings(options, contexts, trunks)


async def _features(inquiry: Inquiry) -> list[Finding]:
    trusting = await inquiry.config("pjsip.endpoint.conf", ("Filter", "trust_id_inbound=yes"))
    prompting = [context for context in PROMPTING if await inquiry.has(context)]
    telephones = [
        each.name
        for each in trusting or ()
        if each.is_on("trust_id_inbound", default=False)
        and each.get("context").startswith("from-internal")
    ]
    return feature_findings(telephones, prompting)
