"""How tax is booked, from the configuration."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from rtbill.billing import Billing
from rtbill.config import Config
from rtbill.domain.vat import VatPoint, VatTerms
from rtbill.ports import Clock, Reader
from rtbill.vat import VatBook


def vat_book(config: Config, billing: Billing, reader: Reader, clock: Clock) -> VatBook:
    """Books tax by what `[payments]` says."""
    return VatBook(
        store=billing.store,
        reader=reader,
        alarms=billing.alarms,
        clock=clock,
        zone=ZoneInfo(config.site.zone),
        wanted=_terms(config, clock),
    )


def _terms(config: Config, clock: Clock) -> VatTerms | None:
    written = config.payments.vat
    if written is None:
        return None
    return VatTerms(
        number=1,
        since=clock.now(),
        point=VatPoint(config.payments.vat_point),
        percent_ppm=written.percent_ppm,
        confirmed_by=written.confirmed_by,
        confirmed_on=written.confirmed_on,
    )
