"""What happens in a run: people, money, calls, orders and faults, all drawn from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rtbill.domain.account import Account, AccountKind, Incoming, Outgoing, Service
from rtbill.domain.rated import NumberKind
from rtbill.domain.stance import Stance, Unaided
from rtbill.domain.tariff import Rate, Tariff, Terms, TimeBand
from rtbill.enforcement import Policy
from rtbill.stances import Stances
from rtbill.unaided import UnaidedTerms
from simulator.scenario import CallScript, PlannedCall, Transfer

PBX = "hall"
LENGTH_S = 240.0
CLOCK_CHANGE = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""Summer time ends; runs begin shortly before it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number people dial, and what the books should take it for."""

    dialled: str
    kind: NumberKind
    digits: str = ""
    """E.164 without plus, for those with a price."""


NUMBERS = (
    Number("0301234567", NumberKind.CHARGEABLE, "49301234567"),
    Number("01701234567", NumberKind.CHARGEABLE, "491701234567"),
    Number("00441632960000", NumberKind.CHARGEABLE, "441632960000"),
    Number("0041315550100", NumberKind.CHARGEABLE, "41315550100"),
    Number("0012125550100", NumberKind.CHARGEABLE, "12125550100"),
    Number("00881612345678", NumberKind.CHARGEABLE, "881612345678"),
    Number("08001234567", NumberKind.FREEPHONE),
    Number("116123", NumberKind.FREEPHONE),
)
EMERGENCIES = (Number("112", NumberKind.EMERGENCY), Number("110", NumberKind.EMERGENCY))
NUMBER_OF = {number.dialled: number for number in (*NUMBERS, *EMERGENCIES)}

POLICIES = {
    "standard": Policy(),
    "student": Policy(Service(Outgoing.LOCKED, Incoming.DIVERT)),
    "guest": Policy(exhausted_below_micros=500_000),
}

DESTINATIONS = {"home": ["+49"], "europe": ["+44", "+41"]}


def _rate(
    prefix: str, minute: int, increments: str, connect: int = 0, band: TimeBand | None = None
) -> Rate:
    first, following = map(int, increments.split("/"))
    return Rate(
        prefix=prefix,
        destination=f"Destination {prefix}",
        terms=Terms.per_minute(minute, first, following, connect),
        band=band,
    )


def tariffs() -> tuple[Tariff, ...]:
    """Two price lists in the site's zone, one with bands that the clock change plays with."""
    repeated_hour = TimeBand(start_minute=2 * 60, end_minute=2 * 60 + 30)
    retail = (
        _rate("49", 600_000, "1/1", 15_000),
        _rate("4917", 1_234_567, "30/6"),
        _rate("44", 900_000, "60/1"),
        _rate("41", 1_500_000, "10/10", 20_000),
        _rate("41", 333_333, "60/60", band=repeated_hour),
        _rate("1", 0, "60/60"),
    )
    trade = (_rate("4", 450_000, "6/6"), _rate("49", 300_000, "1/1"), _rate("1", 77_777, "1/1"))
    return tuple(
        Tariff(
            name=name,
            version=1,
            currency="EUR",
            zone="Europe/Berlin",
            valid_from=CLOCK_CHANGE - timedelta(days=100),
            rates=rates,
        )
        for name, rates in (("retail", retail), ("trade", trade))
    )


@dataclass(frozen=True, slots=True)
class Happening:
    """A fault, or an order at the desk."""

    at_s: float
    kind: str
    length_s: float = 0.0
    extension: str = ""
    account: str = ""
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    seed: int
    start: datetime
    exchange_ahead_s: float
    version: int
    extensions: tuple[str, ...]
    accounts: tuple[Account, ...]
    openings: dict[str, int]
    """Micros by account."""
    holders: dict[str, str]
    """Account by extension; some extensions are nobody's."""
    calls: tuple[PlannedCall, ...]
    orders: tuple[Happening, ...]
    faults: tuple[Happening, ...]
    store_slowest_s: float
    store_queue_max: int
    stance: Stance
    """The exchange's."""
    class_stances: dict[str, Stance]
    unaided: dict[str, UnaidedTerms]

    @property
    def stances(self) -> Stances:
        """Exchange and classes together."""
        return Stances({PBX: self.stance}, self.class_stances)

    def is_enforced(self, account_class: str) -> bool:
        """Whether accounts of this class may be locked and cut."""
        stances = (self.stance, self.class_stances.get(account_class, Stance.ENFORCE))
        return all(stance is Stance.ENFORCE for stance in stances)


FAULTS = (
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
NOISE = ("split", "delay", "duplicate", "lose")


def draw(seed: int) -> Plan:
    """The plan of this seed."""
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
    lengths = {"restart": (0, 20), "kill": (0.05, 40), "stop": (0.5, 20), "disk_full": (1, 70)}
    faults = []
    for kind in [chance.choice(FAULTS) for _ in range(chance.randint(3, 7))]:
        length_s = chance.uniform(*lengths.get(kind, (3, 45)))
        if kind == "step":
            length_s = chance.choice([-4.0, -0.5, 0.5, 6.0])
        faults.append(
            Happening(
                round(chance.uniform(0, LENGTH_S + 40), 3),
                kind,
                round(length_s, 3),
                chance.choice(extensions),
            )
        )
    return faults
