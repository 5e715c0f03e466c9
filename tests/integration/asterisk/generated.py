"""The files that rtbill writes for the exchange of the tests."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rtbill.app.pbx_config import files_of
from rtbill.config import Config, load_config

EMERGENCY = ("000", "110", "112", "119", "911", "933", "999")
TOKEN = "a-token-of-the-tests-only"
PIN_SECRET = "what-pins-of-the-tests-are-mixed-with"
CONFIG = """
[site]
name = "Test site"
country = "DE"
country_code = "49"
area_code = "30"
internal = ["10xx"]
zone = "Europe/Berlin"
currency = "EUR"
emergency = {emergency}
[store]
path = "rtbill.sqlite"
[control]
socket = "rtbill.sock"
[rating]
default_tariff = "test"
[inline]
port = {inline_port}
[[destination_class]]
name = "home"
prefixes = ["+49"]
[[destination_class]]
name = "near"
prefixes = ["+41", "+43"]
[[pbx]]
name = "hall"
mode = "{mode}"
host = "127.0.0.1"
user = "rtbill"
demo = true
enforcement = "{enforcement}"
secret = "{secret}"
token = "{token}"
[pbx.dialplan]
flavour = "{flavour}"
{dialplan}
{trunks}
"""
PLAIN = 'outside_prefix = "9"\ndevices = { lobby-phone = "1010" }\n'
CARRIER = '[[pbx.trunk]]\nname = "carrier"\nmatch = ["PJSIP/carrier-*"]\n'


@dataclass(frozen=True, slots=True)
class Generated:
    """What is asked of the generator; other lines make another dialplan."""

    flavour: str = "plain"
    dialplan: str = PLAIN
    """Lines of [pbx.dialplan]."""
    trunks: str = CARRIER
    inline_port: int = 0
    """Where the dialplan asks; 0: it does not."""
    emergency: tuple[str, ...] = EMERGENCY
    enforcement: str = "enforce"

    def files(self, secret: str) -> dict[str, str]:
        """Text by file name."""
        config = self.config(secret)
        return files_of(config, config.pbxs[0])

    def config(self, secret: str) -> Config:
        """The configuration that they are written from."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config.toml"
            path.write_text(self.text(secret))
            return load_config(path, {"RTBILL_PIN_SECRET": PIN_SECRET})

    def text(self, secret: str) -> str:
        """config.toml."""
        return CONFIG.format(
            emergency=list(self.emergency),
            inline_port=self.inline_port,
            mode="inline" if self.inline_port else "reactive",
            secret=secret,
            token=TOKEN,
            flavour=self.flavour,
            enforcement=self.enforcement,
            dialplan=self.dialplan,
            trunks=self.trunks,
        ).replace("'", '"')
