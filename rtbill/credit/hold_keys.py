"""Which hold is whose: of the channel that asked for it, then of the leg that it dialled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from balance import holds
from rtbill.credit.control import CreditControl
from rtbill.credit.running_call import RunningCall
from rtbill.domain.account import AccountState
from rtbill.domain.call import CallId
from rtbill.domain.directory import Directory
from rtbill.domain.events import CallStarted
from rtbill.domain.hold import ENDS, Hold, HoldEvent
from rtbill.domain.work import Committed

Held = tuple[str, str]
"""Account and key."""
NOT_HELD: Held = ("", "")


class HoldKeys:
    """Account and key of what is held for channels and for legs that ring.

    Who asks is charged by our clock, a leg by that of its exchange, and extensions change hands: a
    leg may have something on several accounts until its answer says which of them pays. One whose
    beginning was not heard finds its hold by its channel.
    """

    def __init__(self, directory: Directory, control: CreditControl) -> None:
        self._directory = directory
        self._control = control
        self._of_legs: dict[CallId, dict[str, str]] = {}
        """By account."""
        self._reserving: dict[str, Held] = {}
        """By channel, `pbx/uniqueid`: what is asked for and not yet durable."""
        self._asked: dict[str, Held] = {}
        """By channel: what is durable, and of no leg that was answered."""
        for state in directory.holding():
            for hold in state.holds:
                self._note(hold)

    def of_channel(self, state: AccountState, channel: str) -> str:
        """Under which the channel may hold for its next call."""
        account, key = self._reserving.get(channel, NOT_HELD)
        if account == state.account.id:
            return key
        _, taken = self.on_another(state.account.id, channel)
        return holds.key_for(state, channel, taken)

    def on_another(self, account: str, channel: str) -> Held:
        """What the channel asked for last, on another account than this; `NOT_HELD` when nothing
        is.
        """
        held = self._reserving.get(channel) or self._asked.get(channel, NOT_HELD)
        return NOT_HELD if held[0] == account else held

    def reserving(
        self, channel: str, account: str, key: str, future: asyncio.Future[Committed]
    ) -> None:
        """The channel asked for a hold, of which the future tells."""
        self._reserving[channel] = held = account, key

        def is_over(_future: object) -> None:
            if self._reserving.get(channel) is held:
                del self._reserving[channel]

        future.add_done_callback(is_over)

    def follow(self, event: HoldEvent) -> None:
        """A step is durable: what it is of may be asked for, or not any more."""
        hold = event.hold
        if event.step in ENDS or not self._note(hold):
            channel = _channel_of(hold.key)
            if self._asked.get(channel) == (hold.account, hold.key):
                del self._asked[channel]

    def _note(self, hold: Hold) -> bool:
        if hold.call is None:
            self._asked[_channel_of(hold.key)] = hold.account, hold.key
        return hold.call is None

    def take_up(self, event: CallStarted, account: str) -> bool:
        """Whether the account was asked for a hold before the leg was dialled, be it durable yet or
        not. What its channel asked for, there or on another account, is the leg's from now on.
        """
        channel = f"{event.id.pbx}/{event.asked_by}"
        other, key = self.on_another(account, channel)
        if other:
            self.put(event.id, other, key)
        key = self._asked_for(account, channel)
        if key:
            self.put(event.id, account, key)
        return bool(key)

    def put(self, leg: CallId, account: str, key: str) -> None:
        """The leg rings, and this is asked to be held for it."""
        self._of_legs.setdefault(leg, {})[account] = key

    def of_leg(self, leg: CallId, account: str) -> str:
        """What the account holds for the leg, as it was when that rang; empty when it was not
        asked.
        """
        return self._of_legs.get(leg, {}).get(account, "")

    def pop(self, leg: CallId) -> dict[str, str]:
        """What is held for the leg, by account, for the last time."""
        return self._of_legs.pop(leg, {})

    def of_legs(self) -> Iterator[tuple[CallId, str]]:
        """The keys of all legs that ring."""
        for leg, held in self._of_legs.items():
            for key in held.values():
                yield leg, key

    def find(self, running: RunningCall) -> str:
        """The key of the hold that its account has for an answered leg, also from before a restart;
        empty without one.
        """
        leg, account = running.leg, running.account
        state = self._directory.state(account)
        known = self.of_leg(leg.id, account)
        if known and self._is_open(state, known):
            return known
        hold = holds.of_call(state, leg.id)
        return self._unclaimed(state, running) if hold is None else hold.key

    def take_from_others(self, running: RunningCall) -> list[Held]:
        """What other accounts than the one that pays hold for an answered leg, for the last time:
        what it had when it rang, and what its channel asked for.
        """
        leg, account = running.leg, running.account
        of_leg = self._of_legs.get(leg.id, {})
        found = {other: of_leg.pop(other) for other in list(of_leg) if other != account}
        other, key = self.on_another(account, f"{leg.id.pbx}/{leg.asked_by}")
        if other and not self._is_of_another_leg(leg.id, other, key):
            found[other] = key
        return list(found.items())

    def _is_of_another_leg(self, leg: CallId, account: str, key: str) -> bool:
        """Of one that rings, or of one in progress."""
        return any(
            held.get(account) == key for each, held in self._of_legs.items() if each != leg
        ) or any(
            each.hold_key == key for each in self._control.of_account(account) if each.leg.id != leg
        )

    def _is_open(self, state: AccountState, key: str) -> bool:
        under_way = self._reserving.get(_channel_of(key))
        return state.hold(key) is not None or under_way == (state.account.id, key)

    def _unclaimed(self, state: AccountState, running: RunningCall) -> str:
        """What was asked for by the channel that dialled the leg, unless another leg that is linked
        to that channel has it.
        """
        asked = self._asked_for(running.account, f"{running.leg.id.pbx}/{running.leg.asked_by}")
        if not asked or not self._control.is_held(state, running.called, running.stance):
            return ""
        others = self._control.of_account(running.account)
        return "" if any(each.hold_key == asked for each in others) else asked

    def _asked_for(self, account: str, channel: str) -> str:
        """Also what is durable though the answer that told so was lost."""
        holder, key = self._reserving.get(channel, NOT_HELD)
        if holder == account:
            return key
        hold = holds.asked_for(self._directory.state(account), channel)
        return hold.key if hold else ""


def _channel_of(key: str) -> str:
    """Who asked for it, `pbx/uniqueid`; empty where nobody did."""
    return key.rpartition("#")[0]
