"""Which hold is whose: of the channel that asked for it, then of the leg that it dialled."""

from __future__ import annotations

import asyncio

from balance import holds
from rtbill.credit.control import CreditControl
from rtbill.credit.running_call import RunningCall
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.events import CallStarted
from rtbill.domain.work import Committed

NOT_HELD = ("", "")


class HoldKeys:
    """Account and key of what is held for channels and for legs that ring. A leg whose beginning
    was not heard, or that another account pays at its answer, finds its hold by its channel.
    """

    def __init__(self, directory: Directory, control: CreditControl) -> None:
        self._directory = directory
        self._control = control
        self._of_legs: dict[CallId, tuple[str, str]] = {}
        self._reserving: dict[str, str] = {}
        """By channel, `pbx/uniqueid`: keys of holds that are asked for and not yet durable."""

    def of_channel(self, state: AccountState, channel: str) -> str:
        """Under which the channel may hold for its next call."""
        return self._reserving.get(channel) or holds.key_for(state, channel)

    def reserving(self, channel: str, key: str, future: asyncio.Future[Committed]) -> None:
        """The channel asked for a hold, of which the future tells."""
        self._reserving[channel] = key
        future.add_done_callback(lambda _future: self._reserving.pop(channel, None))

    def take_up(self, event: CallStarted, account: str) -> bool:
        """Whether a hold was asked for before the leg was dialled, be it durable yet or not: it is
        the leg's from now on.
        """
        key = self._asked_for(account, event.id.pbx, event.asked_by)
        if key:
            self.put(event.id, account, key)
        return bool(key)

    def put(self, leg: CallId, account: str, key: str) -> None:
        """The leg rings, and this is asked to be held for it."""
        self._of_legs[leg] = account, key

    def of_leg(self, leg: CallId) -> tuple[str, str]:
        """Account and key, as they were when the leg rang; `NOT_HELD` when it asked for none."""
        return self._of_legs.get(leg, NOT_HELD)

    def pop(self, leg: CallId) -> tuple[str, str]:
        """As `of_leg`, for the last time."""
        return self._of_legs.pop(leg, NOT_HELD)

    def of_legs(self) -> dict[CallId, str]:
        """The keys of all legs that ring."""
        return {leg: key for leg, (_, key) in self._of_legs.items()}

    def find(self, running: RunningCall) -> str:
        """The key of the hold that its account has for an answered leg, also from before a restart;
        empty without one.
        """
        state = self._directory.state(running.account)
        account, known = self.of_leg(running.leg.id)
        if known and account == running.account and self._is_open(state, known):
            return known
        hold = holds.of_call(state, running.leg.id)
        return self._unclaimed(state, running) if hold is None else hold.key

    def _is_open(self, state: AccountState, key: str) -> bool:
        return state.hold(key) is not None or key in self._reserving.values()

    def _unclaimed(self, state: AccountState, running: RunningCall) -> str:
        """What was asked for by the channel that dialled the leg, unless another leg that is linked
        to that channel has it.
        """
        asked = self._asked_for(running.account, running.leg.id.pbx, running.leg.asked_by)
        if not asked or not self._control.is_held(state, running.called, running.stance):
            return ""
        others = self._control.of_account(running.account)
        return "" if any(each.hold_key == asked for each in others) else asked

    def _asked_for(self, account: str, pbx: str, channel: str) -> str:
        channel = f"{pbx}/{channel}"
        hold = holds.asked_for(self._directory.state(account), channel)
        return self._reserving.get(channel, hold.key if hold else "")
