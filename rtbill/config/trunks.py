"""Whether a trunk's `match` means its own channels, all of them, and no telephone's.

Asterisk names a channel after what was dialled: `PJSIP/carrier-0000002a`, `IAX2/carrier-17`. DAHDI
is dialled by line, span or group, but its channels bear the line or the span only: `DAHDI/5-1`,
`DAHDI/i1/5551234-2`. A call on a channel that no `match` means is never billed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from rtbill.config.document import PbxTable

_SPELLED = {name.upper(): name for name in ("PJSIP", "SIP", "IAX2", "DAHDI")}
"""Dial takes any case, but a channel's name has this one."""
_PATTERN = re.compile(r"[0-9x]+")
_ANY_DIGIT = "\0"


def trunk_problems(table: Mapping[str, object], site: object) -> list[str]:
    """What is wrong between trunks, telephones and flavour of one `[[pbx]]` table, each as
    `key: text`; nothing while a key of the table is wrong by itself.
    """
    try:
        pbx = PbxTable.model_validate(table)
    except ValidationError:
        return []
    problems = [*_repeated(pbx), *_never_there(pbx)]
    patterns = pbx.dialplan.extensions or _internal(site)
    for index, trunk in enumerate(pbx.trunk):
        for at, matcher in enumerate(trunk.match):
            text = _telephone(matcher.removesuffix("*"), pbx, patterns)
            problems += [f"trunk[{index}].match[{at}]: {text}"] if text else []
        if trunk.dial and pbx.dialplan.flavour == "plain":
            text = dial_problem(trunk.name, trunk.dial, trunk.match)
            problems += [f"trunk[{index}].dial: {text}"] if text else []
    text = prefix_problem(pbx.dialplan.outside_prefix, pbx.dialplan.flavour)
    return problems + ([f"dialplan.outside_prefix: {text}"] if text else [])


def dial_problem(name: str, dial: str, matchers: Sequence[str]) -> str | None:
    """Why calls on this trunk would never be billed; None where they are, or nobody can tell."""
    technology = dial.partition("/")[0]
    if technology.upper() == "LOCAL":
        return None  # the channel behind it is matched, and its name stands in the site's dialplan
    if technology.upper() not in _SPELLED:
        wanted = [f"{technology}/"]
        is_met = any(each.upper().startswith(wanted[0].upper()) for each in matchers)
    else:
        wanted = _channels(dial)
        starts = [each.removesuffix("*") for each in matchers]
        is_met = any(_fits(start, channel) for start in starts for channel in wanted)
    if is_met:
        return None
    return (
        f"trunk {name!r} is dialled as {dial}, so its channels are named {wanted[0]}..., and none "
        f"of its match ({', '.join(matchers)}) means those: no call on it would be billed; "
        f"correct dial, or add {wanted[0]}* to match"
    )


def prefix_problem(outside_prefix: str, flavour: str) -> str | None:
    """Why this flavour can do nothing with an outside prefix; None where there is none, or it
    can.
    """
    if not outside_prefix or flavour == "plain":
        return None
    return (
        f"{flavour}: FreePBX's outbound routes take a prefix off before rtbill's files see the "
        "number, and nothing would be left to take off; remove the line"
    )


def _channels(dial: str) -> list[str]:
    """How the names of channels may begin that Asterisk makes for this dial string."""
    technology, _, rest = dial.partition("/")
    technology = _SPELLED[technology.upper()]
    first = rest.partition("/")[0]
    if technology == "DAHDI":
        if span := re.match(r"i[0-9]+(?![0-9%])", first):
            return [f"DAHDI/{span[0]}/"]
        if line := re.match(r"[0-9]+(?![0-9%])", first):
            return [f"DAHDI/{line[0]}-", "DAHDI/i"]  # a line of an ISDN span bears the span's name
        return ["DAHDI/"]
    peer, *more = re.split("%s|:", first.rpartition("@")[2], maxsplit=1)
    names = [f"{technology}/{peer}" if more else f"{technology}/{peer}-"]
    # IAX2 to a host that is no peer: the channel has no name before the dash.
    return [*names, "IAX2/-"] if technology == "IAX2" else names


def _fits(start: str, channel: str) -> bool:
    """Whether a matcher may mean a channel whose name begins like this."""
    if channel.startswith(start):
        return True
    number = start.removeprefix(channel)
    return number != start and (not channel.endswith("-") or not number.strip("0123456789abcdef"))


def _repeated(pbx: PbxTable) -> Iterator[str]:
    counted = Counter(
        start for trunk in pbx.trunk for start in {each.removesuffix("*") for each in trunk.match}
    )
    for start, n in counted.items():
        if n > 1:
            names = [
                each.name for each in pbx.trunk if {start, f"{start}*"}.intersection(each.match)
            ]
            yield (
                f"trunk: {' and '.join(names)} both match {start}*, so nobody can tell whose call "
                "it is; leave it to one of them"
            )


def _never_there(pbx: PbxTable) -> Iterator[str]:
    """Matchers that mean no channel that Asterisk could ever make."""
    for index, trunk in enumerate(pbx.trunk):
        for at, matcher in enumerate(trunk.match):
            technology, _, rest = matcher.partition("/")
            spelled = _SPELLED.get(technology.upper(), technology)
            if technology != spelled:
                yield (
                    f"trunk[{index}].match[{at}]: {matcher}: Asterisk writes {spelled}/ in the "
                    f"names of channels; write {spelled}/{rest}"
                )
            elif spelled == "DAHDI" and re.match("[gGrR][0-9]", rest):
                yield (
                    f"trunk[{index}].match[{at}]: {matcher}: a group of lines is dialled so, but "
                    "its channels are named after the line or the span; match DAHDI/i1/* (ISDN), "
                    f'DAHDI/5-* (a line) or DAHDI/, and write dial = "DAHDI/{rest[:2]}/%s"'
                )


def _telephone(start: str, pbx: PbxTable, patterns: Sequence[str]) -> str | None:
    """Why this matcher means telephones of this exchange too."""
    terms = pbx.dialplan
    technology, _, name = start.partition("/")
    phones, _, rest = terms.phone_dial.partition("/")
    phone = rest.partition("/")[0].rpartition("@")[2]
    for pattern in patterns:
        endpoint = phone.replace("%s", pattern.replace("x", _ANY_DIGIT)) + "-"
        if technology.upper() == phones.upper() and _agree(name, endpoint):
            return (
                f"{start}* means telephones too ({terms.phone_dial} with extensions {pattern}): "
                "their calls would be billed as the trunk's; match the trunk alone, such as "
                f"{technology}/carrier-*, or correct dialplan.phone_dial or dialplan.extensions"
            )
        if re.fullmatch(pattern.replace("x", "[0-9]"), name.removesuffix("-")):
            return _is_extension(start, f"dialplan.extensions ({pattern})")
    if name.removesuffix("-") in terms.devices:
        return _is_extension(start, "dialplan.devices")
    return None


def _is_extension(start: str, where: str) -> str:
    return (
        f"{start}* is named like an extension of {where}, which then pays for what comes in by "
        "this trunk, whatever the technology; give the trunk another name in Asterisk, or correct "
        "that key"
    )


def _agree(name: str, endpoint: str) -> bool:
    """Whether one of two beginnings continues the other."""
    return all(
        b.isdigit() if a == _ANY_DIGIT else a == b for a, b in zip(endpoint, name, strict=False)
    )


def _internal(site: object) -> list[str]:
    """The patterns of `site.internal`, as far as they are readable."""
    written = site.get("internal") if isinstance(site, dict) else None
    patterns = written if isinstance(written, list) else []
    return [each for each in patterns if isinstance(each, str) and _PATTERN.fullmatch(each)]
