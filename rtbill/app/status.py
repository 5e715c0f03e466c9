"""How things stand, for the order `status` and for readiness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtbill import __version__
from rtbill.app.books import Books
from rtbill.config import EXPOSURES
from rtbill.credit.cuts import Lateness
from rtbill.domain.money import EXPONENTS, decimal_text
from rtbill.exchanges.lines import Line
from rtbill.live.exposure import Exposures, RiskKind
from rtbill.serving.control import Readiness

_WORDS = {
    RiskKind.LATE: "held calls in progress, were each cut as late as the latest one was",
    RiskKind.START: (
        "connect fee and first increment, of the dearest number there is a rate for, of as many "
        "calls as may be out, should all be answered before they can be hung up"
    ),
    RiskKind.SILENT: "what may be spent while rtbill gives no answer, though some of it is held",
    RiskKind.UNLIMITED: "limits that are not enforced here",
}


class Status:
    """Answers from the running parts; never waits for an exchange."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._exposures = Exposures(
            books.billing, books.hold_terms, books.unaided_rows, books.clock
        )
        self._configured = {pbx.name: pbx for pbx in books.config.pbxs}

    async def status(self, _arguments: object = None) -> dict[str, Any]:
        """Everything an operator asks first."""
        books = self._books
        counts = await books.reader.status_counts()
        waiting = await books.reader.waiting_notices(1000)
        lines = list(books.billing.lines.values())
        services = {line.pbx.name: await books.enforcement.tally(line) for line in lines}
        unaided = [await books.unaided.tally(line) for line in lines]
        return {
            "version": __version__,
            "ready": not self.readiness().problems,
            "pbxs": [await self._pbx(line) for line in lines],
            "store": {
                "queued": books.store.queued,
                "failing": books.store.failing,
                "calls": {str(status): count for status, count in counts.items()},
            },
            "services": {
                "wanted": sum(each.wanted for each in services.values()),
                "confirmed": sum(each.confirmed for each in services.values()),
                "differing": [
                    f"{pbx}/{number}" for pbx, each in services.items() for number in each.differing
                ],
            },
            "unaided": {
                "wanted": sum(each.wanted for each in unaided),
                "confirmed": sum(each.confirmed for each in unaided),
            },
            "payments": await books.payments.desk.status(),
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

    async def _pbx(self, line: Line) -> dict[str, Any]:
        configured = self._configured[line.pbx.name]
        exposure = await self._exposures.of(line, configured.mode)
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
            "at_risk": _money(exposure.micros),
            "risks": [
                {
                    "kind": str(risk.kind),
                    "amount": _money(risk.micros),
                    "accounts": risk.accounts,
                    "text": _WORDS[risk.kind],
                }
                for risk in exposure.risks
            ],
            "holds": exposure.holds,
            "held": _money(exposure.held_micros),
            "cuts": _cuts(exposure.lateness, self._books.config.rating.guard_s),
            "enforcement": str(configured.enforcement),
            "would_lock": len(self._books.enforcement.would_lock(line.pbx.name)),
        }


def _money(micros: Mapping[str, int] | None) -> dict[str, str] | None:
    """By currency; null without a bound."""
    if micros is None:
        return None
    return {
        currency: decimal_text(amount, EXPONENTS[currency]) for currency, amount in micros.items()
    }


def _cuts(lateness: Lateness | None, guard_s: float) -> dict[str, Any]:
    """How late the exchange ended calls by their limit, since this start of rtbill."""
    found: dict[str, Any] = {"count": 0, "p50_s": None, "p99_s": None, "max_s": None}
    if lateness is not None:
        found = {
            "count": lateness.cuts,
            "p50_s": round(lateness.p50_s, 4),
            "p99_s": round(lateness.p99_s, 4),
            "max_s": round(lateness.max_s, 4),
        }
    return found | {"guard_s": guard_s}
