"""What a person at the desk may order, by name: the command line and the local API speak to this.

Arguments and answers are plain JSON values; money is decimal text beside its currency; a date
without a time is midnight in the site's zone.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from rtbill import consequences
from rtbill.billing import Billing
from rtbill.domain.account import (
    Account,
    AccountState,
    DeskLock,
    Extension,
    Incoming,
    Membership,
    Outgoing,
    Service,
)
from rtbill.domain.errors import BadRecord, Conflict
from rtbill.domain.money import EXPONENTS, decimal_text, known_currency, parse_micros
from rtbill.domain.tariff import Rate, Tariff
from rtbill.formats import accounts_csv
from rtbill.jobs import Enforcement
from rtbill.ports import (
    AddTariff,
    Assign,
    ChangeAccount,
    Clock,
    CreateAccount,
    EndMembership,
    LiftDeskLock,
    Operation,
    Reader,
    SetDeskLock,
    Store,
)
from rtbill.rating import tariff_file
from rtbill.rating.lookup import RateTable, TariffBook
from rtbill.waiting_calls import WaitingCalls

_EXTENSION = re.compile(r"[0-9A-Za-z*#+._-]{1,32}")
Answer = dict[str, Any]
Arguments = Mapping[str, Any]


class Desk:
    """Carries out one order at a time against the books, in a running service or without one."""

    def __init__(  # noqa: PLR0913 - the composition root hands over each collaborator once
        self,
        *,
        billing: Billing,
        enforcement: Enforcement,
        store: Store,
        reader: Reader,
        clock: Clock,
        zone: str,
        currency: str,
        pbxs: Sequence[str],
    ) -> None:
        self._billing = billing
        self._enforcement = enforcement
        self._store = store
        self._reader = reader
        self._clock = clock
        self._zone = ZoneInfo(zone)
        self._zone_name = zone
        self._currency = currency
        self._pbxs = tuple(pbxs)
        waiting = WaitingCalls(billing=billing, store=store, reader=reader, clock=clock)
        self._orders: dict[str, Callable[[Arguments], Awaitable[Answer]]] = {
            "accounts.import": self._import_accounts,
            "group.add": self._group_add,
            "group.remove": self._group_remove,
            "tariff.import": self._import_tariff,
            "credit": self._credit,
            "lock": self._lock,
            "unlock": self._unlock,
            "calls.bill": waiting.bill,
            "calls.drop": waiting.drop,
        }

    def add_order(self, verb: str, order: Callable[[Arguments], Awaitable[Answer]]) -> None:
        """Teach the desk an order that needs more than the books, such as a capture."""
        self._orders[verb] = order

    async def order(self, verb: str, arguments: Arguments) -> Answer:
        """Carry out one order; Refused, Conflict, BadRecord say what is wrong and what to do."""
        carry_out = self._orders.get(verb)
        if carry_out is None:
            known = ", ".join(sorted(self._orders))
            raise BadRecord(f"unknown order {verb!r}; known are {known}")
        try:
            return await carry_out(arguments)
        except KeyError as missing:
            raise BadRecord(f"{verb}: argument {missing} is missing") from None

    # ------------------------------------------------------------------ accounts and members

    async def _import_accounts(self, arguments: Arguments) -> Answer:
        read = accounts_csv.read_accounts(str(arguments["csv"]), self._zone)
        problems = [str(problem) for problem in read.problems] + self._conflicts(read)
        problems += self._openings_too_fine(read)
        answer: Answer = {"created": [], "changed": [], "assigned": [], "credited": []}
        answer["problems"] = problems
        if problems:
            return answer
        apply = bool(arguments.get("apply", False))
        for account in read.accounts:
            await self._put_account(account, answer, apply=apply)
        for membership in read.memberships:
            if membership in self._billing.directory.memberships():
                continue
            if apply:
                await self._assign(membership, move=False)
            answer["assigned"].append(f"{membership.extension} to {membership.account}")
        for account_id, micros in read.opening_micros.items():
            await self._put_opening(account_id, micros, answer, apply=apply)
        await self._billing.reassess([*answer["created"], *answer["changed"]] if apply else [])
        return answer

    def _conflicts(self, read: accounts_csv.AccountsFile) -> list[str]:
        problems = []
        known = self._billing.directory.memberships()
        for membership in read.memberships:
            for other in known:
                if membership != other and membership.overlaps(other):
                    problems.append(
                        f"{membership.extension} already belongs to {other.account} from "
                        f"{other.valid_from.astimezone(self._zone):%F}; move it with "
                        f"`rtbill group add {membership.account} {membership.extension} --move`"
                    )
        classes = self._billing.policies.names()
        for account in read.accounts:
            if account.account_class not in classes:
                problems.append(
                    f"account {account.id}: class {account.account_class!r} is not in config.toml; "
                    f"known are {', '.join(classes)}"
                )
            if self._billing.directory.knows(account.id):
                old = self._billing.directory.account(account.id)
                if old.currency != account.currency:
                    problems.append(
                        f"account {account.id} is kept in {old.currency}, not {account.currency}; "
                        "an account's currency never changes"
                    )
        return problems

    def _openings_too_fine(self, read: accounts_csv.AccountsFile) -> list[str]:
        currencies = {account.id: account.currency for account in read.accounts}
        return [
            f"account {account}: opening balance {too_fine}"
            for account, micros in read.opening_micros.items()
            if (too_fine := _too_fine(micros, currencies[account]))
        ]

    async def _put_account(self, account: Account, answer: Answer, *, apply: bool) -> None:
        directory = self._billing.directory
        if not directory.knows(account.id):
            if apply:
                await self._store.change(CreateAccount(account))
                directory.put(AccountState(account, 0, 0, Service()))
            answer["created"].append(account.id)
        elif directory.account(account.id) != account:
            if apply:
                await self._store.change(ChangeAccount(account))
                directory.change_terms(account)
                self._wake()
            answer["changed"].append(account.id)

    async def _put_opening(
        self, account_id: str, micros: int, answer: Answer, *, apply: bool
    ) -> None:
        if not apply:
            if micros and account_id in answer["created"]:
                answer["credited"].append(f"{account_id} {decimal_text(micros)}")
            return
        if micros == 0:
            return
        try:
            credited = await self._post_credit(
                account_id, micros, f"opening:{account_id}", "opening balance"
            )
        except Conflict as other_amount:
            # The rest of the file is good: what stands in it is carried out.
            answer["problems"].append(f"account {account_id}: opening balance: {other_amount}")
            return
        if not credited["repeated"]:
            answer["credited"].append(f"{account_id} {credited['amount']} {credited['currency']}")

    async def _group_add(self, arguments: Arguments) -> Answer:
        account = self._billing.directory.account(str(arguments["account"]))
        membership = Membership(
            account=account.id,
            extension=self._extension(arguments["extension"]),
            valid_from=self._instant(arguments.get("from")),
            person=arguments.get("person") or None,
        )
        await self._assign(membership, move=bool(arguments.get("move", False)))
        return {"account": account.id, "extension": str(membership.extension)}

    async def _group_remove(self, arguments: Arguments) -> Answer:
        account = self._billing.directory.account(str(arguments["account"]))
        extension = self._extension(arguments["extension"])
        at = self._instant(arguments.get("from"))
        await self._store.change(EndMembership(account.id, extension, at))
        await self._reload_memberships()
        return {"account": account.id, "extension": str(extension), "until": at.isoformat()}

    async def _assign(self, membership: Membership, *, move: bool) -> None:
        await self._store.change(Assign(membership, move))
        await self._reload_memberships()
        self._billing.alarms.clear("house", str(membership.extension))

    async def _reload_memberships(self) -> None:
        self._billing.directory.replace_memberships(await self._reader.memberships())
        self._wake()

    # ------------------------------------------------------------------ money

    async def _credit(self, arguments: Arguments) -> Answer:
        micros = parse_micros(str(arguments["amount"]))
        if micros == 0:
            raise BadRecord("an amount of zero moves nothing; give what was received")
        key = str(arguments["key"]).strip()
        if not key:
            raise BadRecord("a credit needs a key, so that repeating it cannot pay twice")
        reason = str(arguments.get("reason") or "credit at the desk")
        return await self._post_credit(str(arguments["account"]), micros, key, reason)

    async def _post_credit(self, account: str, micros: int, key: str, reason: str) -> Answer:
        terms = self._billing.directory.account(account)
        digits = EXPONENTS[terms.currency]
        if too_fine := _too_fine(micros, terms.currency):
            raise BadRecord(too_fine)
        at = self._clock.now()
        decide = partial(
            consequences.credited,
            micros=micros,
            key=key,
            reason=reason,
            policies=self._billing.policies,
            at=at,
        )
        operation = Operation(account, f"credit:{key}", decide)
        committed = await self._store.submit(operation)
        self._billing.committed(committed)
        transfer = committed.facts.transfers[0] if committed.facts else committed.first
        assert transfer is not None, "a credit leaves a transfer"
        signed = transfer.amount_micros * (1 if transfer.credit == account else -1)
        if transfer.account != account or signed != micros:
            raise Conflict(
                f"key {key!r} was used before: {decimal_text(signed)} {transfer.currency} to "
                f"{transfer.account}; a new credit needs a new key"
            )
        return {
            "account": account,
            "amount": decimal_text(micros, digits),
            "currency": terms.currency,
            "balance": decimal_text(self._billing.directory.state(account).balance_micros, digits),
            "repeated": committed.facts is None,
        }

    # ------------------------------------------------------------------ tariffs

    async def _import_tariff(self, arguments: Arguments) -> Answer:
        name = str(arguments["name"])
        read = tariff_file.read_tariff(str(arguments["csv"]))
        tariffs = await self._reader.tariffs()
        versions = [each for each in tariffs if each.name == name]
        newest = max(versions, key=lambda each: each.version, default=None)
        difference = tariff_file.diff(newest.rates if newest else (), read.rates)
        answer: Answer = {
            "new": [_describe(rate) for rate in difference.new],
            "changed": [f"{_describe(old)} -> {_describe(new)}" for old, new in difference.changed],
            "ended": [_describe(rate) for rate in difference.ended],
            "problems": [str(problem) for problem in read.problems],
            "version": newest.version if newest else 0,
        }
        if read.problems or not arguments.get("apply", False):
            return answer
        if newest is not None and not (answer["new"] or answer["changed"] or answer["ended"]):
            return answer
        added = Tariff(
            name=name,
            version=(newest.version if newest else 0) + 1,
            currency=str(arguments.get("currency") or self._currency),
            zone=str(arguments.get("zone") or self._zone_name),
            valid_from=self._instant(arguments.get("valid_from")),
            rates=read.rates,
        )
        known_currency(added.currency)
        RateTable(added)  # refuses what could not be priced by, before it is in the books
        book = TariffBook([*tariffs, added])
        await self._store.change(AddTariff(added))
        self._billing.assessor.replace_book(book)
        answer["version"] = added.version
        return answer

    # ------------------------------------------------------------------ locks by hand

    async def _lock(self, arguments: Arguments) -> Answer:
        extension = self._extension(arguments["extension"])
        try:
            incoming = Incoming(arguments.get("incoming") or "ring")
        except ValueError:
            raise BadRecord("incoming is `ring` or `divert`") from None
        reason = str(arguments.get("reason") or "locked at the desk")
        service = Service(Outgoing.LOCKED, incoming)
        lock = DeskLock(extension, service, reason, self._clock.now())
        await self._store.change(SetDeskLock(lock))
        self._enforcement.desk_locks[extension] = lock
        self._wake()
        return {"extension": str(extension), "outgoing": "locked", "incoming": str(incoming)}

    async def _unlock(self, arguments: Arguments) -> Answer:
        extension = self._extension(arguments["extension"])
        await self._store.change(LiftDeskLock(extension))
        self._enforcement.desk_locks.pop(extension, None)
        self._wake()
        wanted = self._enforcement.wanted(extension.pbx).get(extension.number, Service())
        answer: Answer = {
            "extension": str(extension),
            "outgoing": str(wanted.outgoing),
            "incoming": str(wanted.incoming),
        }
        if wanted != Service():
            answer["note"] = "still locked for want of money; crediting the account opens it"
        return answer

    # ------------------------------------------------------------------ reading arguments

    def _instant(self, text: object) -> datetime:
        if not text:
            return self._clock.now()
        try:
            instant = datetime.fromisoformat(str(text))
        except ValueError:
            raise BadRecord(f"{text!r} is not a date; write 2026-12-01") from None
        return (instant if instant.tzinfo else instant.replace(tzinfo=self._zone)).astimezone(UTC)

    def _extension(self, text: object) -> Extension:
        pbx, slash, number = str(text).partition("/")
        if not slash:
            pbx, number = "", pbx
        if not pbx and len(self._pbxs) == 1:
            pbx = self._pbxs[0]
        if not _EXTENSION.fullmatch(number) or pbx not in self._pbxs:
            known = ", ".join(self._pbxs)
            raise BadRecord(f"{text!r} is not an extension; write PBX/NUMBER, with PBX of: {known}")
        return Extension(pbx, number)

    def _wake(self) -> None:
        for line in self._billing.lines.values():
            line.wake.set()


def _too_fine(micros: int, currency: str) -> str:
    """What is wrong with an amount that no coins of the currency make; empty when they do."""
    if micros % 10 ** (6 - EXPONENTS[currency]):
        return f"{decimal_text(micros)} {currency} is finer than its coins"
    return ""


def _describe(rate: Rate) -> str:
    when = " ".join((tariff_file.days_text(rate.band), tariff_file.hours_text(rate.band))).strip()
    price = decimal_text(rate.price_per_minute_micros)
    fee = f" + {decimal_text(rate.connect_fee_micros)}" if rate.connect_fee_micros else ""
    increments = f"{rate.first_increment_s}/{rate.next_increment_s}"
    return f"{rate.prefix} {rate.destination} {price}/min {increments}{fee} {when}".rstrip()
