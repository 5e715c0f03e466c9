"""Inspecting an exchange: ask over AMI with the rights we have, and judge what it says.

Asking is here and, about the dialplan, in `dialplan_inspection` and `freepbx_inspection`. Judging
is pure and stands in modules of its own, such as `advisories`, `manager_file`, `dialplan_file` and
`rights`. What the exchange does not answer is a note, never a failure.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence

from adapters.asterisk.filters import event_filters, has_advanced_filters
from adapters.asterisk.inspection.advisories import known_weaknesses
from adapters.asterisk.inspection.asterisk_version import support_findings
from adapters.asterisk.inspection.config_file import Category
from adapters.asterisk.inspection.dialplan_inspection import inspect_dialplan
from adapters.asterisk.inspection.inquiry import Inquiry, ask
from adapters.asterisk.inspection.manager_file import (
    exposure_findings,
    general,
    powerful_users,
    secret_findings,
    settings_findings,
)
from adapters.asterisk.inspection.reachability import answering, own_addresses
from adapters.asterisk.rights import rights_findings
from adapters.asterisk.settings import AsteriskSettings, prefixes
from rtbill.domain.finding import Finding, by_severity, note, problem, warning
from rtbill.domain.hosts import is_loopback
from rtbill.ports import Clock

Addresses = Callable[[], Awaitable[Sequence[str]]]

CLOCK_WARNING_S = 2.0
CLOCK_PROBLEM_S = 60.0
_AMI_PORT = 5038
_PORT = re.compile("[0-9]{1,5}")
_PORT_MAX = 65_535


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
    found += await inspect_dialplan(inquiry, settings.expected, version)
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
    return await answering(places, _port(general(manager).get("port")))


def _port(written: str) -> int:
    """The port of manager.conf; Asterisk's own where that is none."""
    port = int(written) if _PORT.fullmatch(written) else 0
    return port if 1 <= port <= _PORT_MAX else _AMI_PORT


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
