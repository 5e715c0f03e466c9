"""Plans of the second edition: the first, and what presses upon credit control.

An exchange that asks before it dials in every second run; one account with little money and many
calls at once, which is paid in small sums and often at the last moment; more kinds of faults, among
them those of questions; every other run crosses the clock change while calls talk.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from balance.holds import SliceTerms
from rtbill.domain.account import Account, AccountKind
from simulator.scenario import CallScript, PlannedCall
from tests.simulation.drawing import FIRST_FAULTS, a_fault, first_edition
from tests.simulation.plan import LENGTH_S, POLICIES, Happening, Plan
from tests.simulation.prices import CLOCK_CHANGE, NUMBERS

HOT = "account-hot"
HOT_EXTENSIONS = ("1021", "1022", "1023", "1024")
HOT_NUMBERS = tuple(each.dialled for each in NUMBERS if each.digits)
QUESTION_FAULTS = ("answer_lost", "answer_late", "answer_twice", "answer_broken")
FAULTS = (*FIRST_FAULTS, "kill_in_commit", "disk_slow", "deaf", *QUESTION_FAULTS)
"""As TS-02 names them: link drop, half-open, partial frame, delay, duplicate, event loss, garbage,
restart of the exchange, kill and stop of the biller, disk full, clock step, change by hand; then a
commit whose outcome nobody learns, a slow disk, a receiver of notices that fails; answers that are
lost, late, doubled and broken off. The end of summer time is in every run.
"""


def draw(seed: int, edition: int = 2) -> Plan:
    """The plan of this seed."""
    plan = first_edition(seed)
    return plan if edition == 1 else _pressed(plan)


def _pressed(plan: Plan) -> Plan:
    chance = random.Random(f"press/{plan.seed}")
    start = plan.start
    if chance.random() < 0.5:
        start = CLOCK_CHANGE - timedelta(seconds=chance.uniform(5, LENGTH_S))
    is_inline = plan.seed % 2 == 0
    slice_max_s = chance.choice([10, 20, 60])
    slice_min_s = chance.choice([10, slice_max_s])
    kinds = [each for each in FAULTS if is_inline or each not in QUESTION_FAULTS]
    more = [
        a_fault(chance, chance.choice(kinds), plan.extensions) for _ in range(chance.randint(1, 4))
    ]
    began_s = chance.uniform(0, LENGTH_S - 60)
    calls = [*plan.calls, *_hot_calls(chance, began_s)]
    return replace(
        plan,
        start=start,
        extensions=(*plan.extensions, *HOT_EXTENSIONS),
        accounts=(*plan.accounts, _hot_account(chance)),
        openings={**plan.openings, HOT: chance.choice([60_000, 250_000, 600_000, 1_300_000])},
        holders={**plan.holders, **dict.fromkeys(HOT_EXTENSIONS, HOT)},
        calls=tuple(sorted(calls, key=lambda call: call.at_s)),
        orders=(*plan.orders, *_payments(chance, began_s)),
        faults=(*plan.faults, *more),
        is_inline=is_inline,
        slices=SliceTerms(slice_min_s, slice_max_s, chance.choice([0, 5, 20])),
        calls_max=chance.choice([0, 0, 0, 2, 3]),
        late_credit_chance=chance.choice([0.0, 0.3, 0.8]),
        timers_late_s=chance.choice([0.0, 0.05, 0.25]),
        hasty_chance=chance.choice([0.0, 0.05, 0.3]),
    )


def _hot_account(chance: random.Random) -> Account:
    return Account(
        id=HOT,
        name="Little money and many calls",
        kind=AccountKind.PREPAID,
        currency="EUR",
        account_class=chance.choice(list(POLICIES)),
        tariff=chance.choice(["retail", "trade", "night"]),
    )


def _hot_calls(chance: random.Random, began_s: float) -> list[PlannedCall]:
    """Many within a minute, some of them in the same instant."""
    calls, at_s = [], began_s
    number = chance.choice(HOT_NUMBERS)
    for _ in range(chance.randint(6, 12)):
        at_s = at_s if chance.random() < 0.4 else at_s + chance.uniform(0, 20)
        if chance.random() < 0.5:
            number = chance.choice(HOT_NUMBERS)
        ring_s = chance.choice([0.0, round(chance.uniform(0, 6), 3)])
        talk_s = round(chance.uniform(5, 160), 3)
        script = CallScript(
            caller=chance.choice(HOT_EXTENSIONS),
            called=number,
            is_incoming=False,
            trunk=None,
            at_s=round(at_s, 3),
            every_s=None,
            jitter_s=0,
            ring=(ring_s, ring_s),
            talk=(talk_s, talk_s),
            ends=chance.choice(["caller", "callee", "callee", "noanswer"]),
            transfer=None,
        )
        calls.append(PlannedCall(at_s=round(at_s, 3), script=script, ring_s=ring_s, talk_s=talk_s))
    return calls


def _payments(chance: random.Random, began_s: float) -> list[Happening]:
    return [
        Happening(
            round(began_s + chance.uniform(0, 200), 3),
            "credit",
            account=HOT,
            amount=chance.choice(["0.01", "0.05", "0.20", "0.60", "2.00"]),
        )
        for _ in range(chance.randint(1, 6))
    ]
