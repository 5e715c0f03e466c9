"""A hall whose telephones buy credit: the service as a process, an exchange, two providers of money
and a mail server, all on loopback and all but the service in our hands.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator.ami_server import AmiServer
from simulator.calls import SimulatedCall
from simulator.card_gateway import CardGateway
from simulator.cashless_books import Books, Card, Code
from simulator.cashless_dialects import DIALECTS
from simulator.cashless_gateway import CashlessServer
from simulator.cashless_tokens import TokenGuard
from simulator.clock import SpeedClock
from simulator.exchange import Exchange
from tests.fakes.certificates import Authority, Certificate
from tests.fakes.mail_server import MailRoom, a_mail_server
from tests.integration.biller.process import SECRET, Biller, Room
from tests.integration.loopback_ports import free_port
from tests.integration.payments.holder import Holder

API_KEY = "sk_test_of_the_tests_only_0123456789"
WEBHOOK_SECRET = "whsec_of_the_tests_only_0123456789"
PASSWORD = "the-cashless-password-of-the-tests"
SETTLED_S = 15.0
"""Longer than the first look at what is unknown, with room for a busy machine."""
WHOLE = Path(__file__).parents[3] / "payments" / "wsdl"
RATES = """prefix,destination,connect_fee,price_per_minute,first_increment,next_increment
49,Germany,0,0.0600,1,1
44,United Kingdom,0,30.0000,1,1
"""
NEAR, DEAR = "0301234567", "00441632960000"
DEAR_PER_S = 0.5
EXTENSIONS = [str(number) for number in range(1001, 1011)]
SECRETS = {
    "cards-key": API_KEY,
    "cards-webhook-secrets": WEBHOOK_SECRET,
    "house-password": PASSWORD,
}
"""By the files they stand in."""
SECTIONS = """
[credit]
slice_min_s = 5
slice_max_s = 10
call_min_s = 0
[mail]
host = "127.0.0.1"
port = {mail_port}
security = "none"
sender = "rtbill@example.org"
operators = ["desk@example.org"]
[pay]
port = {pay_port}
{webhooks_apart}
{pay_tls}
[payments]
url = "{pay_url}"
grace = "0"
vat_percent = "19"
vat_confirmed_by = "A. Counter"
vat_confirmed_on = 2026-01-05
[[gateway]]
name = "cards"
kind = "stripe"
live = false
url = "{cards_url}"
timeout_s = 2
api_key_file = "cards-key"
webhook_secrets_file = "cards-webhook-secrets"
[[gateway]]
name = "house"
kind = "cashless"
url = "https://127.0.0.1:{house_port}/soap"
timeout_s = 2
mapping_file = "{mapping}"
ca_file = "{authority}"
client_cert_file = "{client_cert}"
client_key_file = "{client_key}"
user = "hall"
password_file = "house-password"
"""


def rooms(balance: str) -> list[Room]:
    """Ten prepaid telephones with so much each."""
    return [Room(each, balance, f"room-{each}@example.org") for each in EXTENSIONS]


@dataclass(frozen=True, kw_only=True)
class PayingHall:
    """All parts of it, running."""

    biller: Biller
    exchange: AmiServer
    cards: CardGateway
    house: CashlessServer
    mail: MailRoom
    pay_url: str
    webhook_url: str
    """Where the card provider tells what became of payments."""
    trust: ssl.SSLContext | None = None
    """Whom a browser believes, where the pages speak TLS themselves."""
    holders: list[Holder] = field(default_factory=list)

    # ------------------------------------------------------------------ what people do

    def holder(self) -> Holder:
        """Somebody with a browser of their own."""
        made = Holder(self.pay_url, self.trust)
        self.holders.append(made)
        return made

    async def order(self, *words: str) -> str:
        """One command at the desk, while everything else goes on; what it prints."""
        return await asyncio.to_thread(self.biller.run, *words)

    async def visitor(self, account: str) -> Holder:
        """A holder whom the desk gave a link, which is open."""
        answer = json.loads(await self.order("pay", "link", account, "--json"))
        holder = self.holder()
        await holder.come_in(answer["url"])
        return holder

    async def with_card(
        self, account: str, below: str, buy: str, card: str = "visa"
    ) -> tuple[Holder, str]:
        """A holder who gives a card and agrees to automatic top-ups; the card."""
        holder = await self.visitor(account)
        await holder.give_card(card)
        await holder.agree_to(threshold=below, increment=buy, month_max="1000.00")
        return holder, self.methods(account)[-1]

    async def with_purse(self, account: str, card: str, below: str, buy: str) -> None:
        """The same with a card of the house, taken down at the desk."""
        agreed = ("--agreed", "1", "--by", "desk")
        await self.order("pay", "method", "add", account, card, "--gateway", "house", *agreed)
        amounts = ("--below", below, "--buy", buy)
        await self.order("pay", "threshold", account, *amounts, "--on", *agreed)

    async def talk(self, extension: str, number: str = DEAR) -> SimulatedCall:
        """A call that is answered and goes on."""
        call = self.exchange.start_call(extension, number)
        await asyncio.sleep(0.2)
        self.exchange.answer(call)
        return call

    # ------------------------------------------------------------- what the exchange holds

    def talked_s(self, call: SimulatedCall) -> float:
        """Since it was answered."""
        assert call.answered_us is not None
        return (self.exchange.clock.now_us() - call.answered_us) / 1_000_000

    def is_barred(self, extension: str) -> bool:
        """Outside calls are refused there, and incoming ones sent to voicemail."""
        has = self.exchange.database.has
        return has("rtbill/lock", extension) and has("rtbill/divert", extension)

    def is_open(self, extension: str) -> bool:
        """Neither is so."""
        has = self.exchange.database.has
        return not has("rtbill/lock", extension) and not has("rtbill/divert", extension)

    # ---------------------------------------------------------------- what the books hold

    def methods(self, account: str) -> list[str]:
        """What it may pay from, oldest first."""
        return self._texts(
            "SELECT reference FROM payment_method WHERE account = ? ORDER BY kept_at", account
        )

    def top_ups(self, account: str) -> list[tuple[str, str]]:
        """Reference and state, oldest first."""
        sql = "SELECT reference, state FROM top_up WHERE account = ? ORDER BY reference"
        return [(str(one), str(two)) for one, two in self.biller.query(sql, account)]

    def states(self, account: str) -> list[str]:
        """Of its top-ups, oldest first."""
        return [state for _, state in self.top_ups(account)]

    def credits(self, account: str) -> list[int]:
        """Cents that top-ups brought, oldest first."""
        rows = self.biller.query(
            "SELECT amount_micros FROM transfer WHERE account = ? AND kind = 'top-up'"
            " AND debit LIKE 'clearing:%' ORDER BY id",
            account,
        )
        return [int(str(row[0])) // 10_000 for row in rows]

    def vat(self, source: str) -> list[tuple[str, str, int]]:
        """Debit, credit and micros of tax booked of this source, oldest first."""
        rows = self.biller.query(
            "SELECT debit, credit, micros FROM vat_entry WHERE source = ? ORDER BY id", source
        )
        return [(str(debit), str(credit), int(str(micros))) for debit, credit, micros in rows]

    def balance(self, account: str) -> int:
        """Micros."""
        ((micros,),) = self.biller.query("SELECT micros FROM balance WHERE account = ?", account)
        return int(str(micros))

    def _texts(self, sql: str, *values: object) -> list[str]:
        return [str(row[0]) for row in self.biller.query(sql, *values)]

    # --------------------------------------------------------- what the providers took

    def taken(self, account: str) -> list[int]:
        """Cents that the card provider took for its top-ups, by its own books, oldest first."""
        own = {reference for reference, _ in self.top_ups(account)}
        return [
            each["amount"]
            for each in reversed(self.cards.books.all_of("charge"))
            if each["metadata"].get("rtbill_top_up") in own and each["paid"]
        ]

    def drawn(self, card: str) -> list[int]:
        """Cents that the house took from a card, by its own books, oldest first."""
        payments = self.house.books.payments
        return [each.amount for each in payments if (each.card, each.state) == (card, "captured")]

    def intents(self, account: str) -> int:
        """Payments that the card provider knows for its top-ups, whatever became of them."""
        own = {reference for reference, _ in self.top_ups(account)}
        intents = self.cards.books.all_of("payment_intent")
        return sum(each["metadata"].get("rtbill_top_up") in own for each in intents)

    def has_heard_all(self) -> bool:
        """Every webhook is sent and looked into."""
        waiting = "SELECT count(*) FROM gateway_event WHERE processed_at IS NULL"
        return self.cards.webhooks.is_idle and self.biller.query(waiting) == [(0,)]

    def payment(self, account: str) -> str:
        """The card provider's id of its newest payment."""
        newest = self.top_ups(account)[-1][0]
        sql = "SELECT provider_id FROM top_up WHERE reference = ?"
        return self._texts(sql, newest)[0]

    def letters(self, account: str) -> list[str]:
        """What its holder was written: subjects and texts."""
        to = f"{account}@example.org"
        mails = zip(self.mail.mails, self.mail.envelopes, strict=True)
        return [_text(each) for each, (_, recipients) in mails if to in recipients]


def _text(mail: Any) -> str:
    body = mail.get_body(("plain",))
    return f"{mail['Subject']}\n{body.get_content()}"


def some_cards() -> Books:
    """Of the house: one with 50.00, one that is blocked."""
    return Books({"4711": Card(5_000), "4712": Card(5_000, Code.BLOCKED)})


def server_tls(own: Certificate, authority: Authority) -> ssl.SSLContext:
    """Of a server that asks for a certificate of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.cert_file, own.key_file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.cert_file)
    return context


async def until(true: Callable[[], bool], otherwise: str, timeout_s: float = SETTLED_S) -> float:
    """Seconds until it is so; fails when that takes too long."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < timeout_s, otherwise
        await asyncio.sleep(0.02)
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class PageTls:
    """The certificate that pages and webhooks show, and whom browser and provider believe."""

    own: Certificate
    trust: ssl.SSLContext

    @property
    def table(self) -> str:
        """Of the configuration."""
        return f'[pay.tls]\ncert_file = "{self.own.cert_file}"\nkey_file = "{self.own.key_file}"'


def _house(authority: Authority) -> CashlessServer:
    guard = TokenGuard("hall", PASSWORD)
    house = CashlessServer(some_cards(), DIALECTS["cashless"](), guard=guard)
    house.tls = server_tls(authority.certificate("house"), authority)
    return house


def _keep_secrets(folder: Path) -> None:
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret)
        (folder / name).chmod(0o400)


@asynccontextmanager
async def paying_hall(
    folder: Path,
    prepared: Path,
    extensions: Sequence[str] = EXTENSIONS,
    tls: PageTls | None = None,
    *,
    webhooks_apart: bool = False,
) -> AsyncIterator[PayingHall]:
    """At work, with a copy of prepared books; in clear text without `tls`."""
    clock, mail, pay_port = SpeedClock(), MailRoom(), free_port()
    webhook_port = free_port() if webhooks_apart else pay_port
    authority = Authority(folder / "tls")
    house, client = _house(authority), authority.certificate("rtbill")
    scheme, trust = ("https", tls.trust) if tls else ("http", None)
    webhook = f"{scheme}://127.0.0.1:{webhook_port}/webhooks/cards"
    pay_url = f"{scheme}://localhost:{pay_port}"
    async with (
        AmiServer(Exchange(clock.now_us, extensions=extensions), clock, secret=SECRET) as server,
        CardGateway(
            webhook=webhook, secret=WEBHOOK_SECRET, api_key=API_KEY, webhook_trust=trust
        ) as cards,
        house.serving() as house_port,
        a_mail_server(mail) as mail_port,
    ):
        sections = SECTIONS.format(
            mail_port=mail_port,
            pay_port=pay_port,
            pay_url=pay_url,
            webhooks_apart=f"webhook_port = {webhook_port}" if webhooks_apart else "",
            pay_tls=tls.table if tls else "",
            cards_url=cards.url,
            house_port=house_port,
            mapping=WHOLE / "cashless.toml",
            authority=authority.cert_file,
            client_cert=client.cert_file,
            client_key=client.key_file,
        )
        _keep_secrets(folder)
        biller = Biller(folder, server.port, more=sections)
        biller.take_over(prepared)
        hall = PayingHall(
            biller=biller,
            exchange=server,
            cards=cards,
            house=house,
            mail=mail,
            pay_url=pay_url,
            webhook_url=webhook,
            trust=trust,
        )
        biller.start()
        try:
            await biller.ready()
            yield hall
            await asyncio.to_thread(biller.stop)
            assert "proven" in await hall.order("verify")
        finally:
            biller.end()
            for each in hall.holders:
                await each.http.aclose()
