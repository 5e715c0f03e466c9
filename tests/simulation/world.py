"""The state of one run: exchange, disk, biller, and what was seen of them; cheap checks."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from math import inf

from rtbill.domain.account import HOUSE, SUSPENSE, AccountKind, Extension
from rtbill.domain.rated import NumberKind
from simulator.ami_server import AmiServer
from tests.simulation.biller import Biller, Collector
from tests.simulation.clocks import BillerClock, ExchangeClock
from tests.simulation.dialplan import DecidingExchange
from tests.simulation.exchange import Truth
from tests.simulation.network import MemoryLoop
from tests.simulation.plan import PBX, POLICIES, Plan
from tests.simulation.prices import NUMBER_OF
from tests.simulation.store import Disk
from tests.simulation.troubles import Spans
from tests.simulation.witness import Witness

NOT_YET_US = 1 << 62
NOT_YET_S = 1e9
LOOK_S = 0.25
"""So often the run is looked at, and so exact is when something was wrong."""
CLOCK_LEARNT_S = 150.0
"""After its exchange's clock was set the biller takes so long to know how far they are apart."""
GUARD_S = 0.5
COMMIT_MAX_S = 2.0
CALM_S = 15.0
"""This long after the last trouble, what the biller wants must hold at the exchange."""


@dataclass(slots=True)
class Move:
    """An extension changed hands at the desk: effective from, and known to the biller from."""

    extension: str
    ordered_us: int
    ordered_s: float
    known_us: int = NOT_YET_US
    known_s: float = NOT_YET_S


@dataclass(slots=True)
class Observed:
    """What was seen at an answer, while all was calm."""

    account: str
    available_micros: int
    is_calm: bool


@dataclass(slots=True)
class World:
    """Everything of one run, also for who checks it afterwards."""

    plan: Plan
    loop: MemoryLoop
    clock: BillerClock
    exchange_clock: ExchangeClock
    exchange: DecidingExchange
    server: AmiServer
    disk: Disk
    biller: Biller
    notices: Collector
    rates: dict[str, float]
    witness: Witness
    violations: list[str] = field(default_factory=list)
    credits: list[tuple[str, str]] = field(default_factory=list)
    """Account and amount of every credit the desk carried out."""
    receipts: int = 0
    """Numbers given to orders at the desk."""
    moves: list[Move] = field(default_factory=list)
    observed: dict[str, Observed] = field(default_factory=dict)
    """By leg."""
    troubled_at: float = 0.0
    """When something was last wrong, in loop time."""
    faulted_at: float = 0.0
    """When the last fault happened or ended."""
    breaks: list[float] = field(default_factory=list)
    """When something was found wrong, in loop time."""
    locked_since: dict[str, float] = field(default_factory=dict)
    """When each account's class began to want outgoing calls locked."""
    troubles: Spans = field(default_factory=Spans)
    """When biller and exchange, or biller and disk, could not work together."""
    unheard: dict[str, float] = field(default_factory=dict)
    """When news of a leg was lost on its way."""
    snapshots: list[float] = field(default_factory=list)
    """When the biller asked for all legs."""
    births: list[float] = field(default_factory=list)
    """When the biller began anew."""
    steps: list[tuple[float, float]] = field(default_factory=list)
    """When the exchange's clock was set, and by how much."""
    mix: Counter[str] = field(default_factory=Counter)
    """What happened how often: faults by kind, and what became of calls."""
    was_noisy: bool = False
    differing_since: float = 0.0
    """Since when the locks at the exchange are not those that are wanted."""
    wanted_before: tuple[set[str], set[str]] | None = None
    unseen_s: dict[str, float] = field(default_factory=dict)
    """For how long, without trouble, nobody was there for whom a hold is."""
    told: set[str] = field(default_factory=set)
    chance: random.Random = field(default_factory=lambda: random.Random("late payments"))
    is_over: bool = False
    """Nobody calls any more."""
    lives: int = 1
    is_exchange_down: bool = False
    has_stepped: bool = False

    def trouble(self, lasting_s: float = 0.0) -> None:
        """Something is wrong now, or will be for a while."""
        self.breaks.append(self.loop.time())
        self.troubled_at = max(self.troubled_at, self.loop.time() + lasting_s)
        if lasting_s == 0:
            self.faulted_at = self.loop.time()

    @property
    def is_calm(self) -> bool:
        """Nothing has been wrong lately."""
        return self.loop.time() - self.troubled_at > CALM_S

    @property
    def reaction_s(self) -> float:
        """With a good link and disk the exchange has a new limit so soon after the commit that
        makes it possible: answer, the commit and answer before, own commit, own answer; the
        messages; a tick.
        """
        return 5 * self.plan.store_slowest_s + 4 * self.loop.delay_s + 2 * LOOK_S

    def is_new(self, violation: str) -> bool:
        """Whether it was not told before."""
        if violation in self.told:
            return False
        self.told.add(violation)
        return True

    def look(self) -> None:
        """Note whether anything keeps the parts from each other now."""
        now_s = self.loop.time()
        sessions = [each for each in self.server.sessions if each._session is not None]
        is_heard = any(not each.is_silent for each in sessions)
        self.was_noisy = bool(self.rates) or (
            self.was_noisy and any(each._outgoing for each in sessions)
        )
        is_slow = self.disk.is_full or self.disk.slowness_s > 0
        if not self.biller.is_connected or not is_heard or self.was_noisy or is_slow:
            self.troubles.add(now_s - LOOK_S, now_s + LOOK_S)

    def refused(self) -> None:
        """The biller had no room for another fact: it tries again a second later."""
        now_s = self.loop.time()
        self.troubles.add(now_s, now_s + 1.0)

    def lost(self, message: bytes) -> None:
        """An event never arrived."""
        for leg in re.findall(rb"Uniqueid: ([0-9.]+)\r", message):
            self.unheard[leg.decode()] = self.loop.time()

    def is_limited(self, truth: Truth, account: str) -> bool:
        """Whether the leg may only talk for what is held for it."""
        terms = self.disk.books._accounts[account].account
        return (
            terms.kind is AccountKind.PREPAID
            and self.plan.is_enforced(terms.account_class)
            and NUMBER_OF[truth.dialled].kind is NumberKind.CHARGEABLE
        )

    def heard_s(self, truth: Truth) -> float:
        """From when on the biller could know of the leg, if news of it was lost."""
        lost_s = self.unheard.get(truth.leg)
        if lost_s is None:
            return 0.0
        later = (at_s for at_s in self.snapshots if at_s > lost_s)
        return next(later, NOT_YET_S) + self.reaction_s

    def payer_known_s(self, truth: Truth) -> float:
        """From when on the biller could know who pays the leg, if its extension changed hands;
        never while it talked where a later change is dated before by a clock that is behind.
        """
        apart_s = 1.0 + abs(self.exchange_clock.ahead_us) / 1e6
        if any(
            move.extension == truth.payer
            and move.ordered_s - apart_s <= truth.ended_s < move.known_s
            for move in self.moves
        ):
            return inf
        known = [
            move.known_s
            for move in self.moves
            if move.extension == truth.payer and move.known_s >= truth.dialled_s - 1.0
        ]
        return max((each for each in known if each <= truth.ended_s), default=0.0)

    def was_set(self, truth: Truth) -> bool:
        """Whether the exchange's clock was set while the leg was there, or shortly before."""
        return any(
            truth.dialled_s - CLOCK_LEARNT_S <= at_s <= truth.ended_s for at_s, _ in self.steps
        )

    def is_handed_over(self, truth: Truth) -> bool:
        """Whether its extension changed hands while the leg was there, or just before: the change
        is dated by the biller's clock, the leg by the exchange's.
        """
        apart_s = 1.0 + abs(self.exchange_clock.ahead_us) / 1e6
        return any(
            move.extension == truth.payer
            and move.ordered_s <= truth.ended_s + apart_s
            and move.known_s >= truth.dialled_s - apart_s
            for move in self.moves
        )

    def holder(self, extension: str) -> str:
        """Who holds the extension now, by the books."""
        at = self.clock.now()
        for held in self.disk.books._memberships:
            if held.extension.number == extension and held.covers(at):
                return str(held.account)
        return HOUSE

    def locked(self) -> tuple[set[str], set[str]]:
        """Extensions to be locked, and to be diverted: worked out from the books alone."""
        locked, diverted = set(), set()
        for extension in self.plan.extensions:
            state = self.disk.books._accounts[self.holder(extension)]
            reasons = []
            if state.account.id not in (HOUSE, SUSPENSE):
                policy = POLICIES[state.account.account_class]
                is_enforced = self.plan.is_enforced(state.account.account_class)
                if is_enforced and state.available_micros < policy.exhausted_below_micros:
                    reasons.append(policy.exhausted)
            by_hand = self.disk.books._locks.now.get(Extension(PBX, extension))
            reasons += [by_hand.service] if by_hand else []
            if any(each.outgoing == "locked" for each in reasons):
                locked.add(extension)
            if any(each.incoming == "divert" for each in reasons):
                diverted.add(extension)
        return locked, diverted

    def rows(self, family: str) -> set[str]:
        """Keys of a family of the exchange's database."""
        return {path.rsplit("/", 1)[1] for path, _ in self.server.database.tree(f"rtbill/{family}")}

    def unaided_rows(self) -> dict[str, str]:
        """What the exchange does with calls on which it gets no answer."""
        tree = self.server.database.tree("rtbill/unaided")
        return {path.rsplit("/", 1)[1]: row for path, row in tree}

    # -- cheap checks while it runs

    def committed(self) -> None:
        """After each commit: follow which accounts are to be locked."""
        for state in self.disk.books._accounts.values():
            account = state.account.id
            policy = POLICIES.get(state.account.account_class)
            is_locked = (
                account not in (HOUSE, SUSPENSE)
                and policy is not None
                and self.plan.is_enforced(state.account.account_class)
                and policy.exhausted.outgoing == "locked"
                and state.available_micros < policy.exhausted_below_micros
            )
            if not is_locked:
                self.locked_since.pop(account, None)
            else:
                self.locked_since.setdefault(account, self.loop.time())

    def dialled(self, truth: Truth) -> None:
        """A trunk leg begins: nobody may call who has long been locked."""
        holder = self.holder(truth.payer)
        since = self.locked_since.get(holder)
        is_free = NUMBER_OF[truth.dialled].kind is not NumberKind.CHARGEABLE
        if is_free or since is None or not self.is_calm:
            return
        moved_us = max((m.known_us for m in self.moves if m.extension == truth.payer), default=0)
        if (
            self.loop.time() - since > CALM_S
            and self.exchange_clock.now_us() - moved_us > CALM_S * 1e6
        ):
            self.violations.append(f"{truth.payer} of {holder} is locked, called {truth.dialled}")

    def answered(self, truth: Truth) -> None:
        """Remember what could be spent at the answer."""
        holder = self.holder(truth.payer)
        available = self.disk.books._accounts[holder].available_micros
        self.observed[truth.leg] = Observed(holder, available, self.is_calm)
