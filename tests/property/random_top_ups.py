"""Random lives of top-ups for a store: what was kept of them at the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from payments import heard, settling, wanting
from payments.attempts import Event
from payments.grace import Grace
from payments.heard import Heard
from payments.looking import Terms
from payments.replenish import Bounds, Wish
from payments.wanting import GiveBack, New
from rtbill.domain.account import AccountState
from rtbill.domain.bundle import Pools
from rtbill.domain.changes import CreateAccount
from rtbill.domain.errors import Refused
from rtbill.domain.payment import (
    Absent,
    Approved,
    Cancelled,
    Created,
    DeclineClass,
    Declined,
    Disputed,
    DisputeState,
    Refunded,
    RefundState,
)
from rtbill.domain.payment_changes import KeepMethod, SetReplenishment
from rtbill.domain.rated import Facts
from rtbill.domain.top_up import Asker, Paying, PaymentState
from rtbill.domain.vat import VatPoint
from rtbill.domain.work import TopUpStep
from rtbill.ports import Reader, Store
from tests.fakes.books import an_account, credit
from tests.fakes.environment import ManualClock
from tests.fakes.till import EUR, a_method, euros, settings

Decide = Callable[[AccountState, PaymentState], Facts]
TERMS = Terms(grace=Grace())
REFERENCES = ("1", "2", "3")
_EVENTS = (
    *(Event.CREATE_ASKED, Event.CREATE_ASKED, Event.CONFIRM_ASKED, Event.CONFIRM_ASKED),
    *(Event.CREATE_LOST, Event.CONFIRM_LOST, Event.NOT_SENT, Event.TIMER, Event.EXPIRED),
    *(Event.CALL_OFF, Event.OPERATOR_UNPAID, Event.OPERATOR_PAID),
)
Act = tuple[str, str, Any]


def acts(chance: random.Random, count: int = 60) -> list[Act]:
    """What happens, in order: the kind of act, the top-up it is about, and its particulars."""
    return [_act(chance) for _ in range(count)]


def _act(chance: random.Random) -> Act:
    reference = chance.choice(REFERENCES)
    payment = f"pi_{reference}"
    kind = chance.choice(("want", "event", "event", "told", "told", "refund", "dispute", "ours"))
    match kind:
        case "event":
            return kind, reference, chance.choice(_EVENTS)
        case "told":
            money = euros(chance.choice((10, 10, 10, 20)))
            outcomes = (Approved(payment, money), Created(payment), Cancelled(payment), Absent())
            declined = Declined(payment, chance.choice(list(DeclineClass)), "code")
            return kind, reference, chance.choice((*outcomes, declined))
        case "refund":
            number, state = chance.randrange(2), chance.choice(list(RefundState))
            key = f"re_{reference}{number}"
            return kind, reference, Refunded(key, payment, euros(2 + number), state)
        case "dispute":
            stage = chance.choice(list(DisputeState))
            return kind, reference, Disputed(f"dp_{reference}", payment, euros(10), stage)
        case "ours":
            return kind, reference, euros(chance.choice((1, 3.33)))
        case _:
            return kind, reference, chance.choice((None, None, chance.randrange(1, 90_000)))


async def play(
    store: Store, reader: Reader, clock: ManualClock, script: list[Act]
) -> dict[str, Any]:
    """All that the books keep of it."""
    await store.change(CreateAccount(an_account()))
    await store.change(KeepMethod(a_method()))
    await store.change(SetReplenishment(settings(month_max_micros=3_000 * EUR)))
    await store.submit(credit("opening", EUR))
    known = set()
    for kind, reference, about in script:
        if kind == "want":
            clock.pass_time(about or 0)
            wish = Wish(asked_by=Asker.HOLDER, at=clock.now(), money=euros(10))
            new = New(reference=reference, vat_point=VatPoint.TOP_UP)
            decide: Decide = partial(wanting.want, wish=wish, bounds=Bounds(), new=new)
        elif reference in known:
            decide = partial(_decided, kind=kind, about=about, clock=clock)
        else:
            continue
        step = TopUpStep("room-1", reference, partial(_without_pools, decide=decide))
        try:
            committed = await store.take_step(step)
        except Refused:
            continue
        assert committed.facts is not None
        assert committed.facts.paying is not None
        if committed.facts.paying.top_up is not None:
            known.add(reference)
    return {
        "accounts": [each._replace(grace_steps=0) for each in await reader.accounts()],
        "top-ups": await reader.top_ups(None, 100),
        "events": [await reader.top_up_events(each) for each in REFERENCES],
        "reversals": [await reader.reversals(each) for each in REFERENCES],
        "transfers": await reader.transfers("room-1", None, None),
        "methods": await reader.methods("room-1"),
        "settings": await reader.replenishments(),
        "stops": await reader.gateway_stops(),
        "notices": [each.notice for each in await reader.waiting_notices(1_000)],
    }


def _without_pools(state: AccountState, kept: PaymentState, _pools: Pools, decide: Decide) -> Facts:
    return decide(state, kept)


def _decided(
    state: AccountState, kept: PaymentState, kind: str, about: Any, clock: ManualClock
) -> Facts:
    row, at = kept.top_up, clock.now()
    assert row is not None
    what: Heard | None
    match kind:
        case "event":
            what = Heard(event=about, at=at)
        case "told":
            what = heard.outcome(row, about, at)
        case "refund":
            what = heard.refund(kept, about, at)
        case "dispute":
            what = heard.dispute(kept, about, at)
        case _:
            key = f"9{row.reference}{about.micros}"
            wanted = GiveBack(key=key, money=about, reason="asked", at=at)
            return wanting.give_back(state, kept, wanted)
    if what is None:
        return Facts(state, paying=Paying(reason="nothing new", top_up=row))
    return settling.settle(state, kept, what, TERMS)
