"""Which kinds of exchange there are: the one place that names concrete adapters."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Protocol

from adapters.asterisk.adapter import AsteriskPbx
from adapters.asterisk.settings import AsteriskSettings, Trunk
from adapters.line import Recorder
from rtbill.config import PbxConfig
from rtbill.domain.errors import ConfigError
from rtbill.ports import Clock, Pbx


class RecordedPbx(Pbx, Protocol):
    """An exchange whose raw stream can be recorded."""

    def record(self, recorder: Recorder | None) -> None:
        """Record from now on, or stop."""
        ...


Maker = Callable[[PbxConfig, Clock], RecordedPbx]


def _asterisk(config: PbxConfig, clock: Clock) -> RecordedPbx:
    tls = None
    if config.tls is not None:
        tls = ssl.create_default_context(cafile=str(config.tls.ca_file))
    settings = AsteriskSettings(
        name=config.name,
        host=config.host,
        port=config.port,
        user=config.user,
        secret=config.secret,
        trunks=tuple(Trunk(trunk.name, trunk.matchers) for trunk in config.trunks),
        tls=tls,
    )
    return AsteriskPbx(settings, clock)


PBX_KINDS: dict[str, Maker] = {"asterisk": _asterisk}
"""By the `kind` of a [[pbx]] in config.toml."""


def make_pbx(config: PbxConfig, clock: Clock) -> RecordedPbx:
    """The adapter for one configured exchange; not yet connected. ConfigError when it cannot do
    what its mode wants of it.
    """
    pbx = PBX_KINDS[config.kind](config, clock)
    if config.mode == "inline" and not pbx.capabilities.ask_before_dialling:
        text = f"pbx {config.name}: mode: an exchange of kind {config.kind!r} cannot ask before it "
        raise ConfigError([text + "dials; use 'reactive'"])
    return pbx
