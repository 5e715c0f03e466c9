"""A FreePBX as its operator and its users set it: database, forwards, and files of the site."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.asterisk.freepbx.dialplan import (
    EXTENSIONS,
    OF_THE_SITE,
    freepbx_version,
    write_route_mail,
)

if TYPE_CHECKING:
    from tests.integration.asterisk.ami_probe import AmiProbe
    from tests.integration.asterisk.server import AsteriskServer

FAMILIES = ("DEVICE", "AMPUSER", "TRUNK", "CF", "CFU", "CFB", "CW", "RG")
BLANK = "; a site's own\n"
SAME_CHANNEL = "-1"
"""The ring timer of a forward that leaves on the caller's channel: "ring for ever"."""


@dataclass(frozen=True, slots=True)
class FreePbx:
    """The administration of one running server."""

    server: AsteriskServer
    ami: AmiProbe

    @property
    def version(self) -> int:
        """16, which uses Macro(), or 17, which uses Gosub()."""
        return freepbx_version(self.server.version)

    # ---- the site's files

    async def install_custom(self, text: str) -> None:
        """Make this extensions_custom.conf, and return when the dialplan is loaded."""
        await self.install({"extensions_custom.conf": text})

    async def install(self, files: dict[str, str]) -> None:
        """Write files beside FreePBX's and return when dialplan and AMI users are loaded."""
        for name, text in files.items():
            (self.server.folder / "etc" / name).write_text(text)
        if any(name.startswith("manager") for name in files):
            await self.ami.action("Reload", Module="manager")
        await self.reload()

    async def reload(self) -> None:
        """Load the dialplan as the files are now. Raises RuntimeError when it does not load."""
        override = self.server.folder / "etc" / "extensions_override_freepbx.conf"
        own = override.read_text()
        marker = f"lab-{secrets.token_hex(4)}"
        override.write_text(f"{own}\n[{marker}]\nexten => s,1,NoOp()\n")
        try:
            reply = await self.ami.action("Reload", Module="pbx_config")
            if not await self._knows(f"{marker},s,1"):
                raise RuntimeError(f"the dialplan was not loaded: {reply}")
        finally:
            override.write_text(own)

    async def route_mail(self, *, on_call: bool) -> None:
        """Whether every trunk's Dial ends in the U() of the route mail, as FreePBX's default is."""
        write_route_mail(self.server, on_call=on_call)
        await self.reload()

    # ---- its database

    async def reset(self) -> None:
        """Extensions 1001 to 1010 without forwards, no file of the site, route mail as usual."""
        for family in FAMILIES:
            await self.ami.delete_family(family)
        for extension in EXTENSIONS:
            await self.add_user(extension)
            await self.add_device(extension, extension)
        await self.add_device("91010", "1010")
        folder = self.server.folder / "etc"
        changed = [name for name in OF_THE_SITE if (folder / name).read_text() != BLANK]
        if changed:
            await self.install(dict.fromkeys(changed, BLANK))
        if "U(sub-send-obroute-email" not in (folder / "extensions_additional.conf").read_text():
            await self.route_mail(on_call=True)

    async def add_user(self, extension: str) -> None:
        """A user with call waiting, whose telephones are those that add_device() names."""
        user = f"AMPUSER/{extension}"
        await self.ami.put(user, "cidname", f"Ext {extension}")
        await self.ami.put(user, "cidnum", extension)
        await self.ami.put(user, "ringtimer", "0")
        await self.ami.put(user, "cfringtimer", "0")
        await self.ami.put(user, "voicemail", "default")
        await self.ami.put("CW", extension, "ENABLED")

    async def add_device(self, device: str, user: str) -> None:
        """A PJSIP telephone of a user."""
        for key, value in {
            "dial": f"PJSIP/{device}",
            "user": user,
            "type": "fixed",
            "tech": "pjsip",
        }.items():
            await self.ami.put(f"DEVICE/{device}", key, value)
        others = await self.ami.get(f"AMPUSER/{user}", "device")
        await self.ami.put(f"AMPUSER/{user}", "device", f"{others}&{device}" if others else device)

    async def forward(self, kind: str, extension: str, number: str, ring_timer: str = "0") -> None:
        """Set CF (always), CFB (busy) or CFU (unavailable).

        With SAME_CHANNEL as ring timer the forward is a Goto, otherwise it goes through Local.
        """
        await self.ami.put(f"AMPUSER/{extension}", "cfringtimer", ring_timer)
        await self.ami.put(kind, extension, number)

    async def follow_me(
        self, extension: str, members: str, strategy: str = "ringall", *, confirm: bool = False
    ) -> None:
        """Members are separated by '-'; one outside ends in '#'."""
        for key, value in {
            "ddial": "DIRECT",
            "grplist": members,
            "grptime": "10",
            "prering": "1" if strategy.startswith("ringallv2") else "0",
            "strategy": strategy,
            "grpconf": "ENABLED" if confirm else "DISABLED",
        }.items():
            await self.ami.put(f"AMPUSER/{extension}/followme", key, value)

    async def trunk_options(self, trunk: int, options: str) -> None:
        """Dial options of one trunk in place of the global TRUNK_OPTIONS."""
        await self.ami.put(f"TRUNK/{trunk}", "dialopts", options)

    async def _knows(self, place: str) -> bool:
        reply = await self.ami.action("Getvar", Variable=f"DIALPLAN_EXISTS({place})")
        return reply.get("Value") == "1"
