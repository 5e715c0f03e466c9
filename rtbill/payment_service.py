"""Payments at work: what buys credit, looks after it, hears of it, and what people order."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from payments.grace import Grace
from payments.looking import Terms
from payments.replenish import Bounds
from rtbill.billing import Billing
from rtbill.domain.vat import VatPoint
from rtbill.formats.wording import Wording
from rtbill.pay.links import ConfirmationLinks, PayLinks
from rtbill.pay.orders import PayDesk
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Meter
from rtbill.replenishment.card_expiry import CardExpiry
from rtbill.replenishment.gateway_inbox import GatewayInbox
from rtbill.replenishment.gateway_news import GatewayNews
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.pay_methods import PayMethods
from rtbill.replenishment.reconciliation import Reconciliation
from rtbill.replenishment.set_up_looks import SetUpLooks
from rtbill.replenishment.top_up_driver import TopUpDriver
from rtbill.replenishment.top_up_looks import TopUpLooks
from rtbill.replenishment.top_up_steps import SiteTerms, TopUpSteps
from rtbill.replenishment.triggers import AutomaticTopUps, ReplenishmentTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTerms:
    """How the site sells credit, and where its pages are."""

    bounds: Bounds = field(default_factory=Bounds)
    grace: Grace = field(default_factory=Grace)
    vat_point: VatPoint = VatPoint.TOP_UP
    vat_ppm: int = 0
    """Of the net price, contained in what is paid; 0 where nobody said."""
    pace: ReplenishmentTerms = field(default_factory=ReplenishmentTerms)
    url: str = ""
    """Of the pages, without a slash at its end; empty: there are none, and no links."""
    text_version: str = "1"
    """Of the text to which holders agree."""
    link_valid_for: timedelta = timedelta(hours=24)


class PaymentService:
    """Everything about payments beside the one set of books."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        terms: PaymentTerms,
        gateways: Gateways,
        billing: Billing,
        reader: PaymentReader,
        clock: Clock,
        meter: Meter,
        wording: Wording,
    ) -> None:
        self.gateways = gateways
        self._billing = billing
        self._reader = reader
        self._clock = clock
        self._meter = meter
        alarms = billing.alarms
        self.driver = self._driver(terms)
        self.top_ups = AutomaticTopUps(
            driver=self.driver,
            billing=billing,
            reader=reader,
            alarms=alarms,
            clock=clock,
            meter=meter,
            terms=terms.pace,
        )
        self._looks = TopUpLooks(self.driver, reader, alarms, clock, meter)
        self.methods = self._methods(terms)
        self.links = PayLinks(billing.store, reader, clock, terms.url, terms.link_valid_for)
        self._confirmations = ConfirmationLinks(self.links, self.driver, alarms)
        self._set_ups = SetUpLooks(self.methods, reader, billing.store, clock)
        self.inbox = self._inbox()
        self._reconciliation = Reconciliation(
            gateways=gateways,
            driver=self.driver,
            reader=reader,
            alarms=alarms,
            clock=clock,
            meter=meter,
            zone=wording.zone,
        )
        self._expiry = CardExpiry(billing.store, reader, clock, wording.zone)
        self.desk = self._desk(wording)

    def _driver(self, terms: PaymentTerms) -> TopUpDriver:
        billing = self._billing
        site = SiteTerms(
            gateways={
                each.name: Terms(
                    can_find=each.abilities.finds,
                    repeats_for=each.abilities.repeats_for,
                    grace=terms.grace,
                    vat_ppm=terms.vat_ppm,
                )
                for each in self.gateways
            },
            bounds=terms.bounds,
            vat_point=terms.vat_point,
        )
        return TopUpDriver(
            steps=TopUpSteps(
                site, billing.assessor, billing.control, billing.policies, self._clock
            ),
            billing=billing,
            reader=self._reader,
            gateways=self.gateways,
            clock=self._clock,
            meter=self._meter,
        )

    def _methods(self, terms: PaymentTerms) -> PayMethods:
        return PayMethods(
            gateways=self.gateways,
            driver=self.driver,
            top_ups=self.top_ups,
            directory=self._billing.directory,
            store=self._billing.store,
            reader=self._reader,
            clock=self._clock,
            text_version=terms.text_version,
        )

    def _inbox(self) -> GatewayInbox:
        store = self._billing.store
        return GatewayInbox(
            gateways=self.gateways,
            news=GatewayNews(self.driver, self.methods, self._reader, store),
            store=store,
            reader=self._reader,
            alarms=self._billing.alarms,
            clock=self._clock,
            meter=self._meter,
        )

    def _desk(self, wording: Wording) -> PayDesk:
        return PayDesk(
            driver=self.driver,
            methods=self.methods,
            links=self.links,
            top_ups=self.top_ups,
            reconciliation=self._reconciliation,
            gateways=self.gateways,
            directory=self._billing.directory,
            store=self._billing.store,
            reader=self._reader,
            alarms=self._billing.alarms,
            clock=self._clock,
            wording=wording,
        )

    def work(self) -> list[tuple[Coroutine[Any, Any, None], str]]:
        """What has to run, each with its name; nothing where there is no gateway."""
        if not self.gateways:
            return []
        return [
            (self._looks.serve(), "top-ups under way"),
            (self.top_ups.serve(), "automatic top-ups"),
            (self._set_ups.serve(), "cards to be given"),
            (self._confirmations.serve(), "links to confirm"),
            (self.inbox.serve(), "gateway inbox"),
            (self._reconciliation.serve(), "reconciliation"),
            (self._expiry.serve(), "cards that expire"),
        ]
