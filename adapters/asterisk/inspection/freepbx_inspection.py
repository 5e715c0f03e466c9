"""Asking a FreePBX about its routes, trunks and hooks, and where rtbill stands among them.

The judging stands in `freepbx_places`, `route_options`, `unpaid_routes` and `dialplan_file`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adapters.asterisk.inspection.config_file import Category
from adapters.asterisk.inspection.dialplan_file import (
    STAMP_CONTEXT,
    LoadedDialplan,
    feature_findings,
)
from adapters.asterisk.inspection.freepbx_places import (
    CUSTOM_FILE,
    LABEL,
    MAIL,
    OVERRIDE_FILE,
    PLACES,
    TELEPHONE_HOOK,
    TRUNK_HOOK,
    Places,
    place_findings,
)
from adapters.asterisk.inspection.inquiry import Inquiry
from adapters.asterisk.inspection.route_options import (
    DIAL_CONTEXTS,
    OPTION_VARIABLE,
    appended_findings,
    at_answer,
    options_findings,
)
from adapters.asterisk.inspection.unpaid_routes import (
    EMERGENCY_MARK,
    HOOKLESS_TRUNK,
    TRUNK_DESTINATION,
    disabled_trunks,
    local_contexts,
    local_findings,
    unmarked_findings,
    unpaid_findings,
)
from rtbill.domain.finding import Finding

GENERATED = "extensions_additional.conf"
"""Where FreePBX writes its dialplan."""
ROUTES = "outbound-allroutes"
PROMPTING = (
    "app-cf-prompting-on",
    "app-cf-busy-prompting-on",
    "app-cf-unavailable-prompting-on",
)
"""Contexts of FreePBX's feature codes that ask for which extension to forward."""


async def inspect_freepbx(inquiry: Inquiry, loaded: LoadedDialplan) -> list[Finding]:
    """What FreePBX itself, its settings and its site do to calls that rtbill should bill."""
    dialling: list[Category] = []
    for name in DIAL_CONTEXTS:
        dialling += await _generated(inquiry, name)
    settings = {
        name: value
        for category in await _generated(inquiry, "globals")
        for name, value in category.lines
    }
    found = options_findings(await _options(inquiry)) + appended_findings(dialling)
    if loaded.has_stamp:
        # With another dialplan, or none, there is one thing to do first: install ours.
        found += place_findings(await _places(inquiry, loaded, dialling))
    found += unpaid_findings(
        await _holding(inquiry, TRUNK_DESTINATION),
        await _holding(inquiry, HOOKLESS_TRUNK),
        disabled_trunks(settings),
    )
    return found + await _custom_trunks(inquiry, settings) + await _features(inquiry)


async def _generated(inquiry: Inquiry, context: str) -> list[Category]:
    return await inquiry.config(GENERATED, ("Category", context)) or []


async def _holding(inquiry: Inquiry, step: str) -> list[Category]:
    """The contexts of FreePBX with a step like this one (a regular expression without comma)."""
    return await inquiry.config(GENERATED, ("Filter", f"^(exten|same)$={step}")) or []


async def _options(inquiry: Inquiry) -> dict[str, str]:
    options = {OPTION_VARIABLE: await inquiry.value(f"GLOBAL({OPTION_VARIABLE})") or ""}
    for row in await inquiry.listed("DBGetTree", ("Family", "TRUNK")) or ():
        key = row.get("Key").removeprefix("/TRUNK/")
        if key.endswith("/dialopts"):
            options[f"the trunk {key.removesuffix('/dialopts')}"] = row.get("Val")
    return options


async def _places(inquiry: Inquiry, loaded: LoadedDialplan, dialling: Iterable[Category]) -> Places:
    stamped = await inquiry.config(OVERRIDE_FILE, ("Category", STAMP_CONTEXT))
    of_the_site: dict[str, list[Category]] = {OVERRIDE_FILE: [], CUSTOM_FILE: []}
    for file, hooks in of_the_site.items():
        for context in (TRUNK_HOOK, TELEPHONE_HOOK):
            hooks += await inquiry.config(file, ("Category", context)) or ()
    _, routine = at_answer(dialling)
    return Places(
        is_ours={context: await inquiry.has(context, "s", LABEL) for context in PLACES},
        is_in_override=None if stamped is None else bool(stamped),
        is_mail_at_answer=routine == MAIL,
        of_the_site=of_the_site,
        mail=await _generated(inquiry, MAIL),
        flavour=loaded.exchange_flavour or "",
    )


async def _custom_trunks(inquiry: Inquiry, settings: Mapping[str, str]) -> list[Finding]:
    trunks = local_contexts(settings)
    contexts = {
        name: await inquiry.config("extensions.conf", ("Category", name)) or ()
        for name in dict.fromkeys(trunks.values())
    }
    return local_findings(trunks, contexts)


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


# --------------------------------------------------------------------------------- emergency routes


async def unmarked_numbers(inquiry: Inquiry, numbers: Iterable[str]) -> list[Finding]:
    """Emergency numbers that take a route which FreePBX does not know as one for emergencies."""
    listed = await _generated(inquiry, ROUTES)
    order = [
        value.partition(",")[0].strip()  # what follows a comma is when the route holds
        for category in listed
        for name, value in category.lines
        if name == "include" and value.startswith("outrt-")
    ]
    marked = {each.name for each in await _holding(inquiry, EMERGENCY_MARK)}
    wrong = [
        number for number in numbers if await _is_unmarked(inquiry, number, order, marked) is True
    ]
    return unmarked_findings(wrong)


async def _is_unmarked(
    inquiry: Inquiry, number: str, order: Iterable[str], marked: Iterable[str]
) -> bool:
    """Whether the first route that knows the number is an unmarked one."""
    for route in order:
        if await inquiry.has(route, number):
            return route not in marked
    return False
