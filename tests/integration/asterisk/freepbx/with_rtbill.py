"""rtbill's generated files on the laboratory FreePBX, installed as their instructions say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.asterisk.generated import Generated

if TYPE_CHECKING:
    from tests.integration.asterisk.freepbx.lab import FreePbxLab

TRUNKS = """
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
[[pbx.trunk]]
name = "backup"
match = ["PJSIP/backup-*"]
[[pbx.trunk]]
name = "iax"
match = ["IAX2/iax-carrier-*"]
[[pbx.trunk]]
name = "sip"
match = ["SIP/sip-carrier-*"]
"""
INCLUDE = "#include extensions_rtbill.conf\n"
OVERRIDE, CUSTOM = "extensions_override_freepbx.conf", "extensions_custom.conf"


async def install_rtbill(
    lab: FreePbxLab,
    dialplan: str = "",
    *,
    flavour: str = "",
    inline_port: int = 0,
    enforcement: str = "enforce",
) -> None:
    """The two include lines and the files; then rtbill gives its sign of life."""
    generated = Generated(
        flavour=flavour or f"freepbx{lab.freepbx.version}",
        dialplan=dialplan,
        trunks=TRUNKS,
        inline_port=inline_port,
        enforcement=enforcement,
    )
    await install_files(lab, generated)
    await lab.ami.put("rtbill", "alive", str(await lab.epoch()))
    lab.ami.events.clear()


async def install_files(lab: FreePbxLab, generated: Generated) -> None:
    """The two include lines and the files."""
    files = generated.files(lab.server.secret)
    files.pop("INSTALL.md")
    includes = {OVERRIDE: INCLUDE, "manager_custom.conf": "#include manager_rtbill.conf\n"}
    await lab.freepbx.install(files | includes)
