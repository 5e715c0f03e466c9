"""A configuration that asks more of an exchange than it can do is refused, and told what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rtbill.app import exchanges
from rtbill.app.capabilities import lacking
from rtbill.clock import SystemClock
from rtbill.config import Config
from rtbill.domain.errors import ConfigError
from rtbill.ports import Capabilities
from tests.fakes.config_file import ASKING, ASKING_ENVIRON, GOOD, load
from tests.fakes.fake_pbx import FakePbx

ABLE = Capabilities(
    live_events=True,
    ask_before_dialling=True,
    set_service=True,
    limit_call=True,
    warn=True,
    hang_up=True,
)
OBSERVING = GOOD.replace('host = "127.0.0.1"', 'host = "127.0.0.1"\nenforcement = "observe"')
RINGING_ON = (
    '[account_classes.standard]\nexhausted_outgoing = "open"\nexhausted_incoming = "ring"\n'
)


def problems(config: Config, **unable: bool) -> list[str]:
    return lacking(config, config.pbxs[0], replace(ABLE, **unable))


def test_what_can_do_everything_lacks_nothing(tmp_path: Path) -> None:
    assert problems(load(tmp_path, ASKING, ASKING_ENVIRON)) == []


@pytest.mark.parametrize(
    ("capability", "key"),
    [
        ("ask_before_dialling", "pbx[0].mode"),
        ("live_events", "pbx[0].mode"),
        ("limit_call", "pbx[0].enforcement"),
        ("hang_up", "pbx[0].enforcement"),
        ("set_service", "pbx[0].enforcement"),
    ],
)
def test_the_capability_that_is_missing_is_named_with_its_key(
    tmp_path: Path, capability: str, key: str
) -> None:
    [found] = problems(load(tmp_path, ASKING, ASKING_ENVIRON), **{capability: False})
    assert found.startswith(f"{key}: ")
    assert f"the capability {capability}, which exchange hall of kind 'asterisk'" in found


@pytest.mark.parametrize(
    ("text", "capability"),
    [
        (GOOD, "ask_before_dialling"),
        (GOOD, "warn"),
        (OBSERVING, "limit_call"),
        (OBSERVING, "hang_up"),
        (OBSERVING, "set_service"),
        (GOOD + RINGING_ON, "set_service"),
    ],
)
def test_what_is_not_wanted_may_be_missing(tmp_path: Path, text: str, capability: str) -> None:
    assert problems(load(tmp_path, text), **{capability: False}) == []


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    config = load(tmp_path, ASKING, ASKING_ENVIRON)
    assert len(problems(config, limit_call=False, hang_up=False, ask_before_dialling=False)) == 3


def test_every_exchange_is_looked_at_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load(tmp_path, GOOD)
    config = replace(config, pbxs=(config.pbxs[0], replace(config.pbxs[0], name="annex")))
    unable = FakePbx(capabilities=replace(ABLE, limit_call=False))
    monkeypatch.setitem(exchanges.PBX_KINDS, "asterisk", lambda *_: unable)

    with pytest.raises(ConfigError) as caught:
        exchanges.check_capabilities(config, SystemClock())
    assert [each.partition(":")[0] for each in caught.value.problems] == [
        "pbx[0].enforcement",
        "pbx[1].enforcement",
    ]


def test_an_asterisk_can_do_what_is_asked_of_it(tmp_path: Path) -> None:
    exchanges.check_capabilities(load(tmp_path, ASKING, ASKING_ENVIRON), SystemClock())
