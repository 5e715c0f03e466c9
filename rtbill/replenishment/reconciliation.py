"""Each day the provider's list is compared with our books, and by hand for any span (RP-70); and
what it holds for us is proven by its own movements (RP-71).

A payment that the provider has and that bears the reference of a top-up of ours is credited by the
same step as if its answer had come. Everything else is a person's: an alarm, and a table.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from payments.provider_balance import NO_PROOF, Proof, prove
from payments.reconcile import REACH, compare
from payments.replenish import day_began
from rtbill.alarms import Alarms
from rtbill.domain.errors import BadRecord, PortFailed, Refused
from rtbill.domain.payment import Approved, ListedPayment
from rtbill.domain.reconciliation import (
    DifferenceKind,
    OurPayment,
    PaymentDifference,
    Reconciled,
)
from rtbill.domain.top_up import Reversal, ReversalKind, ReversalStage, TopUp
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Meter
from rtbill.replenishment.gateways import LIST_MAX_S, Gateways
from rtbill.replenishment.top_up_driver import TopUpDriver

AFTER_MIDNIGHT = timedelta(hours=3)
"""The provider has written its day up by then."""
AGAIN_S = 1800.0
TRIES_MAX = 12
"""Of one day, while the provider cannot be asked."""
REFUND_REACH = timedelta(days=31)
"""A refund of the span may have come to its last stage so much later."""
SPAN_MAX = timedelta(days=366)
_DONE = (ReversalStage.PENDING, ReversalStage.DONE)

_logger = logging.getLogger(__name__)


class Reconciliation:
    """Compares, credits what is ours without doubt, and tells of the rest."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        gateways: Gateways,
        driver: TopUpDriver,
        reader: PaymentReader,
        alarms: Alarms,
        clock: Clock,
        meter: Meter,
        zone: tzinfo,
    ) -> None:
        """Days begin in `zone`."""
        self._gateways = gateways
        self._driver = driver
        self._reader = reader
        self._alarms = alarms
        self._clock = clock
        self._meter = meter
        self._zone = zone

    async def serve(self) -> None:
        """The day before, now and after each midnight at the site."""
        while True:
            until = day_began(self._clock.now(), self._zone)
            since = day_began(until - timedelta(hours=12), self._zone)
            for gateway in self._gateways:
                await self._day(gateway.name, since, until)
            due = day_began(until + timedelta(hours=36), self._zone) + AFTER_MIDNIGHT
            await self._clock.sleep(max(1.0, (due - self._clock.now()).total_seconds()))

    async def _day(self, gateway: str, since: datetime, until: datetime) -> None:
        subject = f"{gateway} reconciliation"
        for _ in range(TRIES_MAX):
            try:
                await self.reconcile(gateway, since, until)
            except (PortFailed, Refused, BadRecord) as error:
                self._alarms.raise_("gateway", subject, f"its list cannot be had: {error}")
                await self._clock.sleep(AGAIN_S)
            except Exception:
                _logger.exception("payments cannot be compared", extra={"gateway": gateway})
                await self._clock.sleep(AGAIN_S)
            else:
                self._alarms.clear("gateway", subject)
                return

    async def reconcile(self, gateway: str, since: datetime, until: datetime) -> Reconciled:
        """What the books of this gateway and ours say of [since, until). Refused when it has no
        list, or for a span that is none.
        """
        if not timedelta(0) < until - since <= SPAN_MAX:
            raise Refused(f"a span is up to {SPAN_MAX.days} days, and ends after it begins")
        reach = since - REACH, until + REACH
        self._gateways.named(gateway)
        theirs = await self._gateways.ask(
            gateway, "list", lambda asked: asked.listed(*reach), LIST_MAX_S
        )
        ours = [_payment(row) for row in await self._reader.top_ups_paid(gateway, *reach)]
        ours += await self._given_back(gateway, since - REACH, until + REFUND_REACH)
        compared = compare(ours, theirs, since, until)
        proof = await self._proof(gateway, theirs, since, until)
        seen = [await self._seen_to(gateway, each) for each in compared.differences]
        found = [each for each in seen if each is not None]
        agreeing = compared.agreeing + len(seen) - len(found)
        result = Reconciled(
            gateway=gateway,
            since=since,
            until=until,
            compared=agreeing,
            differences=[*found, *proof.differences],
            balance=proof.sums,
            balance_problem=proof.problem,
        )
        self._tell(result)
        return result

    async def _proof(
        self, gateway: str, listed: Sequence[ListedPayment], since: datetime, until: datetime
    ) -> Proof:
        """Of the provider's balance, where it keeps one for us. Where that cannot be had, payments
        are compared all the same.
        """
        if not self._gateways.named(gateway).abilities.keeps_balance:
            return NO_PROOF
        subject = f"{gateway} balance"
        try:
            moved = await self._gateways.ask(
                gateway,
                "balance",
                lambda asked: asked.movements(since - REACH, until + REACH),
                LIST_MAX_S,
            )
        except (PortFailed, Refused) as error:
            text = f"what moved it cannot be had: {error}"
            self._alarms.raise_("gateway", subject, text)
            return Proof((), (), text)
        self._alarms.clear("gateway", subject)
        # A dispute that began in the span may have come to another stage at any time since.
        last = max(until, self._clock.now()) + REACH
        reversals = await self._reader.reversals_of(gateway, since - REACH, last)
        known = {each.provider_id or each.key: each.money for each in reversals}
        return prove(moved, listed, known, since, until)

    async def _given_back(self, gateway: str, since: datetime, until: datetime) -> list[OurPayment]:
        found = []
        for each in await self._reader.reversals_of(gateway, since, until):
            if each.kind is ReversalKind.REFUND and each.stage in _DONE:
                row = await self._reader.top_up(each.top_up)
                found.append(_refund(each, row.account if row else ""))
        return found

    async def _seen_to(self, gateway: str, found: PaymentDifference) -> PaymentDifference | None:
        """The same with what was done about it; None where our books have it after all, at another
        time than the provider's.
        """
        if found.kind is not DifferenceKind.MISSING_HERE or found.is_refund:
            return found
        row = await self._reader.top_up(found.reference)
        if row is None or row.gateway != gateway:
            return replace(found, note="no top-up of this reference is in the books")
        theirs = found.theirs
        assert theirs is not None
        found = replace(found, account=row.account, ours=row.money)
        if row.was_paid:
            return _otherwise(found, row)
        told = Approved(found.provider_id or row.provider_id, theirs)
        paying = await self._driver.heard(row, told)
        is_credited = paying.top_up is not None and paying.top_up.was_paid
        note = "credited now" if is_credited else f"not credited: {paying.reason}"
        return replace(found, is_settled=is_credited, note=note)

    def _tell(self, result: Reconciled) -> None:
        for kind in DifferenceKind:
            count = sum(each.kind is kind for each in result.differences)
            if count:
                name = "rtbill_payment_differences_total"
                self._meter.count(name, count, gateway=result.gateway, kind=kind)
        subject = f"{result.gateway} {result.since:%Y-%m-%d}"
        if not result.open:
            self._alarms.clear("reconciliation", subject)
            return
        kinds = ", ".join(sorted({each.kind for each in result.open}))
        text = f"{len(result.open)} payments differ ({kinds}); `rtbill pay reconcile` shows them"
        self._alarms.raise_("reconciliation", subject, text)


def _otherwise(found: PaymentDifference, row: TopUp) -> PaymentDifference | None:
    if row.money == found.theirs:
        return None
    return replace(found, kind=DifferenceKind.AMOUNT_DIFFERS)


def _payment(row: TopUp) -> OurPayment:
    assert row.paid_at is not None
    return OurPayment(
        reference=row.reference,
        provider_id=row.provider_id,
        account=row.account,
        money=row.money,
        at=row.paid_at,
    )


def _refund(reversal: Reversal, account: str) -> OurPayment:
    return OurPayment(
        reference=reversal.key,
        provider_id=reversal.provider_id,
        account=account,
        money=reversal.money,
        at=reversal.at,
        is_refund=True,
    )
