"""Codes, PINs and trunks that stand for an account: the desk's orders about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from rtbill.billing import Billing
from rtbill.domain.changes import Bind, Change, Together, Unbind
from rtbill.domain.errors import BadRecord, Refused
from rtbill.domain.origin import CODE
from rtbill.domain.payer_key import Binding, KeyKind, PayerKey
from rtbill.domain.pins import Pins
from rtbill.formats.wording import Wording
from rtbill.ports import Clock, Reader, Store

Answer = dict[str, Any]
Arguments = Mapping[str, Any]


class PayerKeys:
    """Binds keys to accounts; the directory in memory follows each commit."""

    def __init__(  # noqa: PLR0913 - each is needed, and none belongs to another
        self,
        *,
        billing: Billing,
        store: Store,
        reader: Reader,
        clock: Clock,
        wording: Wording,
        pins: Pins,
        trunks: Collection[tuple[str, str]],
    ) -> None:
        """`trunks` are pairs of exchange and trunk group."""
        self._billing = billing
        self._store = store
        self._reader = reader
        self._clock = clock
        self._wording = wording
        self._pins = pins
        self._trunks = trunks

    async def bind(self, arguments: Arguments) -> Answer:
        """The key stands for the account from an instant on."""
        account = self._billing.directory.account(str(arguments["account"]))
        key = self._key(arguments)
        binding = Binding(
            account=account.id,
            key=key,
            valid_from=self._at(arguments),
            person=arguments.get("person") or None,
        )
        await self._store.change(Bind(binding, bool(arguments.get("move", False))))
        await self._follow()
        return {"account": account.id, "key": str(key), "from": binding.valid_from.isoformat()}

    async def unbind(self, arguments: Arguments) -> Answer:
        """The key no longer stands for the account from an instant on; without a value, every PIN
        of the account, or of one person of it.
        """
        account = self._billing.directory.account(str(arguments["account"]))
        at = self._at(arguments)
        keys = [self._key(arguments)] if arguments.get("value") else self._pins_of(arguments, at)
        changes: list[Change] = [Unbind(account.id, key, at) for key in keys]
        await self._store.change(Together(tuple(changes)))
        await self._follow()
        return {"account": account.id, "ended": len(keys), "until": at.isoformat()}

    def _pins_of(self, arguments: Arguments, at: datetime) -> list[PayerKey]:
        account, person = str(arguments["account"]), arguments.get("person") or None
        found = [
            each.key
            for each in self._billing.directory.bindings()
            if each.key.kind is KeyKind.PIN
            and each.account == account
            and person in (None, each.person)
            and each.covers(at)
        ]
        if not found:
            whose = f"{person} of account {account}" if person else f"account {account}"
            raise Refused(f"{whose} has no PIN at {at:%F %T} UTC")
        return found

    def _key(self, arguments: Arguments) -> PayerKey:
        value = str(arguments["value"])
        match arguments["kind"]:
            case KeyKind.CODE:
                if not CODE.fullmatch(value):
                    raise BadRecord(
                        f"{value!r} is no account code: 1 to 24 digits, letters, * and #"
                    )
                return PayerKey(KeyKind.CODE, value)
            case KeyKind.PIN:
                return self._pins.key(value)
            case KeyKind.TRUNK:
                return self._trunk(value)
            case other:
                raise BadRecord(f"{other!r} is no kind of key; known are {', '.join(KeyKind)}")

    def _trunk(self, written: str) -> PayerKey:
        pbx, slash, name = written.partition("/")
        if not slash:
            pbx, name = (self._wording.pbxs[0] if len(self._wording.pbxs) == 1 else ""), pbx
        if (pbx, name) not in self._trunks:
            known = ", ".join(sorted(f"{pbx}/{name}" for pbx, name in self._trunks))
            raise BadRecord(f"there is no trunk {written!r}; known are {known}")
        return PayerKey(KeyKind.TRUNK, name, pbx)

    def _at(self, arguments: Arguments) -> datetime:
        return self._wording.instant(arguments.get("from"), self._clock.now())

    async def _follow(self) -> None:
        self._billing.directory.replace_bindings(await self._reader.bindings())
        self._billing.reassign()
