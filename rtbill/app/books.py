"""The books opened for work: store, directory, tariffs, policies, desk; without exchanges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from balance.holds import SliceTerms
from payments.grace import Grace
from payments.replenish import Bounds
from rtbill.alarms import Alarms
from rtbill.app.gateways import open_gateways
from rtbill.app.holdings import read_allowances
from rtbill.app.hook_file import site_hook
from rtbill.app.vat_terms import vat_book
from rtbill.billing import Billing
from rtbill.chronicle import Chronicle
from rtbill.config import Config, Site, holiday_calendars
from rtbill.consequences import Policies
from rtbill.credit.control import CreditControl
from rtbill.credit.grants import Limits
from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.stances import stances_of
from rtbill.credit.unaided import UnaidedLimits, UnaidedRows, UnaidedTerms
from rtbill.desk.balance_reports import BalanceReports
from rtbill.desk.orders import Desk
from rtbill.domain.account import HOUSE, SUSPENSE, Account, AccountKind, AccountState, Service
from rtbill.domain.changes import CreateAccount
from rtbill.domain.directory import Directory
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.pins import Pins
from rtbill.domain.rated import CallStatus
from rtbill.domain.stance import Unaided
from rtbill.domain.told import CALL_KINDS
from rtbill.domain.trunk_numbers import AS_DIALLED
from rtbill.domain.vat import VatPoint
from rtbill.exchanges.enforcement import Policy
from rtbill.formats.wording import Wording
from rtbill.jobs import Enforcement, UnaidedRounds
from rtbill.payment_service import PaymentService, PaymentTerms
from rtbill.ports import CallFilter, Clock, Meter, Reader, Store
from rtbill.pricing.allowances import PERIODS_KEPT
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment, Place
from rtbill.pricing.site_hook import SiteHook
from rtbill.rating.bands import Calendars
from rtbill.rating.price_book import PriceBook
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.triggers import ReplenishmentTerms
from rtbill.storage.reader import SqliteReader
from rtbill.storage.store import SqliteStore
from rtbill.storage.writer import StoreSettings
from rtbill.vat import VatBook

WAITING_RECALLED_MAX = 100
"""Calls in doubt or without a rate that are alarmed one by one after a start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Everything that works on the one database."""

    config: Config
    store: SqliteStore
    reader: SqliteReader
    billing: Billing
    enforcement: Enforcement
    unaided: UnaidedRounds
    unaided_rows: UnaidedRows
    hold_terms: HoldTerms
    desk: Desk
    payments: PaymentService
    vat: VatBook
    alarms: Alarms
    clock: Clock


@asynccontextmanager
async def open_books(
    config: Config, clock: Clock, meter: Meter, gateways: Gateways | None = None
) -> AsyncIterator[Books]:
    """The books, written by this process alone; Unavailable when another one writes them. Credit
    is bought at the gateways of the configuration, unless it is others.
    """
    settings = StoreSettings(path=config.store.path, queue_max=config.store.queue_max)
    config.store.path.parent.mkdir(parents=True, exist_ok=True)
    async with (
        SqliteStore(settings, clock, meter) as store,
        SqliteReader(config.store.path) as reader,
    ):
        directory = Directory(
            await reader.accounts(), await reader.memberships(), await reader.bindings()
        )
        await _open_site_accounts(store, directory, config.site.currency)
        calendars = holiday_calendars(config.holidays)
        alarms = Alarms(clock)
        hold_terms = _hold_terms(config, directory, clock)
        hook = site_hook(config, clock, alarms)
        assessor = await _assessor(config, reader, directory, calendars, clock.now(), hook)
        billing = Billing(
            store=store,
            directory=directory,
            assessor=assessor,
            control=_credit_control(config, assessor, directory),
            policies=_policies(config),
            alarms=alarms,
            chronicle=Chronicle(meter=meter),
            clock=clock,
            meter=meter,
            hold_terms=hold_terms,
        )
        unaided_rows = _unaided_rows(config, billing)
        enforcement = Enforcement(billing, alarms, clock, await reader.desk_locks())
        desk = _desk(config, billing, enforcement, reader, calendars, clock)
        desk.add_order("balance.report", _reports(config, billing, reader, clock).order)
        gateways = await open_gateways(config, clock, meter) if gateways is None else gateways
        payments = _payments(config, billing, reader, gateways, clock, meter)
        desk.add_orders(payments.desk.orders())
        await billing.reassess(state.account.id for state in directory.states())
        await _recall_waiting_calls(reader, alarms)
        try:
            yield Books(
                config=config,
                store=store,
                reader=reader,
                billing=billing,
                enforcement=enforcement,
                unaided=UnaidedRounds(unaided_rows, billing.directory, alarms, clock),
                unaided_rows=unaided_rows,
                hold_terms=hold_terms,
                desk=desk,
                payments=payments,
                vat=vat_book(config, billing, reader, clock),
                alarms=alarms,
                clock=clock,
            )
        finally:
            await payments.gateways.close()


def _desk(  # noqa: PLR0913 - the composition root hands over each collaborator once
    config: Config,
    billing: Billing,
    enforcement: Enforcement,
    reader: Reader,
    calendars: Calendars,
    clock: Clock,
) -> Desk:
    return Desk(
        billing=billing,
        enforcement=enforcement,
        store=billing.store,
        reader=reader,
        clock=clock,
        zone=config.site.zone,
        currency=config.site.currency,
        pbxs=[pbx.name for pbx in config.pbxs],
        calendars=calendars,
        pins=Pins(config.payers.pin_secret, config.payers.pin_digits_min),
        trunks=[(pbx.name, trunk.name) for pbx in config.pbxs for trunk in pbx.trunks],
    )


def _payments(  # noqa: PLR0913 - the composition root hands over each collaborator once
    config: Config,
    billing: Billing,
    reader: Reader,
    gateways: Gateways,
    clock: Clock,
    meter: Meter,
) -> PaymentService:
    written = config.payments
    terms = PaymentTerms(
        bounds=Bounds(
            zone=ZoneInfo(config.site.zone),
            charge_min_micros=written.charge_min_micros,
            charge_max_micros=written.charge_max_micros,
        ),
        grace=Grace(span=timedelta(minutes=written.grace_min), micros=written.grace_micros),
        vat_point=VatPoint(written.vat_point),
        vat_ppm=written.vat.percent_ppm if written.vat else 0,
        pace=ReplenishmentTerms(
            parallel_max=written.purchases_at_once, per_minute_max=written.purchases_per_minute
        ),
        url=written.url,
        text_version=written.text_version,
        link_valid_for=timedelta(hours=written.link_hours),
    )
    return PaymentService(
        terms=terms,
        gateways=gateways,
        billing=billing,
        reader=reader,
        clock=clock,
        meter=meter,
        wording=Wording(config.site.zone, [pbx.name for pbx in config.pbxs]),
    )


def _reports(
    config: Config, billing: Billing, reader: SqliteReader, clock: Clock
) -> BalanceReports:
    wording = Wording(config.site.zone, [pbx.name for pbx in config.pbxs])
    return BalanceReports(
        billing=billing, store=billing.store, reader=reader, clock=clock, wording=wording
    )


async def _assessor(  # noqa: PLR0913 - the composition root hands over each collaborator once
    config: Config,
    reader: Reader,
    directory: Directory,
    calendars: Calendars,
    now: datetime,
    hook: SiteHook | None,
) -> Assessor:
    book = PriceBook(await reader.tariffs(), calendars, await reader.price_plans())
    book.make_ready(now)
    return Assessor(
        directory,
        number_plan(config.site),
        book,
        assignment(config),
        wrong_code=config.payers.wrong_code,
        allowances=await read_allowances(reader, calendars, now - PERIODS_KEPT),
        hook=hook,
    )


def _credit_control(config: Config, assessor: Assessor, directory: Directory) -> CreditControl:
    refusing: tuple[str, ...] = ()
    if config.rating.unrated_prepaid == "refuse":
        refusing = tuple(pbx.name for pbx in config.pbxs if pbx.mode == "inline")
    limits, stances = _limits(config), stances_of(config)
    return CreditControl(
        assessor,
        directory,
        limits,
        stances,
        refusing_unrated=refusing,
        ceilings={
            name: each.price_per_minute_max_micros for name, each in config.account_classes.items()
        },
    )


def assignment(config: Config) -> Assignment:
    """Which tariff or plan each call is priced by, as far as the configuration says."""
    trunks = {Place(pbx.name, trunk.name): trunk for pbx in config.pbxs for trunk in pbx.trunks}
    return Assignment(
        default=config.rating.default_tariff,
        by_class={
            name: each.tariff for name, each in config.account_classes.items() if each.tariff
        },
        by_pbx={pbx.name: pbx.tariff for pbx in config.pbxs if pbx.tariff},
        by_trunk={place: trunk.tariff for place, trunk in trunks.items() if trunk.tariff},
        carriers={place: trunk.carrier for place, trunk in trunks.items() if trunk.carrier},
        numbers={
            place: trunk.numbers for place, trunk in trunks.items() if trunk.numbers != AS_DIALLED
        },
        trunks=tuple(trunks),
    )


def number_plan(site: Site) -> NumberPlan:
    """The site's dialling rules for legs on trunks.

    Patterns of internal numbers are left out: what left by a trunk is not internal, whatever it
    looks like, and must not be free.
    """
    return NumberPlan(
        country=site.country,
        country_code=site.country_code,
        national_prefix=site.national_prefix,
        international_prefixes=site.international_prefixes,
        area_code=site.area_code,
        national_length=site.national_length,
        outside_prefixes=site.outside_prefixes,
        short_codes=site.short_codes,
        emergency=site.emergency,
        freephone=site.freephone,
    )


async def _open_site_accounts(store: Store, directory: Directory, currency: str) -> None:
    names = {HOUSE: "House: extensions of nobody", SUSPENSE: "Suspense: payer unknown"}
    for account_id, name in names.items():
        if not directory.knows(account_id):
            account = Account(
                id=account_id, name=name, kind=AccountKind.POSTPAID, currency=currency
            )
            await store.change(CreateAccount(account))
            directory.put(AccountState(account, 0, 0, Service()))


async def _recall_waiting_calls(reader: Reader, alarms: Alarms) -> None:
    """Raise again what waits for a person, which a restart must not hide."""
    counts = await reader.status_counts()
    for status in (CallStatus.UNCONFIRMED, CallStatus.UNRATED):
        if counts.get(status):
            for call in await reader.calls(CallFilter(status=status, limit=WAITING_RECALLED_MAX)):
                alarms.raise_about(call)


def _limits(config: Config) -> Limits:
    rating = config.rating
    return Limits(rating.guard_s, rating.call_max_s, rating.unrated_talk_max_s)


def _hold_terms(config: Config, directory: Directory, clock: Clock) -> HoldTerms:
    credit, classes = config.credit, config.account_classes

    def calls_max(state: AccountState) -> int:
        own = classes.get(state.account.account_class, classes["standard"]).calls_max
        return own or max(2, len(directory.extensions_of(state.account.id, clock.now())))

    def is_open(account: Account) -> bool:
        return classes.get(account.account_class, classes["standard"]).unaided is Unaided.OPEN

    return HoldTerms(
        slices=SliceTerms(
            slice_min_s=credit.slice_min_s,
            slice_max_s=credit.slice_max_s,
            call_min_s=credit.call_min_s,
            call_max_s=config.rating.call_max_s,
        ),
        warn_s=credit.warn_s,
        ring_max_s=credit.ring_max_s,
        commit_max_s=credit.commit_max_s,
        calls_max=calls_max,
        is_open=is_open,
    )


def _unaided_rows(config: Config, billing: Billing) -> UnaidedRows:
    rating = config.rating
    refuses = rating.unrated_prepaid == "refuse"
    return UnaidedRows(
        billing.assessor,
        billing.directory,
        billing.control.stances,
        UnaidedLimits(
            guard_s=rating.guard_s,
            call_max_s=rating.call_max_s,
            unrated_s=0 if refuses else rating.unrated_talk_max_s,
        ),
        {each.name: each.prefixes for each in config.destination_classes},
        {
            name: UnaidedTerms(
                each.unaided,
                each.unaided_cap_micros,
                each.unaided_calls,
                each.price_per_minute_max_micros,
            )
            for name, each in config.account_classes.items()
        },
    )


def _policies(config: Config) -> Policies:
    return Policies(
        {
            name: Policy(each.exhausted, each.exhausted_below_micros, each.low_balance_micros)
            for name, each in config.account_classes.items()
        },
        frozenset(
            event for webhook in config.webhooks for event in webhook.events if event in CALL_KINDS
        ),
        absorbs_overspend=config.credit.absorb_overspend,
    )
