"""Plans of the first edition, all of them from the seed: seeds that failed once are kept as they
were. The second edition, in `press.py`, adds to them.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from rtbill.credit.unaided import UnaidedTerms
from rtbill.domain.account import Account, AccountKind
from rtbill.domain.stance import Stance, Unaided
from simulator.scenario import CallScript, PlannedCall, Transfer
from tests.simulation.plan import LENGTH_S, POLICIES, Happening, Plan
from tests.simulation.prices import CLOCK_CHANGE, EMERGENCIES, NUMBERS

FIRST_FAULTS = (
    "cut",
    "half_open",
    "split",
    "delay",
    "duplicate",
    "lose",
    "garbage",
    "restart",
    "kill",
    "stop",
    "disk_full",
    "step",
    "hand",
)
"""Those that plans of the first edition have; `press.py` has more."""


def first_edition(seed: int) -> Plan:
    """The plan of this seed as it was drawn before calls were held for."""
    chance = random.Random(f"plan/{seed}")
    extensions = tuple(str(1001 + n) for n in range(chance.randint(5, 12)))
    accounts = tuple(_account(chance, n) for n in range(chance.randint(3, 6)))
    ids = [account.id for account in accounts]
    return Plan(
        seed=seed,
        start=CLOCK_CHANGE - timedelta(seconds=chance.uniform(30, 1200)),
        exchange_ahead_s=chance.choice([0.0, 0.0, 3.7, -12.25, 95.0]),
        version=chance.choice([16, 22]),
        extensions=extensions,
        accounts=accounts,
        openings={each: _opening(chance) for each in ids},
        holders={each: chance.choice(ids) for each in extensions if chance.random() < 0.92},
        calls=tuple(_calls(chance, extensions)),
        orders=tuple(_orders(chance, extensions, ids)),
        faults=tuple(_faults(chance, extensions)),
        store_slowest_s=chance.choice([0.002, 0.02, 0.2, 1.5]),
        store_queue_max=chance.choice([4, 50, 1000]),
        **_modes(seed),
    )


def _modes(seed: int) -> dict[str, Any]:
    """How far to go: everything is enforced in three runs of four."""
    chance = random.Random(f"modes/{seed}")
    milder = chance.choice([Stance.OBSERVE, Stance.WARN])
    sort = chance.randrange(8)
    stance = milder if sort == 0 else Stance.ENFORCE
    classes = dict.fromkeys(POLICIES, Stance.ENFORCE)
    if sort == 1:
        classes[chance.choice(list(POLICIES))] = milder
    terms = {
        name: UnaidedTerms(
            chance.choice([None, Unaided.OPEN, Unaided.CLOSED]),
            chance.choice([0, 1_000_000]),
            chance.randint(1, 3),
        )
        for name in POLICIES
    }
    return {"stance": stance, "class_stances": classes, "unaided": terms}


def _account(chance: random.Random, number: int) -> Account:
    kind = chance.choice([AccountKind.PREPAID, AccountKind.PREPAID, AccountKind.POSTPAID])
    limit = chance.choice([500_000, 5_000_000, 1_000_000_000])
    return Account(
        id=f"account-{number}",
        name=f"Account {number}",
        kind=kind,
        currency="EUR",
        credit_limit_micros=limit if kind is AccountKind.POSTPAID else 0,
        account_class=chance.choice(list(POLICIES)),
        tariff=chance.choice(["", "retail", "trade"]),
    )


def _opening(chance: random.Random) -> int:
    return chance.choice([0, 10_000, 300_000, 700_000, 1_500_000, 5_000_000, 300_000_000])


def _calls(chance: random.Random, extensions: tuple[str, ...]) -> list[PlannedCall]:
    calls = [_call(chance, extensions) for _ in range(chance.randint(20, 36))]
    return sorted(calls, key=lambda call: call.at_s)


def _call(chance: random.Random, extensions: tuple[str, ...]) -> PlannedCall:
    own = chance.choice(extensions)
    sort = chance.random()
    caller, called = own, chance.choice(NUMBERS).dialled
    if sort < 0.1:
        caller, called = "0891234567", own
    elif sort < 0.17:
        called = chance.choice([each for each in extensions if each != own])
    elif sort < 0.25:
        called = chance.choice(EMERGENCIES).dialled
    ends = chance.choice(["caller"] * 4 + ["callee"] * 3 + ["busy", "noanswer", "cancel"])
    talk_s = chance.choice([chance.uniform(0.2, 8), chance.uniform(5, 60), chance.uniform(30, 150)])
    transfer = None
    if chance.random() < 0.18:
        others = [each for each in extensions if each != own]
        to = chance.choice([chance.choice(others), chance.choice(NUMBERS).dialled])
        after_s = round(chance.uniform(0, talk_s), 3)
        transfer = Transfer(to=to, after_s=after_s, kind=chance.choice(["blind", "attended"]))
    at_s = round(chance.uniform(0, LENGTH_S), 3)
    ring_s, talk_s = round(chance.uniform(0, 8), 3), round(talk_s, 3)
    script = CallScript(
        caller=caller,
        called=called,
        is_incoming=caller not in extensions,
        trunk=None,
        at_s=at_s,
        every_s=None,
        jitter_s=0,
        ring=(ring_s, ring_s),
        talk=(talk_s, talk_s),
        ends=ends,
        transfer=transfer,
    )
    return PlannedCall(at_s=at_s, script=script, ring_s=ring_s, talk_s=talk_s)


def _orders(
    chance: random.Random, extensions: tuple[str, ...], accounts: list[str]
) -> list[Happening]:
    kinds = ["credit"] * chance.randint(1, 5) + ["lock"] * chance.randint(0, 3)
    kinds += ["unlock"] * chance.randint(0, 3) + ["move"] * chance.randint(0, 3)
    return [
        Happening(
            round(chance.uniform(0, LENGTH_S), 3),
            kind,
            extension=chance.choice(extensions),
            account=chance.choice(accounts),
            amount=chance.choice(["0.01", "0.40", "2.00", "50.00"]),
        )
        for kind in kinds
    ]


def _faults(chance: random.Random, extensions: tuple[str, ...]) -> list[Happening]:
    kinds = [chance.choice(FIRST_FAULTS) for _ in range(chance.randint(3, 7))]
    return [a_fault(chance, kind, extensions) for kind in kinds]


LENGTHS_S = {
    "restart": (0, 20),
    "kill": (0.05, 40),
    "kill_in_commit": (0.05, 40),
    "stop": (0.5, 20),
    "disk_full": (1, 70),
}


def a_fault(chance: random.Random, kind: str, extensions: tuple[str, ...]) -> Happening:
    """One fault of this kind, at some time of the run or shortly after it."""
    length_s = chance.uniform(*LENGTHS_S.get(kind, (3, 45)))
    if kind == "step":
        length_s = chance.choice([-4.0, -0.5, 0.5, 6.0])
    at_s = round(chance.uniform(0, LENGTH_S + 40), 3)
    return Happening(at_s, kind, round(length_s, 3), chance.choice(extensions))
