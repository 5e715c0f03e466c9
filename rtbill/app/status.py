"""How things stand, for the orders `status` and `live` and for readiness."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rtbill import __version__
from rtbill.app.books import Books
from rtbill.assignment import Place
from rtbill.config import EXPOSURES
from rtbill.control import Readiness
from rtbill.credit import RunningCall
from rtbill.domain.errors import NoRate
from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.domain.rated import NumberKind
from rtbill.lines import Line


class Status:
    """Answers from the running parts; never waits for an exchange."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._configured = {pbx.name: pbx for pbx in books.config.pbxs}

    async def status(self, _arguments: object = None) -> dict[str, Any]:
        """Everything an operator asks first."""
        books = self._books
        counts = await books.reader.status_counts()
        waiting = await books.reader.waiting_notices(1000)
        lines = list(books.billing.lines.values())
        rounds = books.enforcement
        differing = [
            f"{line.pbx.name}/{number}" for line in lines for number in rounds.differing(line)
        ]
        return {
            "version": __version__,
            "ready": not self.readiness().problems,
            "pbxs": [self._pbx(line) for line in lines],
            "store": {
                "queued": books.store.queued,
                "failing": books.store.failing,
                "calls": {str(status): count for status, count in counts.items()},
            },
            "services": {
                "wanted": sum(len(rounds.wanted(line.pbx.name)) for line in lines),
                "confirmed": sum(rounds.confirmed_count(line) for line in lines),
                "differing": differing,
            },
            "unaided": {
                "wanted": sum(len(books.unaided.wanted(line.pbx.name)) for line in lines),
                "confirmed": sum(books.unaided.confirmed_count(line) for line in lines),
            },
            "outbox": len(waiting),
            "alarms": [
                {
                    "kind": alarm.kind,
                    "subject": alarm.subject,
                    "text": alarm.text,
                    "since": alarm.since.isoformat(),
                }
                for alarm in books.alarms.active()
            ],
        }

    async def live(self, _arguments: object = None) -> dict[str, Any]:
        """Every call in progress with its cost so far."""
        now = self._books.clock.now()
        running = self._books.billing.control.running()
        return {"calls": [self.live_call(call, now) for call in running]}

    def readiness(self) -> Readiness:
        """Ready when the books can be written and every exchange is heard."""
        problems = []
        parts = {}
        if self._books.store.failing is not None:
            problems.append(f"store: {self._books.store.failing}")
        for line in self._books.billing.lines.values():
            name = f"pbx {line.pbx.name}"
            parts[name] = "up" if line.is_up else "down"
            if not line.is_up:
                problems.append(f"{name}: link down")
        return Readiness(tuple(problems), parts)

    def live_call(self, running: RunningCall, now: datetime) -> dict[str, Any]:
        """One call in progress as JSON values; cost is null when its price is unknown."""
        leg = running.leg
        assert leg.answered_at is not None
        directory = self._books.billing.directory
        account = directory.account(running.account)
        cost, destination = self.cost_so_far(running, now)
        digits = EXPONENTS[account.currency]
        return {
            "call": str(leg.id),
            "pbx": leg.id.pbx,
            "payer": leg.payer,
            "account": running.account,
            "person": running.person,
            "number": running.called.number or leg.dialled,
            "destination": destination,
            "trunk": leg.trunk,
            "trunk_title": self._books.config.trunk_title(leg.id.pbx, leg.trunk),
            "answered_at": leg.answered_at.isoformat(),
            "talk_s": round(max(0.0, (now - leg.answered_at).total_seconds()), 3),
            "cost": None if cost is None else decimal_text(cost, digits),
            "currency": account.currency,
            "balance": decimal_text(directory.state(running.account).balance_micros, digits),
            "limit_s": running.wanted_s,
            "enforced": running.stance.is_enforcing,
            "state": "talking",
        }

    def cost_so_far(self, running: RunningCall, now: datetime) -> tuple[int | None, str]:
        """Micro-units it would owe if it ended now, and its destination; None if unknown."""
        leg = running.leg
        assert leg.answered_at is not None
        if running.called.kind is not NumberKind.CHARGEABLE:
            return 0, str(running.called.kind)
        billing = self._books.billing
        account, place = billing.directory.account(running.account), Place(leg.id.pbx, leg.trunk)
        talk_us = max(0, int((now - leg.answered_at).total_seconds() * 1_000_000))
        called, adjustment = running.called, billing.control.adjustment(running)
        try:
            bundling = billing.assessor.bundling(
                account, called, leg.answered_at, talk_us, place, adjustment
            )
            found = bundling.price()
        except NoRate:
            return None, "no rate"
        return found.debit_micros, found.price.destination

    def _pbx(self, line: Line) -> dict[str, Any]:
        configured = self._configured[line.pbx.name]
        return {
            "name": line.pbx.name,
            "link": "up" if line.is_up else "down",
            "since": line.since.isoformat() if line.since else None,
            "live_calls": line.tracker.count(),
            "trunks": [
                {
                    "name": trunk.name,
                    "title": trunk.title or None,
                    "live_calls": sum(leg.trunk == trunk.name for leg in line.tracker.live()),
                }
                for trunk in configured.trunks
            ],
            "mode": configured.mode,
            "exposure": EXPOSURES[configured.mode],
            "enforcement": str(configured.enforcement),
            "would_lock": len(self._books.enforcement.would_lock(line.pbx.name)),
        }
