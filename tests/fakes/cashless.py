"""A simulated provider of cashless cards, and a gateway that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from payments.cashless_mapping import CashlessMapping
from payments.cashless_mapping import Duplicates as Known
from payments.cashless_soap import CashlessGateway
from payments.cashless_table import SHIPPED, read_mapping_file
from payments.soap_address import SoapAddress
from rtbill.domain.money import Money
from rtbill.domain.payment import Charge, MethodKind, PaymentMethod
from simulator.cashless_books import Books, Card, Code, Duplicates
from simulator.cashless_dialects import DIALECTS
from simulator.cashless_gateway import CashlessServer
from tests.fakes.environment import ManualClock

PURSE = Path(__file__).parent / "purse" / "purse.toml"
MAPPINGS = {"cashless": SHIPPED / "cashless.toml", "purse": PURSE}
DUPLICATES = {"cashless": Duplicates.REPLAY, "purse": Duplicates.REFUSE}
TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Provider:
    """Both sides of the wire."""

    gateway: CashlessGateway
    server: CashlessServer
    port: int
    mapping: CashlessMapping

    @property
    def books(self) -> Books:
        """The provider's own."""
        return self.server.books

    def balance(self, card: str = "4711") -> int:
        """In minor units."""
        return self.books.cards[card].balance

    def asked(self) -> list[str]:
        """The acts that came over the wire."""
        return [act for act, _ in self.server.asked]


def some_books(duplicates: Duplicates = Duplicates.REPLAY) -> Books:
    """Three cards: one with 50.00, one blocked, one expired."""
    return Books(
        {
            "4711": Card(5_000),
            "4712": Card(5_000, Code.BLOCKED),
            "4713": Card(5_000, Code.EXPIRED),
        },
        duplicates=duplicates,
    )


@asynccontextmanager
async def a_provider(
    dialect: str = "cashless",
    *,
    mapping: CashlessMapping | None = None,
    duplicates: Duplicates | None = None,
    timeout_s: float = TIMEOUT_S,
) -> AsyncIterator[Provider]:
    """One over plain HTTP on loopback."""
    mapping = mapping or read_mapping_file(MAPPINGS[dialect])
    server = CashlessServer(
        some_books(duplicates or DUPLICATES[dialect]), DIALECTS[dialect](), late_s=3 * timeout_s
    )
    async with server.serving() as port:
        address = SoapAddress(url=f"http://127.0.0.1:{port}/soap", timeout_s=timeout_s)
        gateway = await CashlessGateway.open("house", mapping, address, ManualClock())
        try:
            yield Provider(gateway, server, port, mapping)
        finally:
            await gateway.close()


def without(mapping: CashlessMapping, *acts: str) -> CashlessMapping:
    """The same provider, which cannot do that."""
    return replace(mapping, acts={act: how for act, how in mapping.acts.items() if act not in acts})


def accepting(mapping: CashlessMapping) -> CashlessMapping:
    """The same provider, which takes a reference twice."""
    return replace(mapping, duplicates=Known.ACCEPTED)


def a_charge(
    reference: str = "20261127000001",
    amount: str = "12.50",
    *,
    card: str = "4711",
    currency: str = "EUR",
) -> Charge:
    """A top-up of 12.50 EUR by the card with money."""
    whole, _, cents = amount.partition(".")
    micros = int(whole) * 1_000_000 + int(cents.ljust(6, "0"))
    method = PaymentMethod(gateway="house", kind=MethodKind.CASHLESS, reference=card)
    return Charge(
        reference=reference,
        account="room-1",
        money=Money(micros, currency),
        method=method,
        text="Telephone credit",
    )
