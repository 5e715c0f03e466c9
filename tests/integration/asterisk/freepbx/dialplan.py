"""FreePBX's files as its versions 16 and 17 generate them: one template, two dialects.

The templates in `etc/` are written in the words of 16: Macro(), MacroExit(), and M() in Dial's
options. In 17 the same steps are subroutines. A line that only one version has begins with `16|` or
`17|`; lines between `@each x@` and `@end@` come once for each x. A generated context [x] includes
x-custom, as all of FreePBX's do. Names and order are FreePBX's, the lines are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.asterisk.server import TEMPLATES, Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.asterisk.server import AsteriskServer

ETC = Path(__file__).resolve().parent / "etc"
EXTENSIONS = tuple(str(1000 + number) for number in range(1, 11))
GENERATED = "; What FreePBX generates"
"""How the template of extensions_additional.conf begins."""
OF_THE_SITE = (
    "extensions_override_freepbx.conf",
    "extensions_custom.conf",
    "globals_custom.conf",
    "manager_additional.conf",
    "manager_custom.conf",
)
"""What an operator may write: kept when the server starts again."""

DIDS = {
    "0311000002": "from-did-direct,1002",
    "0311000600": "ext-group,600",
    "0311000601": "ext-group,601",
    "0311000900": "ext-miscdests,1",
    "0311000301": "ext-trunk,1",
    "0311000303": "ext-trunk,3",
}
"""Inbound routes: two groups, a mobile telephone (0791234567), a PJSIP trunk and the custom one."""

ROUTE_MAIL = {
    16: "U(sub-send-obroute-email^${DIAL_NUMBER}^${MACRO_EXTEN}^${DIAL_TRUNK}^${NOW}"
    "^${CALLERID(name)}^${CALLERID(number)})",
    17: "U(sub-send-obroute-email^${DIAL_NUMBER}^${MACRO_EXTEN}^${DIAL_TRUNK}^${NOW}"
    "^${CALLERID(name)}^${CALLERID(number)},^${DIAL_TRUNK_MOH})",
}


@dataclass(frozen=True, slots=True)
class Route:
    """An outbound route: patterns, and the trunks that are tried in turn."""

    name: str
    patterns: tuple[str, ...]
    trunks: tuple[int, ...]
    strip: int = 0
    emergency: bool = False
    intracompany: bool = False
    mail: bool = False

    def dialplan(self, number: int) -> str:
        """The lines of context outrt-<number>."""
        return "\n".join(line for each in self.patterns for line in self._pattern(each, number))

    def _pattern(self, pattern: str, number: int) -> list[str]:
        steps = ["Macro(user-callerid,LIMIT,EXTERNAL)"]
        steps += [f"Set(_ROUTEID={number})", f"Set(_ROUTENAME={self.name})"]
        steps += ["Set(EMERGENCYROUTE=YES)"] if self.emergency else []
        steps += ["Set(INTRACOMPANYROUTE=YES)"] if self.intracompany else []
        steps += ["Set(_CALLERIDNAMEINTERNAL=${CALLERID(name)})"]
        steps += ["Set(_CALLERIDNUMINTERNAL=${CALLERID(num)})"]
        steps += [f"Set(_EMAILNOTIFICATION={'TRUE' if self.mail else 'FALSE'})", "Set(_NODEST=)"]
        dialled = f"${{EXTEN:{self.strip}}}" if self.strip else "${EXTEN}"
        for trunk in self.trunks:
            kind = "enum" if trunk == ENUM_TRUNK else "trunk"
            steps.append(f"Macro(dialout-{kind},{trunk},{dialled},,{CONTINUE.get(trunk, '')})")
        first, *rest = [*steps, "Macro(outisbusy)"]
        return [f"exten => {pattern},1,{first}", *(f" same => n,{each}" for each in rest)]


CARRIER, BACKUP, CUSTOM, ENUM_TRUNK, IAX2, CHAN_SIP = range(1, 7)
CONTINUE = {BACKUP: "on"}
"""Trunks with "Continue if Busy": the next one is tried whatever the first said."""

ROUTES = (
    Route("emergency", ("112", "911", "118"), (CARRIER, BACKUP), emergency=True),
    Route("intracompany", ("_7XXX",), (CARRIER,), intracompany=True),
    Route("prefix", ("_9.",), (CARRIER, BACKUP), strip=1),
    Route("custom", ("_01.",), (CUSTOM,)),
    Route("enum", ("_02.",), (ENUM_TRUNK,)),
    Route("iax2", ("_03.",), (IAX2,)),
    Route("chan-sip", ("_04.",), (CHAN_SIP,)),
    Route("mail", ("_05.",), (CARRIER,), mail=True),
    Route("busy-goes-on", ("_06.",), (BACKUP, CARRIER)),
    Route("normal", ("_X.", "_+X."), (CARRIER, BACKUP)),
)


def freepbx_version(asterisk_version: int) -> int:
    """Which FreePBX stands on that Asterisk here."""
    return 16 if asterisk_version == 16 else 17


def layout(asterisk_version: int) -> Layout:
    """How to make a FreePBX of a server of that version."""
    version = freepbx_version(asterisk_version)
    return Layout(
        templates=(TEMPLATES, ETC),
        modules=("chan_iax2.so", *(("chan_sip.so",) if version == 16 else ())),
        kept=OF_THE_SITE,
        render=lambda text: rendered(text, version),
    )


def write_route_mail(server: AsteriskServer, *, on_call: bool) -> None:
    """Generate extensions_additional.conf with or without the route mail's U() in trunk Dials.

    FreePBX puts it into every trunk's Dial when its last route says so, and by default it does.
    """
    template = ETC / "extensions_additional.conf"
    version = freepbx_version(server.version)
    text = rendered(template.read_text(), version, mail_on_call=on_call)
    (server.folder / "etc" / template.name).write_text(text)


def rendered(text: str, version: int, *, mail_on_call: bool = True) -> str:
    """A template as one version of FreePBX would have written it."""
    text = re.sub(rf"(?m)^{version}\| ", "", text)
    text = re.sub(r"(?m)^1[67]\| .*\n", "", text)
    values = _values(version)
    text = re.sub(
        r"(?ms)^@each (\w+)@\n(.*?)^@end@\n",
        lambda block: "".join(_filled(block[2], each) for each in values[block[1]]),
        text,
    )
    if text.startswith(GENERATED):
        text = re.sub(r"(?m)^\[(?!globals)([\w-]+)\].*$", r"\g<0>\ninclude => \1-custom", text)
    text = text.replace("@ROUTE_MAIL@", ROUTE_MAIL[version] if mail_on_call else "")
    return text if version == 16 else _as_subroutines(text)


def _as_subroutines(text: str) -> str:
    """Macro(x,a,b) becomes Gosub(macro-x,s,1(a,b)), and M(x^a) in Dial's options U(macro-x^a)."""
    text = text.replace("MacroExit()", "Return()")
    text = re.sub(r"(?m)\bMacro\(([\w-]+)\)$", r"Gosub(macro-\1,s,1())", text)
    text = re.sub(r"(?m)\bMacro\(([\w-]+),(.*)\)$", r"Gosub(macro-\1,s,1(\2))", text)
    return re.sub(r"\bM\((confirm|auto-confirm|auto-blkvm)", r"U(macro-\1", text)


def _values(version: int) -> Mapping[str, list[dict[str, str]]]:
    """What each @each@ runs over."""
    trunks = [each for each in range(1, 7) if version == 16 or each != CHAN_SIP]
    routes = [each for each in ROUTES if set(each.trunks) <= set(trunks)]
    return {
        "extension": [{"EXTENSION": each} for each in EXTENSIONS],
        "telephone": [
            *({"TELEPHONE": each, "CALLERID": f"Ext {each} <{each}>"} for each in EXTENSIONS),
            {"TELEPHONE": "91010", "CALLERID": "device <91010>"},
        ],
        "trunk": [{"TRUNK": str(each)} for each in trunks],
        "did": [{"DID": did, "DESTINATION": goto} for did, goto in DIDS.items()],
        "shape": [{"SHAPE": each} for each in ("_X", "_[+-X].", "_*X.")],
        "route": [
            {"ROUTE": str(number), "NAME": each.name, "PATTERNS": each.dialplan(number)}
            for number, each in enumerate(routes, 1)
        ],
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text
