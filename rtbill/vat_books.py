"""The part of ports.Reader about tax: terms, movements whose tax is to be booked, and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from rtbill.domain.vat import Movement, TaxedCredit, Undone, VatStanding, VatSum, VatTerms


class VatReader(Protocol):
    """What the books hold about tax, as committed."""

    async def vat_terms(self) -> Sequence[VatTerms]:
        """All that ever held, the newest last; none where tax was never booked."""
        ...

    async def vat_closed(self) -> tuple[int, int]:
        """Row of the last movement whose tax is booked, and how many came after it."""
        ...

    async def vat_movements(self, after: int, limit: int) -> Sequence[Movement]:
        """Those that follow this row, in the order of the books."""
        ...

    async def vat_undone(self, key: str) -> Undone:
        """The transfer of this key and what was taken back of it, by the tax that is booked."""
        ...

    async def taxed_credits(self, accounts: Sequence[str]) -> Mapping[str, TaxedCredit]:
        """Those that these accounts have."""
        ...

    async def vat_sums(self, since: date, until: date) -> Sequence[VatSum]:
        """Entries of [since, until) added up."""
        ...

    async def vat_standings(self) -> Sequence[VatStanding]:
        """What is in the balances now, by currency."""
        ...
