"""Accounts that buy credit by themselves: seen when they fall below their threshold.

The directory tells of each committed change of money or holds. An account below its threshold is
put into a queue, at most once, and as many workers as there may be purchases at once take it from
there: whether and how much is bought is decided in the books, not here. What is not bought now
rests: until the time that the decision names, until one of its top-ups is over, or until its
settings are others.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rtbill.alarms import Alarms
from rtbill.billing import Billing
from rtbill.domain.account import AccountState
from rtbill.domain.errors import PortFailed
from rtbill.domain.replenishment import Replenishment
from rtbill.domain.top_up import Paying
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Meter
from rtbill.replenishment.top_up_driver import TopUpDriver
from rtbill.replenishment.top_up_queue import TokenBucket, TopUpQueue

TICK_S = 0.25
RETRY = timedelta(seconds=30)
"""After the store or a reader could not be reached."""
_ALARM = "top-up"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplenishmentTerms:
    """How many purchases there may be at once, and how fast they may follow each other."""

    parallel_max: int = 10
    per_minute_max: int = 120
    """Automatic ones of the whole site (RP-14)."""
    jitter_s: float = 30.0
    """Over which those are spread that all come at the same time (RP-15)."""


class AutomaticTopUps:
    """Has credit bought for whoever wants that."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        driver: TopUpDriver,
        billing: Billing,
        reader: PaymentReader,
        alarms: Alarms,
        clock: Clock,
        meter: Meter,
        terms: ReplenishmentTerms | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`draw` gives numbers in [0, 1)."""
        self._driver = driver
        self._billing = billing
        self._reader = reader
        self._alarms = alarms
        self._clock = clock
        self._meter = meter
        self._terms = terms or ReplenishmentTerms()
        self._draw = draw
        self._settings: dict[str, Replenishment] = {}
        self._resting: set[str] = set()
        self._later: dict[str, datetime] = {}
        self._timetable: list[tuple[datetime, str]] = []
        self.queue = TopUpQueue()
        self._bucket = TokenBucket(self._terms.per_minute_max, clock)
        billing.directory.watch(self._changed)
        driver.watch(self._moved)

    async def serve(self) -> None:
        """Buy for ever."""
        await self.load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_time(), name="top-ups by time")
            for number in range(self._terms.parallel_max):
                group.create_task(self._work(), name=f"top-ups {number}")

    async def load(self) -> None:
        """Take over everybody's settings; who is below the threshold already is bought for within
        the jitter.
        """
        for settings in await self._reader.replenishments():
            self._settings[settings.account] = settings
            if settings.stopped and settings.is_on:
                self._alarms.stand(_ALARM, settings.account, settings.stopped)
            if self._is_below(settings.account):
                self._put_later(settings.account, self._clock.now(), spread=True)

    # ---------------------------------------------------------------- who needs a look

    def put_settings(self, settings: Replenishment) -> None:
        """They are other than before, durably."""
        account = settings.account
        self._settings[account] = settings
        if settings.is_on and settings.stopped:
            self._alarms.stand(_ALARM, account, settings.stopped)
        else:
            self._alarms.clear(_ALARM, account)
        self.look_again(account)

    def look_again(self, account: str) -> None:
        """What stood against a purchase may be over."""
        self._resting.discard(account)
        self._later.pop(account, None)
        if self._is_below(account):
            self._enqueue(account)

    def look_again_at(self, gateway: str) -> None:
        """The same for all who buy at this gateway."""
        for account, settings in self._settings.items():
            if settings.gateway == gateway:
                self._resting.discard(account)
                if self._is_below(account):
                    self._put_later(account, self._clock.now(), spread=True)

    def _changed(self, state: AccountState) -> None:
        settings = self._settings.get(state.account.id)
        if settings is None or not settings.is_on or settings.stopped:
            return
        account = state.account.id
        if _spare(state) >= settings.threshold_micros:
            self._resting.discard(account)
            self._later.pop(account, None)
            self.queue.drop(account)
        elif not self._rests(account):
            self._enqueue(account)

    def _rests(self, account: str) -> bool:
        return account in self._resting or account in self._later

    def _moved(self, paying: Paying) -> None:
        """A step of a top-up is durable: what rested because of it may go on."""
        if paying.settings is not None:
            self.put_settings(paying.settings)
        row = paying.top_up
        if row is None or not row.is_final or row.account not in self._settings:
            return
        # A step that comes again moves nothing; it may tell that an answer was lost.
        if paying.event is not None or row.account in self._resting:
            self.look_again(row.account)

    def _is_below(self, account: str) -> bool:
        settings = self._settings.get(account)
        if settings is None or not settings.is_on or settings.stopped:
            return False
        if not self._billing.directory.knows(account):
            return False
        state = self._billing.directory.state(account)
        return _spare(state) < settings.threshold_micros

    def _enqueue(self, account: str) -> None:
        is_urgent = bool(self._billing.control.of_account(account))
        self.queue.put(account, self._clock.monotonic(), is_urgent=is_urgent)

    # ---------------------------------------------------------------------- by the clock

    def _put_later(self, account: str, at: datetime, *, spread: bool) -> None:
        if spread:
            at += timedelta(seconds=self._draw() * self._terms.jitter_s)
        self._later[account] = at
        heapq.heappush(self._timetable, (at, account))

    async def _keep_time(self) -> None:
        while True:
            self._take_due()
            self._meter.gauge("rtbill_topups_queued", len(self.queue))
            self._meter.gauge("rtbill_topups_later", len(self._later))
            await self._clock.sleep(TICK_S)

    def _take_due(self) -> None:
        now = self._clock.now()
        while self._timetable and self._timetable[0][0] <= now:
            at, account = heapq.heappop(self._timetable)
            if self._later.get(account) == at:
                del self._later[account]
                if self._is_below(account):
                    self._enqueue(account)

    # ------------------------------------------------------------------------- the work

    async def _work(self) -> None:
        while True:
            account, since_s = await self.queue.take()
            try:
                await self._bucket.take()
                await self._buy(account, since_s)
                self._alarms.clear("top-ups", account)
            except PortFailed as error:
                self._alarms.raise_("top-ups", account, f"no top-up could be begun: {error}")
                self._put_later(account, self._clock.now() + RETRY, spread=False)
            except Exception:  # one account's trouble is not that of others
                _logger.exception("a top-up failed", extra={"account": account})
                self._put_later(account, self._clock.now() + RETRY, spread=True)
            finally:
                again_s = self.queue.done(account)
                if again_s is not None and not self._rests(account):
                    self.queue.put(account, again_s, is_urgent=False)

    async def _buy(self, account: str, since_s: float) -> None:
        if not self._is_below(account):
            return
        paying = await self._driver.want(account, triggered_s=since_s)
        self._meter.count("rtbill_topups_wanted_total", begun=str(paying.top_up is not None))
        if paying.top_up is None:
            self._rest(account, paying)
            return
        self._resting.add(account)  # its end wakes it
        await self._driver.carry_on(paying)

    def _rest(self, account: str, paying: Paying) -> None:
        """Nothing is bought: until when, or until something about the account moves."""
        if not self._is_below(account):
            return
        if paying.not_before is not None:
            self._put_later(account, paying.not_before, spread=True)
        else:
            self._resting.add(account)
        _logger.info("no top-up", extra={"account": account, "why": paying.reason})


def _spare(state: AccountState) -> int:
    """What further talk may be granted of, without grace."""
    return state.grantable_micros - state.grace_micros
