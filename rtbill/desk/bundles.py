"""Bundles: the desk's orders that make versions of them from files, give them and end them."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.bundle import Allowance, Bundle, amount_text
from rtbill.domain.changes import AddBundle, EndAllowance, GiveAllowance, Together
from rtbill.domain.errors import BadRecord, ConfigError, Conflict, Refused
from rtbill.formats.bundle_file import BundleSite, bundle_lines, read_bundles
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, Store

Answer = dict[str, Any]
Arguments = Mapping[str, Any]
KEY_LENGTH_MAX = 120
DAYS_MAX = 36_500


@dataclass(frozen=True, slots=True)
class BundleSettings:
    """What holds where a bundle's file says nothing, and what it may refer to."""

    currency: str
    zone: str
    calendars: Collection[str]


class Bundles:
    """Imports bundles, gives and ends them; locks and running calls follow."""

    def __init__(
        self,
        billing: Billing,
        store: Store,
        clock: Clock,
        wording: Wording,
        site: BundleSettings,
    ) -> None:
        self._billing = billing
        self._store = store
        self._clock = clock
        self._wording = wording
        self._site = site

    def orders(self) -> dict[str, Callable[[Arguments], Awaitable[Answer]]]:
        """By name; to be carried out one at a time."""
        return {
            "bundle.import": self.import_versions,
            "bundle.give": self.give,
            "bundle.end": self.end,
        }

    # ------------------------------------------------------------------ versions

    async def import_versions(self, arguments: Arguments) -> Answer:
        """What the file would make of its bundles, or with `apply` has made; nothing when it has
        problems. A bundle that says what its newest version says stays that version.
        """
        try:
            read = read_bundles(_document(str(arguments["toml"])), self._known())
        except ConfigError as wrong:
            return {"bundles": [], "problems": list(wrong.problems)}
        found = [self._next(each) for each in read]
        problems = [text for before, after in found if (text := _moved(before, after))]
        new = [after for before, after in found if after is not before]
        if new and not problems and arguments.get("apply", False):
            await self._store.change(Together(tuple(AddBundle(each) for each in new)))
            for each in new:
                self._billing.allowances.add(each)
        return {"bundles": [_json(*each) for each in found], "problems": problems}

    def _known(self) -> BundleSite:
        book = self._billing.assessor.book
        newest = {name: book.versions(name)[-1] for name in book.names}
        return BundleSite(
            currency=self._site.currency,
            zone=self._site.zone,
            calendars=self._site.calendars,
            tariffs={name: each.currency for name, each in newest.items()},
        )

    def _next(self, read: Bundle) -> tuple[Bundle | None, Bundle]:
        """The newest version, if any, and what comes after it: itself where nothing is new."""
        versions = self._billing.allowances.versions(read.name)
        if not versions:
            return None, read
        newest = versions[-1]
        after = replace(read, version=newest.version + 1)
        return newest, newest if replace(after, version=newest.version) == newest else after

    # ------------------------------------------------------------------ giving

    async def give(self, arguments: Arguments) -> Answer:
        """Give the newest version of a bundle to accounts, who share it. The same `key` with the
        same meaning gives nothing twice; Conflict when it stands for another allowance.
        """
        bundle = self._newest(str(arguments["bundle"]))
        accounts = self._accounts(arguments["accounts"])
        since = self._wording.instant(arguments.get("since"), self._clock.now())
        allowance = Allowance(
            key=self._key(arguments.get("key"), bundle, accounts),
            bundle=bundle.name,
            version=bundle.version,
            accounts=accounts,
            since=since,
            until=self._until(arguments, since),
        )
        known = self._billing.allowances.allowance(allowance.key)
        if known is not None:
            _check_same(known.allowance, allowance, arguments)
            return _given_json(known.bundle, known.allowance, is_repeated=True)
        reason = str(arguments.get("reason") or "")
        await self._store.change(GiveAllowance(allowance, self._clock.now(), reason))
        self._billing.allowances.give(allowance)
        await self._billing.reassess(sorted(accounts))
        return _given_json(bundle, allowance, is_repeated=False)

    def _newest(self, name: str) -> Bundle:
        versions = self._billing.allowances.versions(name)
        if not versions:
            known = ", ".join(self._billing.allowances.names()) or "none"
            raise Refused(f"there is no bundle {name!r}; there are: {known}")
        return versions[-1]

    def _accounts(self, named: object) -> frozenset[str]:
        if isinstance(named, str) or not isinstance(named, Sequence) or not named:
            raise BadRecord("accounts is a list of at least one account's id")
        for each in named:
            self._billing.directory.account(str(each))  # raises when there is none
        return frozenset(map(str, named))

    def _key(self, key: object, bundle: Bundle, accounts: Collection[str]) -> str:
        if key is None:
            first = min(accounts)
            return f"{bundle.name}:{first}:{self._clock.now():%Y%m%dT%H%M%S.%fZ}"
        text = str(key).strip()
        if not 0 < len(text) <= KEY_LENGTH_MAX or not text.isprintable():
            raise BadRecord(f"{key!r} is no key: write up to {KEY_LENGTH_MAX} characters")
        return text

    def _until(self, arguments: Arguments, since: datetime) -> datetime | None:
        days, until = arguments.get("days"), arguments.get("until")
        if days is not None and until is not None:
            raise BadRecord("write until when, or for how many days, not both")
        if days is not None:
            if not isinstance(days, int) or not 0 < days <= DAYS_MAX:
                raise BadRecord(f"{days!r} is no number of days from 1 to {DAYS_MAX}")
            local = since.astimezone(self._wording.zone) + timedelta(days=days)
            return self._wording.sure_instant(local.isoformat())
        if until is None:
            return None
        found = self._wording.sure_instant(str(until))
        if found <= since:
            raise BadRecord("it would end before it begins")
        return found

    async def end(self, arguments: Arguments) -> Answer:
        """The allowance of this key pays no call that is answered from then on."""
        key = str(arguments["key"])
        held = self._billing.allowances.allowance(key)
        if held is None:
            raise Refused(f"there is no allowance {key!r}; `rtbill bundle show` has their keys")
        at = self._wording.instant(arguments.get("at"), self._clock.now())
        await self._store.change(EndAllowance(key, at))
        self._billing.allowances.end(key, at)
        await self._billing.reassess(sorted(held.allowance.accounts))
        ended = self._billing.allowances.allowance(key)
        assert ended is not None
        return _given_json(ended.bundle, ended.allowance, is_repeated=False)


def _document(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError([f"the file is no TOML: {error}"]) from None


def _moved(before: Bundle | None, after: Bundle) -> str:
    """What is wrong with the next version; empty when nothing is."""
    if before is None or before.currency == after.currency:
        return ""
    return (
        f"bundle {after.name} is in {before.currency}; write one in {after.currency} under "
        "another name"
    )


def _check_same(known: Allowance, wanted: Allowance, arguments: Arguments) -> None:
    """Conflict when the key was given for something else; what an order leaves open is the same."""
    is_same = (known.bundle, known.accounts) == (wanted.bundle, wanted.accounts)
    if arguments.get("since"):
        is_same = is_same and known.since == wanted.since
    if not is_same:
        raise Conflict(
            f"key {wanted.key!r} was given before, for bundle {known.bundle} to "
            f"{', '.join(sorted(known.accounts))}; another allowance needs another key"
        )


def _json(before: Bundle | None, after: Bundle) -> Answer:
    return {
        "name": after.name,
        "version": after.version,
        "before": bundle_lines(before) if before else [],
        "after": bundle_lines(after),
        "is_same": after is before,
    }


def _given_json(bundle: Bundle, allowance: Allowance, *, is_repeated: bool) -> Answer:
    return {
        "key": allowance.key,
        "bundle": bundle.name,
        "version": bundle.version,
        "holds": amount_text(bundle, bundle.amount),
        "renewal": str(bundle.renewal),
        "accounts": sorted(allowance.accounts),
        "since": allowance.since.isoformat(),
        "until": allowance.until.isoformat() if allowance.until else None,
        "repeated": is_repeated,
    }
