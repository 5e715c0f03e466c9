"""Domain values to rows and back. Instants are whole microseconds, options are NULL."""

from __future__ import annotations

import json
from datetime import datetime

from rtbill.domain.account import (
    Account,
    AccountKind,
    AccountState,
    Extension,
    Incoming,
    Membership,
    Outgoing,
    Service,
)
from rtbill.domain.adjustment import adjustment_from, adjustment_json
from rtbill.domain.bundle import money_drawn
from rtbill.domain.call import CallId, CallRecord, CutBy, Outcome, Source, epoch_us, from_epoch_us
from rtbill.domain.events import LiveLeg
from rtbill.domain.ledger import Transfer, TransferKind
from rtbill.domain.notice import Notice
from rtbill.domain.observation import Observation, ObservationKind
from rtbill.domain.origin import Origin, origin_of_leg
from rtbill.domain.rated import CallStatus, NumberKind, Price, RatedCall
from rtbill.storage.bulk import Row
from rtbill.storage.draw_rows import HELD_DRAWS, draws_from

ACCOUNT_COLUMNS = (
    "id, name, kind, currency, credit_limit_micros, account_class, tariff, outgoing, incoming,"
    " told_low, grace_micros"
)
MEMBERSHIP_COLUMNS = "account, pbx, number, valid_from, valid_until, person"
LIVE_COLUMNS = "key, pbx, payer, dialled, trunk, answered_at, origin"
NOTICE_COLUMNS = "id, kind, subject, text, at, details"
OBSERVATION_COLUMNS = (
    "key, kind, at, pbx, account, extension, call, beyond_us, beyond_micros, currency, text"
)
CALL_COLUMNS = (
    "key, pbx, payer, dialled, trunk, answered_at, ended_at, cause, outcome, source, cut_by,"
    " evidence, account, status, kind, number, person, note, in_trunk, account_code,"
    " price_micros, currency, tariff, tariff_version, prefix, destination, billed_s, plan,"
    " plan_version, tax_micros, cost_micros, adjustment, bundle_micros"
)
CALL_SELECTED = f"{CALL_COLUMNS}, {HELD_DRAWS}"
TRANSFER_COLUMNS = (
    "key, debit, credit, amount_micros, currency, kind, event_at, account, version,"
    " balance_after_micros, call, reason, reverses"
)


def us_or_null(instant: datetime | None) -> int | None:
    """The column value of an instant that may be absent."""
    return None if instant is None else epoch_us(instant)


def _instant_or_none(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_epoch_us(microseconds)


def account_row(account: Account, service: Service, *, is_told_low: bool = False) -> Row:
    """As in ACCOUNT_COLUMNS."""
    return (
        account.id,
        account.name,
        account.kind.value,
        account.currency,
        account.credit_limit_micros,
        account.account_class,
        account.tariff,
        service.outgoing.value,
        service.incoming.value,
        int(is_told_low),
        0,
    )


def account_state_from(row: Row) -> AccountState:
    """From ACCOUNT_COLUMNS, then balance and version."""
    name = ("id", "name", "kind", "currency", "credit_limit_micros", "account_class", "tariff")
    values = dict(zip(name, row, strict=False))
    account = Account(**{**values, "kind": AccountKind(row[2])})
    service = Service(Outgoing(row[7]), Incoming(row[8]))
    return AccountState(
        account, row[11], row[12], service, is_told_low=bool(row[9]), grace_micros=row[10]
    )


def membership_row(membership: Membership) -> Row:
    """As in MEMBERSHIP_COLUMNS."""
    return (
        membership.account,
        *membership.extension,
        epoch_us(membership.valid_from),
        us_or_null(membership.valid_until),
        membership.person,
    )


def membership_from(row: Row) -> Membership:
    """From MEMBERSHIP_COLUMNS."""
    return Membership(
        account=row[0],
        extension=Extension(row[1], row[2]),
        valid_from=from_epoch_us(row[3]),
        valid_until=_instant_or_none(row[4]),
        person=row[5],
    )


def call_row(call: RatedCall) -> Row:
    """As in CALL_COLUMNS."""
    record, price = call.record, call.price
    return (
        str(record.id),
        record.id.pbx,
        record.payer,
        record.dialled,
        record.trunk,
        us_or_null(record.answered_at),
        epoch_us(record.ended_at),
        record.cause,
        record.outcome.value,
        record.source.value,
        record.cut_by.value if record.cut_by else None,
        record.evidence,
        call.account,
        call.status.value,
        call.kind.value,
        call.number,
        call.person,
        call.note,
        record.origin.in_trunk,
        record.origin.code,
        *((*(None,) * 7, "", None, 0, None, None) if price is None else price_row(price)),
        money_drawn(call.draws) if call.draws else 0,
    )


def price_row(price: Price) -> Row:
    """Those of CALL_COLUMNS from `price_micros` to `adjustment`."""
    return (
        price.micros,
        price.currency,
        price.tariff,
        price.tariff_version,
        price.prefix,
        price.destination,
        price.billed_s,
        price.plan,
        price.plan_version,
        price.tax_micros,
        price.cost_micros,
        None if price.adjustment is None else adjustment_json(price.adjustment),
    )


def call_id_from(key: str, pbx: str) -> CallId:
    """The two parts of `pbx/leg`."""
    return CallId(pbx, key[len(pbx) + 1 :])


def call_from(row: Row) -> RatedCall:
    """From CALL_SELECTED."""
    record = CallRecord(
        id=call_id_from(row[0], row[1]),
        payer=row[2],
        dialled=row[3],
        trunk=row[4],
        answered_at=_instant_or_none(row[5]),
        ended_at=from_epoch_us(row[6]),
        cause=row[7],
        outcome=Outcome(row[8]),
        source=Source(row[9]),
        cut_by=CutBy(row[10]) if row[10] else None,
        evidence=row[11],
        origin=Origin(code=row[19], in_trunk=row[18]),
    )
    price = None
    if row[20] is not None:
        price = Price(*row[20:31])
        if row[31] is not None:
            price = price._replace(adjustment=adjustment_from(row[31]))
    return RatedCall(
        record=record,
        account=row[12],
        status=CallStatus(row[13]),
        kind=NumberKind(row[14]),
        number=row[15],
        price=price,
        person=row[16],
        note=row[17],
        draws=draws_from(row[33]),
    )


def transfer_row(transfer: Transfer) -> Row:
    """As in TRANSFER_COLUMNS."""
    return (
        transfer.key,
        transfer.debit,
        transfer.credit,
        transfer.amount_micros,
        transfer.currency,
        transfer.kind.value,
        epoch_us(transfer.event_at),
        transfer.account,
        transfer.version,
        transfer.balance_after_micros,
        transfer.call,
        transfer.reason,
        transfer.reverses,
    )


def transfer_from(row: Row) -> Transfer:
    """From TRANSFER_COLUMNS."""
    return Transfer(
        key=row[0],
        debit=row[1],
        credit=row[2],
        amount_micros=row[3],
        currency=row[4],
        kind=TransferKind(row[5]),
        event_at=from_epoch_us(row[6]),
        account=row[7],
        version=row[8],
        balance_after_micros=row[9],
        call=row[10],
        reason=row[11],
        reverses=row[12],
    )


def live_row(leg: LiveLeg) -> Row:
    """As in LIVE_COLUMNS."""
    return (
        str(leg.id),
        leg.id.pbx,
        leg.payer,
        leg.dialled,
        leg.trunk,
        us_or_null(leg.answered_at),
        str(leg.origin),
    )


def live_from(row: Row) -> LiveLeg:
    """From LIVE_COLUMNS."""
    answered_at, origin = from_epoch_us(row[5]), origin_of_leg(row[6])
    return LiveLeg(call_id_from(row[0], row[1]), row[2], row[3], row[4], answered_at, origin)


def notice_row(number: int, notice: Notice) -> Row:
    """As in NOTICE_COLUMNS."""
    details = json.dumps(notice.details, ensure_ascii=False)
    return (number, notice.kind, notice.subject, notice.text, epoch_us(notice.at), details)


def notice_from(row: Row) -> Notice:
    """From NOTICE_COLUMNS."""
    details = tuple((name, value) for name, value in json.loads(row[5]))
    return Notice(row[1], row[2], row[3], from_epoch_us(row[4]), details)


def observation_row(observation: Observation) -> Row:
    """As in OBSERVATION_COLUMNS."""
    return (
        observation.key,
        observation.kind.value,
        epoch_us(observation.at),
        observation.pbx,
        observation.account,
        observation.extension,
        observation.call,
        observation.beyond_us,
        observation.beyond_micros,
        observation.currency,
        observation.text,
    )


def observation_from(row: Row) -> Observation:
    """From OBSERVATION_COLUMNS."""
    return Observation(
        key=row[0],
        kind=ObservationKind(row[1]),
        at=from_epoch_us(row[2]),
        pbx=row[3],
        account=row[4],
        extension=row[5],
        call=row[6],
        beyond_us=row[7],
        beyond_micros=row[8],
        currency=row[9],
        text=row[10],
    )
