"""Reading a mapping of a cashless provider from a TOML table, with every mistake at once.

A mistake is one sentence that names its place in the table and the remedy. What the rules ask of a
provider is asked here: a reference and a sum in each answer that moves money (RP-64), a query by
our reference where there is one, and a way to void what was lost (RP-60, RP-61).
"""

from __future__ import annotations

import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from payments.cashless_mapping import (
    Act,
    ActMapping,
    AmountForm,
    CashlessMapping,
    CodeMeaning,
    Duplicates,
    ListMapping,
    Place,
    State,
    Trouble,
)
from payments.toml_table import Table
from rtbill.domain.errors import ConfigError
from rtbill.domain.money import EXPONENTS
from rtbill.domain.payment import DeclineClass

SHIPPED = Path(__file__).parent / "wsdl"
"""WSDLs and mappings that come with rtbill."""

_NAME = re.compile(r"[\w-]+(\.[\w-]+)*(\.@[\w-]+)?|@[\w-]+")
_MONEY = ("amount", "currency")
_ANSWER = ("reference", "provider_id", *_MONEY, "state", "code", "text")
_SENT: Mapping[Act, tuple[str, ...]] = {
    Act.AUTHORISE: ("reference", *_MONEY, "card", "account", "text"),
    Act.CAPTURE: ("reference", "provider_id", *_MONEY),
    Act.VOID: ("reference", "provider_id", *_MONEY),
    Act.QUERY: ("reference", "provider_id"),
    Act.REFUND: ("reference", "charge", "provider_id", *_MONEY),
    Act.LIST: ("since", "until"),
}
_READ: Mapping[Act, tuple[str, ...]] = dict.fromkeys(Act, _ANSWER) | {
    Act.REFUND: ("reference", "refund_id", *_MONEY, "state", "code", "text"),
    Act.LIST: ("provider_id", "reference", *_MONEY, "at", "kind"),
}
_SENT_ALWAYS: Mapping[Act, tuple[str, ...]] = {
    Act.AUTHORISE: ("reference", "amount", "card"),
    Act.CAPTURE: (),
    Act.VOID: (),
    Act.QUERY: ("reference",),
    Act.REFUND: ("reference", "amount"),
    Act.LIST: ("since", "until"),
}
_READ_ALWAYS: Mapping[Act, tuple[str, ...]] = {
    Act.AUTHORISE: ("reference", "amount"),
    Act.CAPTURE: ("reference", "amount"),
    Act.VOID: ("reference",),
    Act.QUERY: ("reference", "amount", "state"),
    Act.REFUND: ("reference", "refund_id", "amount"),
    Act.LIST: ("provider_id", "reference", "amount", "at"),
}
_WITHOUT_SUM = (Act.VOID,)
_NEEDED = (Act.AUTHORISE, Act.CAPTURE, Act.VOID)
_Choice = TypeVar("_Choice", bound=StrEnum)


def read_mapping_file(path: Path) -> CashlessMapping:
    """The mapping in a TOML file, whose WSDL lies beside it; ConfigError with every problem."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        text = f"{path}: cannot be read: {error.strerror}; name another file"
        raise ConfigError([text]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError([f"{path}: is not TOML in UTF-8: {error}"]) from error
    return read_mapping(content, path.parent, f"{path}: ")


def read_mapping(values: Mapping[str, object], folder: Path, prefix: str) -> CashlessMapping:
    """The mapping in a table; a relative WSDL begins at the folder. ConfigError with every problem,
    each of them after the prefix, such as `gateway[0].mapping.`.
    """
    table = Table(values, prefix)
    currency = _currency(table)
    fault = table.table("fault")
    common = _states(table), _codes(table)
    acts = {
        act: _act(table.table(act), act, common, only_currency=currency)
        for act in Act
        if act in values or act in _NEEDED
    }
    mapping = CashlessMapping(
        wsdl=folder / table.text("wsdl"),
        service=table.text("service"),
        port=table.text("port"),
        amounts=_choice(table, "amounts", AmountForm),
        duplicates=_choice(table, "duplicates", Duplicates),
        currency=currency,
        zone=_zone(table),
        fault_code=_place(fault, "code"),
        fault_text=_place(fault, "text"),
        acts=acts,
    )
    table.no_more()
    if not table.problems:
        _check_void(mapping, table)
    if table.problems:
        raise ConfigError(sorted(table.problems))
    return mapping


def _act(
    table: Table,
    act: Act,
    common: tuple[dict[str, State], dict[str, CodeMeaning]],
    *,
    only_currency: str,
) -> ActMapping:
    sent, read = _SENT_ALWAYS[act], _READ_ALWAYS[act]
    if not only_currency and act not in _WITHOUT_SUM:
        read += ("currency",)
    if not only_currency and act in (Act.AUTHORISE, Act.REFUND):
        sent += ("currency",)
    send = _places(table, "send", _SENT[act], sent)
    if act is Act.CAPTURE and not {"reference", "provider_id"} & send.keys():
        table.problem("send", "names neither reference nor provider_id; send one of them")
    items, total = _list_places(table, act)
    states, codes = common
    if act is Act.QUERY:
        # What an act that fails may say is no state of a payment.
        states = {word: state for word, state in states.items() if word != "*"}
    mapped = ActMapping(
        operation=table.text("operation"),
        send=send,
        read=_places(table, "read", _READ[act], read),
        fixed=_fixed(table),
        states=states | _states(table),
        codes=codes | _codes(table),
    )
    if "state" in mapped.read and not mapped.states:
        table.problem("states", "is missing; say what each word of the provider's means")
    if act is Act.LIST:
        words = frozenset(table.texts("refund_words"))
        mapped = ListMapping(
            operation=mapped.operation,
            send=mapped.send,
            read=mapped.read,
            fixed=mapped.fixed,
            items=items,
            total=total,
            refund_words=words,
        )
    table.no_more()
    return mapped


def _list_places(table: Table, act: Act) -> tuple[Place, Place]:
    if act is not Act.LIST:
        return (), ()
    items = _place(table, "items")
    if not items:
        table.problem("items", "is missing; name the element that repeats, such as payments.item")
    return items, _place(table, "total")


def _places(
    table: Table, key: str, known: tuple[str, ...], needed: tuple[str, ...]
) -> dict[str, Place]:
    inner = table.table(key)
    for word in needed:
        if not inner.has(word):
            inner.problem(word, f"is missing; {_WHY.get(word, 'name the element')}")
    found = {word: _place(inner, word) for word in known if inner.has(word)}
    inner.no_more()
    return found


_WHY = {
    "reference": "name the element with our reference: without it nobody knows what is answered",
    "amount": "name the element with the sum: a wrong one would pass unseen",
    "currency": "name the element with the currency, or give the mapping the only currency",
    "state": "name the element that says what became of it",
}


def _place(table: Table, key: str) -> Place:
    if not table.has(key):
        return ()
    written = table.text(key)
    if not _NAME.fullmatch(written):
        table.problem(key, f"is {written!r}; write names with dots, such as Result.Amount.@ccy")
    return tuple(written.split("."))


def _fixed(table: Table) -> dict[Place, str]:
    inner = table.table("fixed")
    found = {}
    for key in inner.names():
        if not _NAME.fullmatch(key):
            inner.problem(key, 'is no place; write names with dots in quotes, "Head.Terminal"')
        found[tuple(key.split("."))] = inner.text(key)
    return found


def _states(table: Table) -> dict[str, State]:
    inner = table.table("states")
    return {word: _choice(inner, word, State) for word in inner.names()}


def _codes(table: Table) -> dict[str, CodeMeaning]:
    inner = table.table("codes")
    known: dict[str, CodeMeaning] = {each.value: each for each in (*DeclineClass, *Trouble)}
    found: dict[str, CodeMeaning] = {}
    for code in inner.names():
        written = inner.text(code)
        if written in known:
            found[code] = known[written]
        else:
            inner.problem(code, f"is {written!r}; choose from {', '.join(known)}")
    return found


def _choice(table: Table, key: str, choices: type[_Choice]) -> _Choice:
    written = table.text(key)
    for choice in choices:
        if choice.value == written:
            return choice
    if written:
        table.problem(key, f"is {written!r}; choose from {', '.join(choices)}")
    return next(iter(choices))


def _currency(table: Table) -> str:
    if not table.has("currency"):
        return ""
    code = table.text("currency")
    if code not in EXPONENTS:
        table.problem("currency", f"is {code!r}; write an ISO 4217 code such as EUR")
    return code


def _zone(table: Table) -> str:
    if not table.has("zone"):
        return ""
    name = table.text("zone")
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        table.problem("zone", f"is {name!r}; write an IANA name such as Europe/Berlin")
    return name


def _check_void(mapping: CashlessMapping, table: Table) -> None:
    """What was lost on the way is voided by our reference, or by an id that the query tells."""
    query = mapping.acts.get(Act.QUERY)
    sent = mapping.acts[Act.VOID].send
    tells = query is not None and "provider_id" in query.read
    if "reference" not in sent and not ("provider_id" in sent and tells):
        remedy = "sends no reference; send it, or have query read the provider_id"
        table.problem("void.send", remedy)
