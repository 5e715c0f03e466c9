"""Accounts: how they stand, their terms, their extensions, locks by hand."""

from __future__ import annotations

import asyncio
import bisect
import csv
import io
from collections import Counter
from collections.abc import Mapping
from datetime import UTC

from rtbill.credit.running_call import RunningCall
from rtbill.domain.account import BY_API, Extension
from rtbill.domain.errors import Refused
from rtbill.formats.accounts_csv import OPTIONAL, REQUIRED
from rtbill.live.calls import LOOKED_AT_SLICE
from rtbill.web.models import (
    AccountsPage,
    AccountsQuery,
    AccountView,
    ExtensionHeld,
    ExtensionTerms,
    ExtensionView,
    LiveView,
    LockedExtension,
    LockOrder,
    LockView,
    ServiceView,
    Terms,
    UnlockOrder,
)
from rtbill.web.office import Office, money
from rtbill.web.operation import Asked, Reply
from rtbill.web.problems import CONFLICT, INVALID, Trouble


class Accounts:
    """Answers about accounts, and orders about them at the desk."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def listed(self, asked: Asked[None, AccountsQuery]) -> Reply:
        """A page of accounts by id."""
        states = self._office.directory.states()
        first = bisect.bisect_right([each.account.id for each in states], asked.query.after)
        page = states[first : first + asked.query.limit]
        more = len(states) > first + len(page)
        live = await self._live()
        views = [await self._view(each.account.id, live) for each in page]
        return Reply(AccountsPage(accounts=views, next=page[-1].account.id if more else None))

    async def one(self, asked: Asked[None, None]) -> Reply:
        """An account as it stands."""
        account = self._office.directory.account(asked.path["account"]).id
        return Reply(await self._view(account, await self._live()))

    async def put(self, asked: Asked[Terms, None]) -> Reply:
        """The account has these terms, and is there if it was not."""
        account, terms = asked.path["account"], asked.body
        cells = dict.fromkeys((*REQUIRED, *OPTIONAL), "") | {
            "account": account,
            "name": terms.name,
            "kind": terms.kind,
            "currency": terms.currency,
            "credit_limit": terms.credit_limit,
            "class": terms.account_class,
            "tariff": terms.tariff,
        }
        is_new = not self._office.directory.knows(account)
        # As a file of accounts with one row: the desk checks it, and it is done or not at all.
        paper = io.StringIO()
        writer = csv.DictWriter(paper, cells)
        writer.writeheader()
        writer.writerow(cells)
        words = {"csv": paper.getvalue(), "apply": True}
        problems = (await self._office.order("accounts.import", words))["problems"]
        if problems:
            raise Trouble(INVALID, "; ".join(each.removeprefix("line 2: ") for each in problems))
        view = await self._view(account, await self._live())
        return Reply(view, 201 if is_new else 200)

    async def hold(self, asked: Asked[ExtensionTerms, None]) -> Reply:
        """The account holds the extension from an instant on; nothing changes when it does."""
        account, extension = asked.path["account"], _extension(asked.path)
        terms, at = asked.body, self._office.clock.now()
        holder = self._office.directory.holder(extension, at)
        is_same = holder is not None and (holder.account, holder.person) == (account, terms.person)
        if not (is_same and terms.valid_from is None):
            words = {
                "account": account,
                "extension": str(extension),
                "person": terms.person,
                "from": terms.valid_from.isoformat() if terms.valid_from else None,
                "move": terms.move or (holder is not None and holder.account == account),
            }
            await self._office.order("group.add", words)
        return Reply(ExtensionHeld(account=account, extension=str(extension)))

    async def give_up(self, asked: Asked[None, None]) -> Reply:
        """The account does not hold the extension any more."""
        words = {"account": asked.path["account"], "extension": str(_extension(asked.path))}
        await self._office.order("group.remove", words)
        return Reply(ExtensionHeld(**words))

    async def lock(self, asked: Asked[LockOrder, None]) -> Reply:
        """All extensions that the account holds now are locked by hand."""
        words = {"reason": asked.body.reason, "incoming": asked.body.incoming}
        return await self._each("lock", asked, words)

    async def unlock(self, asked: Asked[UnlockOrder, None]) -> Reply:
        """None of them is locked by hand any more, except at the desk; for want of money they may
        still be.
        """
        return await self._each("unlock", asked, {"reason": asked.body.reason})

    async def _each(
        self,
        verb: str,
        asked: Asked[LockOrder, None] | Asked[UnlockOrder, None],
        words: dict[str, str],
    ) -> Reply:
        account, words = asked.path["account"], {**words, "by": f"{BY_API}{asked.token}"}
        self._office.directory.account(account)  # raises when there is none
        held = self._office.directory.extensions_of(account, self._office.clock.now())
        if not held:
            raise Trouble(CONFLICT, f"account {account} holds no extension now")
        extensions: list[LockedExtension] = []
        left: list[str] = []
        for each in sorted(held):
            try:
                done = await self._office.order(verb, {**words, "extension": str(each)})
            except Refused as refused:
                lock = self._office.desk_locks.get(each)
                if lock is None:
                    raise
                left.append(str(refused))
                done = {
                    "extension": str(each),
                    "outgoing": lock.service.outgoing.value,
                    "incoming": lock.service.incoming.value,
                    "note": str(refused),
                }
            extensions.append(LockedExtension(note=done.pop("note", None), **done))
        if len(left) == len(held):
            raise Trouble(CONFLICT, left[0])
        return Reply(LockView(account=account, extensions=extensions))

    async def _live(self) -> Counter[tuple[str, bool]]:
        """Calls in progress by account, and whether they talk."""
        found: Counter[tuple[str, bool]] = Counter()
        for count, each in enumerate(self._office.live.in_progress(), start=1):
            if count % LOOKED_AT_SLICE == 0:
                await asyncio.sleep(0)
            found[self._office.live.account_of(each), isinstance(each, RunningCall)] += 1
        return found

    async def _view(self, of_account: str, live: Counter[tuple[str, bool]]) -> AccountView:
        """Balance, version and instant are of one movement: the latest that is committed."""
        newest = await self._office.reader.newest_transfer(of_account)
        state = self._office.directory.state(of_account)
        account, currency = state.account, state.account.currency
        balance = newest.transfer.balance_after_micros if newest else 0
        left = balance + account.credit_limit_micros - state.held_micros
        return AccountView(
            account=account.id,
            name=account.name,
            kind=account.kind.value,
            account_class=account.account_class,
            tariff=account.tariff,
            currency=currency,
            credit_limit=money(account.credit_limit_micros, currency),
            balance=money(balance, currency),
            version=newest.transfer.version if newest else 0,
            as_of=newest.posted_at if newest else None,
            held=money(state.held_micros, currency),
            grantable=money(left, currency),
            service=ServiceView(
                outgoing=state.service.outgoing.value, incoming=state.service.incoming.value
            ),
            live_calls=LiveView(talking=live[of_account, True], ringing=live[of_account, False]),
            extensions=self._extensions(account.id),
        )

    def _extensions(self, account: str) -> list[ExtensionView]:
        directory, at = self._office.directory, self._office.clock.now()
        found = []
        for extension in sorted(directory.extensions_of(account, at)):
            held, lock = directory.holder(extension, at), self._office.desk_locks.get(extension)
            assert held is not None, "what is held has a holder"
            view = ExtensionView(
                extension=str(extension),
                person=held.person,
                valid_from=held.valid_from.astimezone(UTC),
                until=held.valid_until,
                locked_by_hand=lock.reason if lock else None,
                locked_by=lock.by if lock else None,
            )
            found.append(view)
        return found


def _extension(path: Mapping[str, str]) -> Extension:
    return Extension(path["pbx"], path["number"])
