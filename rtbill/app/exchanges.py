"""Which kinds of exchange there are: the one place that names concrete adapters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.asterisk.adapter import AsteriskPbx
from adapters.asterisk.settings import AsteriskSettings, Trunk
from adapters.line import Recorder
from adapters.tls import Tls
from rtbill.config import PbxConfig, client_context
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
        tls = Tls(client_context(config.tls), config.tls.server_name)
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
    """The adapter for one configured exchange; not yet connected."""
    return PBX_KINDS[config.kind](config, clock)
