"""Which kinds of exchange there are: the one place that names concrete adapters."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Protocol

from adapters.asterisk.adapter import AsteriskPbx
from adapters.asterisk.expected_files import Expected
from adapters.asterisk.settings import AsteriskSettings, Trunk
from adapters.line import Recorder
from rtbill.config import PbxConfig, Site
from rtbill.domain.special_numbers import COUNTRIES, ELSEWHERE
from rtbill.ports import Clock, Pbx


class RecordedPbx(Pbx, Protocol):
    """An exchange whose raw stream can be recorded."""

    def record(self, recorder: Recorder | None) -> None:
        """Record from now on, or stop."""
        ...


Maker = Callable[[PbxConfig, Clock, Expected], RecordedPbx]


def expected_files(site: Site, pbx: PbxConfig) -> Expected:
    """What an inspection of this exchange shall find as its dialplan."""
    country = COUNTRIES.get(site.country, ELSEWHERE)
    return Expected(
        flavour=pbx.dialplan.flavour,
        emergency=tuple(sorted({*country.emergency, *site.emergency})),
    )


def asterisk_settings(config: PbxConfig, expected: Expected) -> AsteriskSettings:
    """What the adapter is told of one configured Asterisk."""
    tls = None
    if config.tls is not None:
        tls = ssl.create_default_context(cafile=str(config.tls.ca_file))
    return AsteriskSettings(
        name=config.name,
        host=config.host,
        port=config.port,
        user=config.user,
        secret=config.secret,
        trunks=tuple(Trunk(trunk.name, trunk.matchers) for trunk in config.trunks),
        tls=tls,
        expected=expected,
    )


def _asterisk(config: PbxConfig, clock: Clock, expected: Expected) -> RecordedPbx:
    return AsteriskPbx(asterisk_settings(config, expected), clock)


PBX_KINDS: dict[str, Maker] = {"asterisk": _asterisk}
"""By the `kind` of a [[pbx]] in config.toml."""


def make_pbx(site: Site, config: PbxConfig, clock: Clock) -> RecordedPbx:
    """The adapter for one configured exchange; not yet connected."""
    return PBX_KINDS[config.kind](config, clock, expected_files(site, config))
