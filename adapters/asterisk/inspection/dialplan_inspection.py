"""Asking an exchange about its dialplan: what it runs, what stands in its files.

The judging stands in `dialplan_file`; what only FreePBX has is asked in `freepbx_inspection`.
"""

from __future__ import annotations

from adapters.asterisk.dialplan import PLAIN
from adapters.asterisk.inspection.asterisk_version import parse_version
from adapters.asterisk.inspection.dialplan_file import (
    FLAVOURS,
    STAMP_CONTEXT,
    LoadedDialplan,
    emergency_findings,
    file_findings,
    flavour_findings,
    flavour_of,
)
from adapters.asterisk.inspection.expected_files import Expected
from adapters.asterisk.inspection.freepbx_inspection import (
    ROUTES,
    inspect_freepbx,
    unmarked_numbers,
)
from adapters.asterisk.inspection.inquiry import Inquiry
from rtbill.domain.finding import Finding


async def inspect_dialplan(inquiry: Inquiry, expected: Expected, version: str) -> list[Finding]:
    """Our files, the kind of exchange, emergency routes, and what FreePBX and its site add."""
    loaded = await _loaded(inquiry, expected)
    is_freepbx = loaded.exchange_flavour not in (None, PLAIN)
    return [
        *file_findings(expected, loaded),
        *flavour_findings(expected, loaded, parse_version(version)),
        *(
            await _freepbx_emergency(inquiry, expected)
            if is_freepbx
            else await _plain_emergency(inquiry, expected, loaded)
        ),
        *(await inspect_freepbx(inquiry, loaded) if is_freepbx else ()),
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


async def _plain_emergency(
    inquiry: Inquiry, expected: Expected, loaded: LoadedDialplan
) -> list[Finding]:
    if not loaded.has_answer_hook:
        return []  # without our dialplan, the site's own has ways that we do not know
    known = {each: await inquiry.has("rtbill-emergency", each) for each in expected.emergency}
    return emergency_findings(known, PLAIN)


async def _freepbx_emergency(inquiry: Inquiry, expected: Expected) -> list[Finding]:
    # Not from-internal itself: FreePBX may answer every number there with an announcement.
    routed = {each: await inquiry.has(ROUTES, each) for each in expected.emergency}
    own = {each: await inquiry.has("from-internal-custom", each) for each in expected.emergency}
    known = {each: True if own[each] else is_there for each, is_there in routed.items()}
    by_route = [each for each, is_there in routed.items() if is_there and not own[each]]
    return emergency_findings(known, "freepbx") + await unmarked_numbers(inquiry, by_route)
