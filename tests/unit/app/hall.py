"""A hall of residence with books in memory, to set against somebody else's record."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from rtbill.app.books import number_plan
from rtbill.app.comparing import Compared, Request, compare
from rtbill.app.their_calls import TheirSource
from rtbill.comparison.values import Terms
from rtbill.config import Config, load_config
from rtbill.domain.account import (
    HOUSE,
    SUSPENSE,
    Account,
    AccountKind,
    AccountState,
    Extension,
    Membership,
    Service,
)
from rtbill.domain.call import EPOCH, CallRecord
from rtbill.domain.changes import AddTariff, Assign, CreateAccount
from rtbill.domain.directory import Directory
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment
from rtbill.rating.price_book import PriceBook
from tests.fakes.books import posting
from tests.fakes.builders import a_rate, a_tariff
from tests.fakes.memory_store import MemoryStore
from tests.fakes.virtual_clock import VirtualClock

PBX = "hall"
CONFIG = """
[site]
name = "Hall"
country = "DE"
country_code = "49"
area_code = "30"
internal = ["1xxx", "2xxx"]
zone = "{zone}"
currency = "EUR"
[store]
path = "rtbill.sqlite"
[control]
socket = "rtbill.sock"
[rating]
default_tariff = "retail"
[[pbx]]
name = "hall"
mode = "reactive"
host = "127.0.0.1"
user = "rtbill"
demo = true
secret = "a-secret-of-the-tests-only"
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*", "DAHDI/"]
"""
ANNEXE = """
[[pbx]]
name = "annexe"
mode = "reactive"
host = "127.0.0.1"
user = "rtbill"
demo = true
secret = "a-secret-of-the-tests-only"
[[pbx.trunk]]
name = "carrier"
match = ["PJSIP/carrier-*"]
"""
"""A second exchange."""
RETAIL = a_tariff(
    a_rate("1/1", "0.60", prefix="49"), a_rate("1/1", "1.20", prefix="41"), name="retail"
)
"""A cent a second in the country, two to Switzerland."""


class Hall:
    """Extension 1001 and its neighbours belong to room-1, 1002 and so on."""

    def __init__(self, folder: Path, zone: str = "UTC", *, annexe: bool = False) -> None:
        path = folder / "config.toml"
        path.write_text(CONFIG.format(zone=zone) + (ANNEXE if annexe else ""))
        self.config: Config = load_config(path)
        self.store = MemoryStore(VirtualClock())
        rooms = {f"room-{last}": f"100{last}" for last in range(1, 10)}
        self.accounts = [
            Account(id=name, name=name, kind=AccountKind.POSTPAID, currency="EUR")
            for name in (*rooms, HOUSE, SUSPENSE)
        ]
        self.memberships = [
            Membership(account=name, extension=Extension(PBX, number), valid_from=EPOCH)
            for name, number in rooms.items()
        ]
        states = [AccountState(each, 0, 0, Service()) for each in self.accounts]
        self.assessor = Assessor(
            Directory(states, self.memberships),
            number_plan(self.config.site),
            PriceBook([RETAIL]),
            Assignment(default="retail"),
        )

    async def open(self) -> Hall:
        """With accounts, members and the tariff in the books."""
        await self.store.change(AddTariff(RETAIL))
        for account in self.accounts:
            await self.store.change(CreateAccount(account))
        for membership in self.memberships:
            await self.store.change(Assign(membership))
        return self

    async def bill(self, record: CallRecord) -> None:
        """The call as the service would have booked it."""
        await self.store.submit(posting(self.assessor.assess(record)))

    async def compare(
        self,
        source: TheirSource,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        **fields: Any,
    ) -> Compared:
        """What `rtbill compare` finds."""
        request: dict[str, Any] = {
            "source": source,
            "pbx": None,
            "trunk": None,
            "since": since,
            "until": until,
            "terms": Terms(since_us=0, until_us=0),
        }
        return await compare(self.config, self.store, Request(**(request | fields)))
