"""A script of calls: who, whom, when, how long and how it ends, read from a TOML file.

    repeat = true                   # or a number of rounds; false is one round
    length = 60                     # seconds in a round

    [extensions]
    1001 = "Room 101"

    [[trunk]]
    name = "carrier"
    technology = "PJSIP"            # PJSIP, SIP, IAX2, DAHDI, Local

    [[call]]
    from = "1001"
    to = "0301234567"
    at = 2                          # seconds from the start of the round
    every = 20                      # again after so many seconds, until the round is over
    ring = 3                        # a number, or [least, most] drawn from the seed
    talk = [10, 25]
    ends = "caller"                 # caller callee busy noanswer cancel congestion unallocated
    transfer = { to = "1002", after = 5, kind = "blind" }

    [[fault]]
    kind = "cut"                    # cut half_open restart garbage
    at = 30

    [faults]                        # chance per AMI message
    split = 0.1

A call whose `from` is an extension goes out, or to another extension; any other comes in.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulator.faults import KINDS, SCRIPTED_KINDS
from simulator.toml_section import ScenarioError, Section
from simulator.trunks import TECHNOLOGIES, Trunk

ENDINGS = ("caller", "callee", "busy", "noanswer", "cancel", "congestion", "unallocated")
TRANSFER_KINDS = ("blind", "attended")
DIRECTIONS = ("out", "in", "internal")
CALLS_PER_ROUND_MAX = 100_000

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A phone sends its partner on."""

    to: str
    after_s: float
    """Seconds of talk before it happens."""
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScript:
    """One line of the script, before the seed has drawn its numbers."""

    caller: str
    called: str
    is_incoming: bool
    trunk: str | None
    at_s: float
    every_s: float | None
    jitter_s: float
    ring: Range
    talk: Range
    ends: str
    transfer: Transfer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One call of one round, all numbers drawn."""

    at_s: float
    script: CallScript
    ring_s: float
    talk_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """Something that breaks at a moment of each round."""

    at_s: float
    kind: str
    downtime_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A whole script."""

    extensions: Mapping[str, str]
    trunks: tuple[Trunk, ...]
    outside_prefix: str
    length_s: float
    rounds: int | None
    """None: for ever."""
    calls: tuple[CallScript, ...]
    faults: tuple[PlannedFault, ...]
    fault_rates: Mapping[str, float] = field(default_factory=dict)

    def round(self, number: int, seed: int) -> list[PlannedCall | PlannedFault]:
        """What happens in that round, in order; the same seed and number give the same round."""
        planned: list[PlannedCall | PlannedFault] = list(self.faults)
        for index, script in enumerate(self.calls):
            draw = random.Random(f"{seed}/{number}/{index}")
            starts = [script.at_s]
            while script.every_s and starts[-1] + script.every_s < self.length_s:
                starts.append(starts[-1] + script.every_s)
            for start in starts:
                planned.append(
                    PlannedCall(
                        at_s=round(start + draw.uniform(0, script.jitter_s), 3),
                        script=script,
                        ring_s=round(draw.uniform(*script.ring), 3),
                        talk_s=round(draw.uniform(*script.talk), 3),
                    )
                )
        return sorted(planned, key=lambda one: one.at_s)


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file. Raises ScenarioError naming the file, the key and the remedy."""
    try:
        with path.open("rb") as file:
            raw = tomllib.load(file)
    except OSError as error:
        raise ScenarioError(str(path), "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(str(path), "", f"is not TOML: {error}") from error
    return _scenario(Section(str(path), "", raw))


def _scenario(top: Section) -> Scenario:
    extensions = _extensions(top.section("extensions"))
    trunks = tuple(_trunk(one) for one in top.sections("trunk")) or (Trunk(),)
    names = [trunk.name for trunk in trunks]
    if len(set(names)) < len(names):
        raise top.error("trunk", "two trunks have one name: give each its own")
    scenario = Scenario(
        extensions=extensions,
        trunks=trunks,
        outside_prefix=top.text("outside_prefix", ""),
        length_s=top.number("length", 60.0, least=0.1),
        rounds=_rounds(top),
        calls=tuple(_call(one, extensions, names) for one in top.sections("call")),
        faults=tuple(_fault(one) for one in top.sections("fault")),
        fault_rates=_rates(top.section("faults")),
    )
    if not scenario.calls:
        raise top.error("call", "there are no calls: add at least one [[call]]")
    top.text("title", "")
    top.no_more()
    for index, script in enumerate(scenario.calls):
        times = scenario.length_s / script.every_s if script.every_s else 1
        if script.at_s >= scenario.length_s:
            raise top.error(f"call[{index}].at", "is after the end of the round: raise length")
        if times > CALLS_PER_ROUND_MAX:
            raise top.error(f"call[{index}].every", "gives too many calls in a round: raise it")
    return scenario


def _extensions(section: Section) -> dict[str, str]:
    extensions = {name: section.text(name) for name in section.names()}
    if not extensions:
        raise section.error("", 'there are none: add lines such as 1001 = "Room 101"')
    for name in extensions:
        if not name.isdigit():
            raise section.error(name, "an extension is made of digits")
    return extensions


def _trunk(section: Section) -> Trunk:
    trunk = Trunk(section.text("name"), section.choice("technology", TECHNOLOGIES, "PJSIP"))
    section.no_more()
    return trunk


def _rounds(top: Section) -> int | None:
    repeat = top.take("repeat", False)  # noqa: FBT003 -- the default of a TOML value
    if isinstance(repeat, bool):
        return None if repeat else 1
    if not isinstance(repeat, int) or repeat < 1:
        raise top.error("repeat", "give true, false, or a number of rounds above 0")
    return repeat


def _call(section: Section, extensions: Mapping[str, str], trunks: list[str]) -> CallScript:
    caller, called = section.text("from"), section.text("to")
    is_incoming = caller not in extensions
    if is_incoming and called not in extensions:
        raise section.error("from", f"neither {caller} nor {called} stands in [extensions]")
    meant = "in" if is_incoming else "internal" if called in extensions else "out"
    direction = section.choice("direction", DIRECTIONS, meant)
    if direction != meant:
        raise section.error("direction", f"a call from {caller} to {called} is {meant!r}")
    every_s = section.number("every", 0.0, least=0.0)
    script = CallScript(
        caller=caller,
        called=called,
        is_incoming=is_incoming,
        trunk=section.choice("trunk", tuple(trunks), trunks[0]),
        at_s=section.number("at", 0.0, least=0.0),
        every_s=every_s or None,
        jitter_s=section.number("jitter", 0.0, least=0.0),
        ring=section.range("ring", (2.0, 2.0)),
        talk=section.range("talk", (10.0, 10.0)),
        ends=section.choice("ends", ENDINGS, "caller"),
        transfer=_transfer(section.section("transfer")) if section.has("transfer") else None,
    )
    section.no_more()
    return script


def _transfer(section: Section) -> Transfer:
    transfer = Transfer(
        to=section.text("to"),
        after_s=section.number("after", 5.0, least=0.0),
        kind=section.choice("kind", TRANSFER_KINDS, "blind"),
    )
    section.no_more()
    return transfer


def _fault(section: Section) -> PlannedFault:
    fault = PlannedFault(
        at_s=section.number("at", 0.0, least=0.0),
        kind=section.choice("kind", SCRIPTED_KINDS),
        downtime_s=section.number("downtime", 0.0, least=0.0),
    )
    section.no_more()
    return fault


def _rates(section: Section) -> dict[str, float]:
    for name in section.names():
        if name not in KINDS:
            raise section.error(name, f"is no fault: choose from {', '.join(KINDS)}")
    return {name: section.number(name, 0.0, least=0.0, most=1.0) for name in section.names()}
