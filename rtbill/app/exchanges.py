"""Which kinds of exchange there are: the one place that names concrete adapters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.asterisk.adapter import AsteriskPbx
from adapters.asterisk.inspection.expected_files import Expected
from adapters.asterisk.pbx_files import DIALPLAN_FILE, stamp_in
from adapters.asterisk.settings import AsteriskSettings, Trunk
from adapters.line import Recorder
from adapters.tls import Tls
from rtbill.app.books import number_plan
from rtbill.app.capabilities import lacking
from rtbill.app.pbx_config import files_of
from rtbill.clock import SteadyClock
from rtbill.config import Config, PbxConfig, client_context
from rtbill.domain.errors import ConfigError
from rtbill.ports import Clock, Pbx


class RecordedPbx(Pbx, Protocol):
    """An exchange whose raw stream can be recorded."""

    def record(self, recorder: Recorder | None) -> None:
        """Record from now on, or stop."""
        ...


Maker = Callable[[PbxConfig, Clock, Expected], RecordedPbx]


def expected_files(config: Config, pbx: PbxConfig) -> Expected:
    """What an inspection of this exchange shall find as its dialplan."""
    emergency = tuple(sorted(set(number_plan(config.site).emergency_forms.values())))
    try:
        files = files_of(config, pbx)
    except ConfigError:
        # The configuration is enough to bill by, but not to write files; `pbx-config` says why.
        return Expected(flavour=pbx.dialplan.flavour, emergency=emergency)
    return Expected(
        flavour=pbx.dialplan.flavour,
        stamp=stamp_in(files[DIALPLAN_FILE]),
        files=files,
        emergency=emergency,
    )


def asterisk_settings(config: PbxConfig, expected: Expected) -> AsteriskSettings:
    """What the adapter is told of one configured Asterisk."""
    tls = None
    if config.tls is not None:
        tls = Tls(client_context(config.tls), config.tls.server_name)
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


def make_pbx(config: Config, pbx: PbxConfig, clock: Clock) -> RecordedPbx:
    """The adapter for one configured exchange; not yet connected. ConfigError when it cannot do
    what the configuration wants of it.
    """
    made = PBX_KINDS[pbx.kind](pbx, SteadyClock(clock), expected_files(config, pbx))
    problems = lacking(config, pbx, made.capabilities)
    if problems:
        raise ConfigError(problems)
    return made


def check_capabilities(config: Config, clock: Clock) -> None:
    """ConfigError with all that any exchange cannot do."""
    problems = []
    for pbx in config.pbxs:
        try:
            make_pbx(config, pbx, clock)
        except ConfigError as lacks:
            problems += lacks.problems
    if problems:
        raise ConfigError(problems)
