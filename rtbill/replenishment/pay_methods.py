"""What accounts pay from, and when they buy by themselves: given, changed and taken back."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from payments.attempts import Event
from rtbill.domain.changes import Together
from rtbill.domain.directory import Directory
from rtbill.domain.errors import Conflict, OutcomeUnknown, Refused, Unavailable
from rtbill.domain.payment import PaymentMethod, SetUp, SetUpPage
from rtbill.domain.payment_changes import (
    BeginSetUp,
    EndSetUp,
    KeepMethod,
    RemoveMethod,
    SetReplenishment,
)
from rtbill.domain.replenishment import (
    Agreement,
    KeptMethod,
    PendingSetUp,
    Replenishment,
)
from rtbill.payment_books import PaymentReader
from rtbill.ports import Clock, Store
from rtbill.replenishment.gateways import Gateways
from rtbill.replenishment.top_up_driver import TopUpDriver
from rtbill.replenishment.triggers import AutomaticTopUps

PENDING_FOR = timedelta(hours=24)
"""As long as a provider's page is good."""
FIRST_LOOK = timedelta(minutes=5)
"""After a set-up began: by then most holders are back, or their provider has told."""
MONTH_TIMES = 5
"""So many purchases a month, where nobody says how many."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants to be otherwise about buying; None: as it is."""

    is_on: bool | None = None
    threshold_micros: int | None = None
    increment_micros: int | None = None
    charge_max_micros: int | None = None
    day_max_micros: int | None = None
    month_max_micros: int | None = None
    gateway: str | None = None
    method: str | None = None


class PayMethods:
    """Keeps methods and settings; the automatic top-ups follow each commit."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        gateways: Gateways,
        driver: TopUpDriver,
        top_ups: AutomaticTopUps,
        directory: Directory,
        store: Store,
        reader: PaymentReader,
        clock: Clock,
        text_version: str,
    ) -> None:
        """`text_version` is of the text that holders agree to now."""
        self._gateways = gateways
        self._driver = driver
        self._top_ups = top_ups
        self._directory = directory
        self._store = store
        self._reader = reader
        self._clock = clock
        self._text_version = text_version

    def agreed(self, text_version: str, address: str) -> Agreement:
        """That somebody agreed just now; Refused when another text is shown by now."""
        if text_version != self._text_version:
            raise Refused(
                f"the text to agree to is {self._text_version!r} now, not {text_version!r}; "
                "have it read again"
            )
        return Agreement(text_version=text_version, at=self._clock.now(), address=address)

    # ---------------------------------------------------------------------- a new method

    async def begin(
        self, account: str, gateway: str, email: str, return_url: str, agreement: Agreement
    ) -> SetUpPage:
        """The provider's page on which the holder gives a card; Refused where it has none."""
        self._directory.account(account)
        if not self._gateways.named(gateway).abilities.sets_up_by_page:
            raise Refused(f"{gateway} has no page for that; `rtbill pay method add` takes its name")
        wanted = SetUp(
            reference=self._driver.new_reference(),
            account=account,
            customer=await self._reader.customer(account, gateway),
            email=email,
            return_url=return_url,
            mandate=agreement.text_version,
        )
        page = await self._gateways.ask(gateway, "set up", lambda asked: asked.set_up(wanted))
        # Kept before the browser is sent there, so that no card is given that nobody waits for.
        now = self._clock.now()
        begun = PendingSetUp(
            reference=wanted.reference,
            account=account,
            gateway=gateway,
            page=page.id,
            agreement=agreement,
            begun_at=now,
            expires_at=now + PENDING_FOR,
            next_look=now + FIRST_LOOK,
        )
        await self._store.change(BeginSetUp(begun))
        return page

    async def finish(self, account: str, gateway: str, page_id: str) -> KeptMethod | None:
        """The browser came back from the provider's page: the card that is kept now, or None where
        none was given. A page that nobody waits for keeps no card: it was settled before, or its
        holder was never led to it.
        """
        pending = await self._reader.set_up_of(gateway, page_id)
        if pending is None:
            method = await self._given(gateway, page_id)
            return None if method is None else await self._own(account, method)
        if pending.account != account:
            raise Refused("this page was made for somebody else")
        return await self.look(pending)

    async def look(self, pending: PendingSetUp) -> KeptMethod | None:
        """Ask the provider: the card that is kept now, or None where none is given yet."""
        method = await self._given(pending.gateway, pending.page)
        return None if method is None else await self._settle(pending, method)

    async def ready(self, set_up: str, method: PaymentMethod) -> KeptMethod | None:
        """The provider tells of a card that was given; None where nobody waits for it any more."""
        pending = await self._reader.set_up(set_up)
        if pending is None or pending.gateway != method.gateway:
            return None
        return await self._settle(pending, method)

    async def _own(self, account: str, method: PaymentMethod) -> KeptMethod | None:
        """As it is kept for the account already."""
        known = await self._reader.method(method.gateway, method.reference)
        is_own = known is not None and known.account == account and known.is_usable
        return known if is_own else None

    async def _given(self, gateway: str, page_id: str) -> PaymentMethod | None:
        return await self._gateways.ask(
            gateway, "set up result", lambda asked: asked.set_up_result(page_id)
        )

    async def _settle(self, pending: PendingSetUp, method: PaymentMethod) -> KeptMethod:
        try:
            return await self.keep(pending.account, method, pending.agreement, pending.reference)
        except Refused:
            await self._store.change(EndSetUp(pending.reference))  # asking again changes nothing
            raise

    async def keep(
        self, account: str, method: PaymentMethod, agreement: Agreement, set_up: str = ""
    ) -> KeptMethod:
        """The account may be topped up from it; Conflict when it is another account's. The set-up
        of which it comes ends in the same commit.
        """
        self._directory.account(account)
        own = await self._own(account, method)
        if own is not None:
            if set_up:
                await self._store.change(EndSetUp(set_up))
            return own  # told by the browser and by a webhook, or given twice
        known = await self._reader.method(method.gateway, method.reference)
        if known is not None and known.account != account:
            raise Conflict(f"{method.label or method.reference} belongs to another account")
        now = self._clock.now()
        kept = KeptMethod(account=account, method=method, kept_at=now, agreement=agreement)
        settings = await self._reader.replenishment(account)
        if settings is not None and settings.is_on and await self._is_without(settings):
            settings = replace(settings, gateway=method.gateway, method=method.reference)
            both = Together((KeepMethod(kept, set_up), SetReplenishment(settings)))
            await self._store.change(both)
            self._top_ups.put_settings(settings)
        else:
            await self._store.change(KeepMethod(kept, set_up))
        stands = await self._reader.method(method.gateway, method.reference)
        if stands is None or not stands.is_usable:
            raise Refused(f"{method.label or method.reference} was given and removed meanwhile")
        self.wake(account)
        return stands

    async def _is_without(self, settings: Replenishment) -> bool:
        now = await self._reader.method(settings.gateway, settings.method)
        return now is None or not now.is_usable

    async def drop(self, account: str, gateway: str, reference: str) -> bool:
        """It is used no more, from the commit on; whether the provider has dropped it too."""
        change = RemoveMethod(account, gateway, reference, self._clock.now())
        await self._store.change(change)
        settings = await self._reader.replenishment(account)
        if settings is not None:
            self._top_ups.put_settings(settings)
        known = await self._reader.method(gateway, reference)
        assert known is not None
        for row in await self._reader.top_ups(account, 5):
            if not row.is_final and (row.gateway, row.method) == (gateway, reference):
                await self._driver.happened(row, Event.REVOKED, "the card was removed")
        try:
            await self._gateways.ask(gateway, "forget", lambda asked: asked.forget(known.method))
        except (Unavailable, OutcomeUnknown, Refused) as error:
            why = str(error)
            _logger.warning("a provider keeps a card", extra={"gateway": gateway, "why": why})
            return False
        return True

    # -------------------------------------------------------------- when to buy, and how much

    async def set(
        self, account: str, wanted: Wanted, agreement: Agreement | None, changed_by: str
    ) -> Replenishment:
        """The settings as they now are. Refused when more is wanted than was agreed to and nobody
        agrees now (RP-03), or there is nothing to pay from.
        """
        self._directory.account(account)
        known = await self._reader.replenishment(account)
        settings = _changed(known or await self._first(account), wanted)
        settings = replace(
            settings,
            agreement=agreement or settings.agreement,
            changed_at=self._clock.now(),
            changed_by=changed_by,
        )
        await self._set(settings)
        return settings

    async def _set(self, settings: Replenishment) -> None:
        await self._store.change(SetReplenishment(settings))
        self._top_ups.put_settings(settings)

    async def _first(self, account: str) -> Replenishment:
        methods = [each for each in await self._reader.methods(account) if each.is_usable]
        newest = methods[-1].method if methods else None
        return Replenishment(
            account=account,
            is_on=False,
            threshold_micros=0,
            increment_micros=0,
            charge_max_micros=0,
            day_max_micros=0,
            month_max_micros=0,
            gateway=newest.gateway if newest else "",
            method=newest.reference if newest else "",
        )

    async def resume(self, account: str, changed_by: str) -> Replenishment:
        """An account that was stopped may buy again; Refused when it was not."""
        settings = await self._reader.replenishment(account)
        if settings is None or not settings.stopped:
            raise Refused(f"account {account} is not stopped")
        at = self._clock.now()
        settings = replace(settings, stopped="", changed_at=at, changed_by=changed_by)
        await self._set(settings)
        return settings

    def wake(self, account: str) -> None:
        """What it may pay from is other than before."""
        self._top_ups.look_again(account)


def _changed(settings: Replenishment, wanted: Wanted) -> Replenishment:
    """With what nobody says made of what is said: one increment at a time, one such purchase a day
    and five a month.
    """

    def either(new: int | None, known: int, otherwise: int) -> int:
        if new is not None:
            return new
        return known or otherwise

    increment = either(wanted.increment_micros, settings.increment_micros, 0)
    if increment <= 0:
        raise Refused("say how much is bought at a time")
    charge_max = either(wanted.charge_max_micros, settings.charge_max_micros, increment)
    return replace(
        settings,
        is_on=settings.is_on if wanted.is_on is None else wanted.is_on,
        threshold_micros=either(wanted.threshold_micros, settings.threshold_micros, 0),
        increment_micros=increment,
        charge_max_micros=charge_max,
        day_max_micros=either(wanted.day_max_micros, settings.day_max_micros, charge_max),
        month_max_micros=either(
            wanted.month_max_micros, settings.month_max_micros, MONTH_TIMES * charge_max
        ),
        gateway=settings.gateway if wanted.gateway is None else wanted.gateway,
        method=settings.method if wanted.method is None else wanted.method,
    )
