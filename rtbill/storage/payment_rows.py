"""Top-ups, what they are paid from, and what providers told, as rows and back."""

from __future__ import annotations

from datetime import datetime

from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.money import Money
from rtbill.domain.payment import DeclineClass, MethodKind, PaymentMethod
from rtbill.domain.replenishment import (
    RAW_MAX,
    Agreement,
    GatewayStop,
    InboxEvent,
    KeptMethod,
    LinkPurpose,
    PayLink,
    PendingSetUp,
    Replenishment,
)
from rtbill.domain.top_up import (
    Asker,
    Reversal,
    ReversalKind,
    ReversalStage,
    TopUp,
    TopUpEvent,
    TopUpState,
)
from rtbill.domain.vat import VatPoint
from rtbill.storage.bulk import Row

METHOD_COLUMNS = (
    "gateway, reference, account, kind, customer, label, expires, kept_at, text_version, agreed_at,"
    " agreed_from, barred_at, barred_reason, removed_at"
)
REPLENISHMENT_COLUMNS = (
    "account, is_on, threshold_micros, increment_micros, charge_max_micros, day_max_micros,"
    " month_max_micros, gateway, method, text_version, agreed_at, agreed_from, stopped, changed_at,"
    " changed_by"
)
TOP_UP_COLUMNS = (
    "reference, account, amount_micros, currency, gateway, method, asked_by, state, wanted_at,"
    " moved_at, vat_point, attempt, provider_id, first_sent_at, asked_for_at, unknown_at,"
    " next_look, looks, absences, decline, code, paid_at, reversed_micros, steps, needs_person,"
    " alarm"
)
TOP_UP_EVENT_COLUMNS = "reference, number, event, before, after, at, cause"
REVERSAL_COLUMNS = (
    "gateway, key, kind, top_up, amount_micros, currency, stage, at, booked_micros, provider_id,"
    " tries, next_try, reason"
)
STOP_COLUMNS = "gateway, reason, since"
INBOX_COLUMNS = "gateway, id, kind, about, at, received_at, raw, tries, processed_at, result"
SET_UP_COLUMNS = (
    "reference, account, gateway, page, text_version, agreed_at, agreed_from, begun_at, expires_at,"
    " next_look"
)
LINK_COLUMNS = "token_hash, account, purpose, top_up, made_at, expires_at, used_at"


def us(instant: datetime | None) -> int | None:
    """The column value of an instant that may be absent."""
    return None if instant is None else epoch_us(instant)


def instant(microseconds: int | None) -> datetime | None:
    """The instant of a column value that may be absent."""
    return None if microseconds is None else from_epoch_us(microseconds)


def _agreement_row(agreement: Agreement | None) -> Row:
    if agreement is None:
        return (None, None, None)
    return (agreement.text_version, epoch_us(agreement.at), agreement.address)


def _agreement_from(version: str | None, at: int | None, address: str | None) -> Agreement | None:
    if version is None or at is None or address is None:
        return None
    return Agreement(text_version=version, at=from_epoch_us(at), address=address)


def method_row(kept: KeptMethod) -> Row:
    """As in METHOD_COLUMNS."""
    method = kept.method
    return (
        method.gateway,
        method.reference,
        kept.account,
        method.kind.value,
        method.customer,
        method.label,
        None if method.expires is None else month_number(method.expires),
        epoch_us(kept.kept_at),
        *_agreement_row(kept.agreement),
        us(kept.barred_at),
        kept.barred_reason,
        us(kept.removed_at),
    )


def month_number(month: tuple[int, int]) -> int:
    """Year and month as one number that grows with time: 202612."""
    return month[0] * 100 + month[1]


def method_from(row: Row) -> KeptMethod:
    """From METHOD_COLUMNS."""
    method = PaymentMethod(
        gateway=row[0],
        reference=row[1],
        kind=MethodKind(row[3]),
        customer=row[4],
        label=row[5],
        expires=None if row[6] is None else (row[6] // 100, row[6] % 100),
    )
    return KeptMethod(
        account=row[2],
        method=method,
        kept_at=from_epoch_us(row[7]),
        agreement=_agreement_from(*row[8:11]),
        barred_at=instant(row[11]),
        barred_reason=row[12],
        removed_at=instant(row[13]),
    )


def replenishment_row(settings: Replenishment) -> Row:
    """As in REPLENISHMENT_COLUMNS."""
    return (
        settings.account,
        int(settings.is_on),
        settings.threshold_micros,
        settings.increment_micros,
        settings.charge_max_micros,
        settings.day_max_micros,
        settings.month_max_micros,
        settings.gateway,
        settings.method,
        *_agreement_row(settings.agreement),
        settings.stopped,
        us(settings.changed_at),
        settings.changed_by,
    )


def replenishment_from(row: Row) -> Replenishment:
    """From REPLENISHMENT_COLUMNS."""
    return Replenishment(
        account=row[0],
        is_on=bool(row[1]),
        threshold_micros=row[2],
        increment_micros=row[3],
        charge_max_micros=row[4],
        day_max_micros=row[5],
        month_max_micros=row[6],
        gateway=row[7],
        method=row[8],
        agreement=_agreement_from(*row[9:12]),
        stopped=row[12],
        changed_at=instant(row[13]),
        changed_by=row[14],
    )


def top_up_row(top_up: TopUp) -> Row:
    """As in TOP_UP_COLUMNS."""
    return (
        top_up.reference,
        top_up.account,
        top_up.money.micros,
        top_up.money.currency,
        top_up.gateway,
        top_up.method,
        top_up.asked_by.value,
        top_up.state.value,
        epoch_us(top_up.wanted_at),
        epoch_us(top_up.moved_at),
        top_up.vat_point.value,
        top_up.attempt,
        top_up.provider_id,
        us(top_up.first_sent_at),
        us(top_up.asked_for_at),
        us(top_up.unknown_at),
        us(top_up.next_look),
        top_up.looks,
        top_up.absences,
        None if top_up.decline is None else top_up.decline.value,
        top_up.code,
        us(top_up.paid_at),
        top_up.reversed_micros,
        top_up.steps,
        int(top_up.needs_person),
        top_up.alarm,
    )


def top_up_from(row: Row) -> TopUp:
    """From TOP_UP_COLUMNS."""
    return TopUp(
        reference=row[0],
        account=row[1],
        money=Money(row[2], row[3]),
        gateway=row[4],
        method=row[5],
        asked_by=Asker(row[6]),
        state=TopUpState(row[7]),
        wanted_at=from_epoch_us(row[8]),
        moved_at=from_epoch_us(row[9]),
        vat_point=VatPoint(row[10]),
        attempt=row[11],
        provider_id=row[12],
        first_sent_at=instant(row[13]),
        asked_for_at=instant(row[14]),
        unknown_at=instant(row[15]),
        next_look=instant(row[16]),
        looks=row[17],
        absences=row[18],
        decline=None if row[19] is None else DeclineClass(row[19]),
        code=row[20],
        paid_at=instant(row[21]),
        reversed_micros=row[22],
        steps=row[23],
        needs_person=bool(row[24]),
        alarm=row[25],
    )


def event_row(event: TopUpEvent) -> Row:
    """As in TOP_UP_EVENT_COLUMNS."""
    before = None if event.before is None else event.before.value
    return (
        event.reference,
        event.number,
        event.event,
        before,
        event.after.value,
        epoch_us(event.at),
        event.cause,
    )


def event_from(row: Row) -> TopUpEvent:
    """From TOP_UP_EVENT_COLUMNS."""
    return TopUpEvent(
        reference=row[0],
        number=row[1],
        event=row[2],
        before=None if row[3] is None else TopUpState(row[3]),
        after=TopUpState(row[4]),
        at=from_epoch_us(row[5]),
        cause=row[6],
    )


def reversal_row(reversal: Reversal) -> Row:
    """As in REVERSAL_COLUMNS."""
    return (
        reversal.gateway,
        reversal.key,
        reversal.kind.value,
        reversal.top_up,
        reversal.money.micros,
        reversal.money.currency,
        reversal.stage.value,
        epoch_us(reversal.at),
        reversal.booked_micros,
        reversal.provider_id,
        reversal.tries,
        us(reversal.next_try),
        reversal.reason,
    )


def reversal_from(row: Row) -> Reversal:
    """From REVERSAL_COLUMNS."""
    return Reversal(
        gateway=row[0],
        key=row[1],
        kind=ReversalKind(row[2]),
        top_up=row[3],
        money=Money(row[4], row[5]),
        stage=ReversalStage(row[6]),
        at=from_epoch_us(row[7]),
        booked_micros=row[8],
        provider_id=row[9],
        tries=row[10],
        next_try=instant(row[11]),
        reason=row[12],
    )


def stop_row(stop: GatewayStop) -> Row:
    """As in STOP_COLUMNS."""
    return (stop.gateway, stop.reason, epoch_us(stop.since))


def stop_from(row: Row) -> GatewayStop:
    """From STOP_COLUMNS."""
    return GatewayStop(gateway=row[0], reason=row[1], since=from_epoch_us(row[2]))


def inbox_row(event: InboxEvent) -> Row:
    """As in INBOX_COLUMNS; the body is cut."""
    return (
        event.gateway,
        event.id,
        event.kind,
        event.about,
        epoch_us(event.at),
        epoch_us(event.received_at),
        event.raw[:RAW_MAX],
        event.tries,
        us(event.processed_at),
        event.result,
    )


def inbox_from(row: Row) -> InboxEvent:
    """From INBOX_COLUMNS."""
    return InboxEvent(
        gateway=row[0],
        id=row[1],
        kind=row[2],
        about=row[3],
        at=from_epoch_us(row[4]),
        received_at=from_epoch_us(row[5]),
        raw=row[6],
        tries=row[7],
        processed_at=instant(row[8]),
        result=row[9],
    )


def set_up_row(set_up: PendingSetUp) -> Row:
    """As in SET_UP_COLUMNS."""
    return (
        set_up.reference,
        set_up.account,
        set_up.gateway,
        set_up.page,
        *_agreement_row(set_up.agreement),
        epoch_us(set_up.begun_at),
        epoch_us(set_up.expires_at),
        epoch_us(set_up.next_look),
    )


def set_up_from(row: Row) -> PendingSetUp:
    """From SET_UP_COLUMNS."""
    agreement = _agreement_from(*row[4:7])
    assert agreement is not None
    return PendingSetUp(
        reference=row[0],
        account=row[1],
        gateway=row[2],
        page=row[3],
        agreement=agreement,
        begun_at=from_epoch_us(row[7]),
        expires_at=from_epoch_us(row[8]),
        next_look=from_epoch_us(row[9]),
    )


def link_row(link: PayLink) -> Row:
    """As in LINK_COLUMNS."""
    return (
        link.token_hash,
        link.account,
        link.purpose.value,
        link.top_up or None,
        epoch_us(link.made_at),
        epoch_us(link.expires_at),
        us(link.used_at),
    )


def link_from(row: Row) -> PayLink:
    """From LINK_COLUMNS."""
    return PayLink(
        token_hash=row[0],
        account=row[1],
        purpose=LinkPurpose(row[2]),
        top_up=row[3] or "",
        made_at=from_epoch_us(row[4]),
        expires_at=from_epoch_us(row[5]),
        used_at=instant(row[6]),
    )
