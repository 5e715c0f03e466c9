"""Inspecting an exchange: ask over AMI with the rights we have, and judge what it says.

Asking is here; judging is pure and stands in `advisories`, `manager_file`, `dialplan_file`,
`route_options` and `rights`. What the exchange does not answer is a note, never a failure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from adapters.asterisk.advisories import known_weaknesses
from adapters.asterisk.asterisk_version import parse_version, support_findings
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
from adapters.asterisk.filters import event_filters, has_advanced_filters
from adapters.asterisk.inquiry import Inquiry, ask
from adapters.asterisk.manager_file import (
    exposure_findings,
    general,
    powerful_users,
    secret_findings,
    settings_findings,
)
from adapters.asterisk.reachability import answering, own_addresses
from adapters.asterisk.rights import rights_findings
from adapters.asterisk.route_options import DIAL_CONTEXTS, OPTION_VARIABLES, route_findings
from adapters.asterisk.settings import AsteriskSettings, prefixes
from rtbill.domain.finding import Finding, by_severity, note, problem, warning
from rtbill.domain.hosts import is_loopback
from rtbill.ports import Clock

Addresses = Callable[[], Awaitable[Sequence[str]]]

CLOCK_WARNING_S = 2.0
CLOCK_PROBLEM_S = 60.0
GENERATED = "extensions_additional.conf"
"""Where FreePBX writes its dialplan."""
PROMPTING = (
    "app-cf-prompting-on",
    "app-cf-busy-prompting-on",
    "app-cf-unavailable-prompting-on",
)
"""Contexts of FreePBX's feature codes that ask for which extension to forward."""
_AMI_PORT = 5038


async def inspect(
    settings: AsteriskSettings, clock: Clock, addresses: Addresses = own_addresses
) -> list[Finding]:
    """Everything found at one exchange, the worst first; Unavailable when it cannot be asked.

    `addresses` gives the places, other than loopback, where this machine can be reached.
    """
    return by_severity(
        await ask(settings, clock, lambda inquiry: _inspect(inquiry, settings, clock, addresses))
    )


async def _inspect(
    inquiry: Inquiry, settings: AsteriskSettings, clock: Clock, addresses: Addresses
) -> list[Finding]:
    await inquiry.ping()
    core = await inquiry.act("CoreSettings")
    version = "" if core is None else core.get("AsteriskVersion")
    found = link_findings(settings, inquiry.offset_s)
    if core is not None:
        found += support_findings(version, clock.now().date()) + known_weaknesses(version)
    found += await _rights(inquiry, settings)
    found += await _filters(inquiry, settings, version)
    found += await _manager(inquiry, settings, addresses)
    found += await _dialplan(inquiry, settings.expected, version)
    return found + _unsaid(inquiry)


# ----------------------------------------------------------------------------------------- the link


def link_findings(settings: AsteriskSettings, offset_s: float) -> list[Finding]:
    """Plain text over a network, and clocks that are apart; ours is `offset_s` ahead."""
    found = []
    if settings.tls is None and not is_loopback(settings.host):
        found.append(
            warning(
                "tls",
                f"secret and telephone numbers pass to {settings.host} as plain text",
                "unless a VPN hides them, set tlsenable in manager.conf and [pbx.tls] in rtbill's "
                "configuration",
            )
        )
    apart_s = abs(offset_s)
    if apart_s > CLOCK_WARNING_S:
        make = problem if apart_s > CLOCK_PROBLEM_S else warning
        behind = "behind" if offset_s > 0 else "ahead of"
        found.append(
            make("clock", f"its clock is {apart_s:.1f} s {behind} ours", "set both by NTP")
        )
    return found


async def _rights(inquiry: Inquiry, settings: AsteriskSettings) -> list[Finding]:
    reply = await inquiry.act("ListCommands")
    allowed = set() if reply is None else {name for name, _ in reply.headers()}
    return rights_findings(settings.user, allowed)


async def _filters(inquiry: Inquiry, settings: AsteriskSettings, version: str) -> list[Finding]:
    """Whether the exchange takes the filters that a link sends at its sign-in."""
    matchers = list(prefixes(settings.trunks))
    forms = [True, False] if has_advanced_filters(version) else [False]
    for advanced in forms:
        refused = [
            headers
            for headers in event_filters(matchers, advanced=advanced)
            if await inquiry.act("Filter", *headers) is None
        ]
        if not refused:
            inquiry.unsaid.pop("Filter", None)
            return []
    why = inquiry.unsaid.pop("Filter", "")
    return [
        warning(
            "filters",
            f"the exchange does not take rtbill's event filters ({why}), so it sends every event "
            "of every call",
            f"give the AMI user {settings.user} write=system,call in manager.conf",
        )
    ]


# ------------------------------------------------------------------------------- manager.conf, HTTP


async def _manager(
    inquiry: Inquiry, settings: AsteriskSettings, addresses: Addresses
) -> list[Finding]:
    manager = await inquiry.config("manager.conf")
    if not manager:
        return []
    http = await inquiry.config("http.conf") or []
    seen_at = await _seen_at(settings, manager, addresses)
    return [
        *settings_findings(manager, settings.user),
        *exposure_findings(manager, http, settings.user, seen_at),
        *secret_findings(manager),
        *powerful_users(manager, settings.user),
    ]


async def _seen_at(
    settings: AsteriskSettings, manager: Iterable[Category], addresses: Addresses
) -> list[str]:
    """Addresses of this machine, other than loopback, where its plain-text AMI really answers."""
    places = list(await addresses())
    if not is_loopback(settings.host) and settings.host not in places:
        return []  # it is another machine: whatever answers here is not the exchange
    written = general(manager).get("port")
    port = int(written) if written.isdecimal() else _AMI_PORT
    return await answering(places, port)


# ------------------------------------------------------------------------------------- the dialplan


async def _dialplan(inquiry: Inquiry, expected: Expected, version: str) -> list[Finding]:
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


def _unsaid(inquiry: Inquiry) -> list[Finding]:
    """Files that the exchange cannot read, and one note of all else that could not be looked at."""
    found = [
        problem(
            "broken-file",
            f"the exchange cannot read its own {file} any more: at the next reload or restart what "
            "it holds is gone",
            f"look at the log after: asterisk -rx 'reload'; often a file that {file} includes is "
            "missing",
        )
        for file in sorted(inquiry.broken)
    ]
    if inquiry.unsaid:
        said = "; ".join(f"{action}: {why}" for action, why in inquiry.unsaid.items())
        found.append(note("not-checked", f"the exchange would not answer everything ({said})"))
    return found
