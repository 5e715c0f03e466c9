"""A configuration that is right, to be made wrong in one place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from rtbill.config import Config, load_config
from rtbill.domain.errors import ConfigError

SECRET = "0123456789abcdef0123"  # long enough, and nobody's default
GOOD = """
[site]
name = "Hall"
country = "DE"
country_code = "49"
internal = ["1xxx"]
zone = "Europe/Berlin"
currency = "EUR"
emergency = ["112"]
[store]
path = "books.sqlite"
[control]
socket = "rtbill.sock"
[rating]
default_tariff = "germany"
[[pbx]]
name = "hall"
mode = "reactive"
host = "127.0.0.1"
user = "rtbill"
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
"""
ENVIRON = {"RTBILL_PBX_HALL_SECRET": SECRET}
ASKING = GOOD.replace('"reactive"', '"inline"') + "[inline]\nport = 9465\n"
ASKING_ENVIRON = ENVIRON | {"RTBILL_PBX_HALL_TOKEN": "a-token-of-the-tests-only"}


def load(folder: Path, text: str = GOOD, environ: Mapping[str, str] = ENVIRON) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return load_config(path, environ)


def problems(folder: Path, text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ)
    return caught.value.problems
