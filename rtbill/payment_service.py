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
from rtbill.domain.top_up import VatPoint
from rtbill.formats.wording import Wording
from rtbill.gateway_inbox import GatewayInbox
from rtbill.gateway_news import GatewayNews
from rtbill.gateways import Gateways
from rtbill.pay_desk import PayDesk
from rtbill.pay_links import ConfirmationLinks, PayLinks
from rtbill.pay_methods import PayMethods
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Meter
from rtbill.reconciliation import Reconciliation
from rtbill.replenishment import AutomaticTopUps, ReplenishmentTerms
from rtbill.top_up_driver import TopUpDriver
from rtbill.top_up_looks import TopUpLooks
from rtbill.top_up_steps import SiteTerms, TopUpSteps


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTerms:
    """How the site sells credit, and where its pages are."""

    bounds: Bounds = field(default_factory=Bounds)
    grace: Grace = field(default_factory=Grace)
    vat_point: VatPoint = VatPoint.TOP_UP
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
        store, alarms, directory = billing.store, billing.alarms, billing.directory
        site = SiteTerms(
            gateways={
                each.name: Terms(can_find=each.abilities.finds, grace=terms.grace)
                for each in gateways
            },
            bounds=terms.bounds,
            vat_point=terms.vat_point,
        )
        steps = TopUpSteps(site, billing.assessor, billing.control, billing.policies, clock)
        self.gateways = gateways
        self.driver = TopUpDriver(
            steps=steps,
            billing=billing,
            reader=reader,
            gateways=gateways,
            clock=clock,
            meter=meter,
        )
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
        self.methods = PayMethods(
            gateways=gateways,
            driver=self.driver,
            top_ups=self.top_ups,
            directory=directory,
            store=store,
            reader=reader,
            clock=clock,
            text_version=terms.text_version,
        )
        self.links = PayLinks(store, reader, clock, terms.url, terms.link_valid_for)
        self._confirmations = ConfirmationLinks(self.links, self.driver, alarms)
        self.inbox = GatewayInbox(
            gateways=gateways,
            news=GatewayNews(self.driver, self.methods, reader, store),
            store=store,
            reader=reader,
            alarms=alarms,
            clock=clock,
            meter=meter,
        )
        self._reconciliation = Reconciliation(
            gateways=gateways,
            driver=self.driver,
            reader=reader,
            alarms=alarms,
            clock=clock,
            meter=meter,
            zone=wording.zone,
        )
        self.desk = PayDesk(
            driver=self.driver,
            methods=self.methods,
            links=self.links,
            top_ups=self.top_ups,
            reconciliation=self._reconciliation,
            gateways=gateways,
            directory=directory,
            store=store,
            reader=reader,
            alarms=alarms,
            clock=clock,
            wording=wording,
        )

    def work(self) -> list[tuple[Coroutine[Any, Any, None], str]]:
        """What has to run, each with its name; nothing where there is no gateway."""
        if not self.gateways:
            return []
        return [
            (self._looks.serve(), "top-ups under way"),
            (self.top_ups.serve(), "automatic top-ups"),
            (self._confirmations.serve(), "links to confirm"),
            (self.inbox.serve(), "gateway inbox"),
            (self._reconciliation.serve(), "reconciliation"),
        ]
