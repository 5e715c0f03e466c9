"""Reading a provider's mapping: what it must say, and how a mistake is told."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from payments.cashless_mapping import Act, AmountForm, Duplicates, ListMapping, State, Trouble
from payments.cashless_table import SHIPPED, read_mapping, read_mapping_file
from rtbill.domain.errors import ConfigError
from rtbill.domain.payment import DeclineClass
from tests.fakes.cashless import PURSE

SHIPPED_TABLE = tomllib.loads((SHIPPED / "cashless.toml").read_text())
PURSE_TABLE = tomllib.loads(PURSE.read_text())


def problems(table: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read_mapping(table, Path("/etc/rtbill"), "gateway[0].")
    return raised.value.problems


def changed(table: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with another value at that place; None takes the key away."""
    made = copy.deepcopy(table)
    *outer, last = path.split("/")
    inner = made
    for key in outer:
        inner = inner[key]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return made


def test_the_shipped_mapping_can_do_everything() -> None:
    mapping = read_mapping_file(SHIPPED / "cashless.toml")
    assert set(mapping.acts) == set(Act)
    assert mapping.finds
    assert mapping.amounts is AmountForm.MINOR
    assert mapping.wsdl == SHIPPED / "cashless.wsdl"
    assert mapping.acts[Act.CAPTURE].send["provider_id"] == ("authorisation",)
    listing = mapping.acts[Act.LIST]
    assert isinstance(listing, ListMapping)
    assert listing.items == ("payment",)


def test_another_provider_is_another_file() -> None:
    mapping = read_mapping_file(PURSE)
    assert set(mapping.acts) == {Act.AUTHORISE, Act.CAPTURE, Act.VOID, Act.QUERY}
    assert mapping.duplicates is Duplicates.REFUSED
    reserve = mapping.acts[Act.AUTHORISE]
    assert reserve.send["currency"] == ("Amt", "@Ccy")
    assert reserve.fixed == {("Head", "Terminal"): "RTB-1"}
    assert reserve.codes["51"] is DeclineClass.SOFT
    assert reserve.codes["94"] is Trouble.DUPLICATE
    assert mapping.acts[Act.QUERY].states["C"] is State.APPROVED


def test_who_takes_a_reference_twice_settles_nothing_by_being_asked() -> None:
    table = changed(SHIPPED_TABLE, "duplicates", "accepted")
    assert not read_mapping(table, Path(), "").finds


def test_who_has_no_query_settles_nothing() -> None:
    assert not read_mapping(changed(SHIPPED_TABLE, "query", None), Path(), "").finds


def test_a_relative_wsdl_begins_at_the_files_folder() -> None:
    assert read_mapping(SHIPPED_TABLE, Path("/etc/x"), "").wsdl == Path("/etc/x/cashless.wsdl")
    absolute = changed(SHIPPED_TABLE, "wsdl", "/srv/w.wsdl")
    assert read_mapping(absolute, Path("/etc/x"), "").wsdl == Path("/srv/w.wsdl")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("wsdl", None, "wsdl: is missing"),
        ("service", 7, "service: is 7; write text in quotes"),
        ("amounts", "cents", "amounts: is 'cents'; choose from minor, decimal"),
        ("duplicates", None, "duplicates: is missing"),
        ("currency", "EURO", "currency: is 'EURO'; write an ISO 4217 code such as EUR"),
        ("zone", "Berlin", "zone: is 'Berlin'; write an IANA name such as Europe/Berlin"),
        ("amount", "minor", "amount: unknown key; did you mean 'amounts'?"),
        ("capture", None, "capture.operation: is missing"),
        ("capture", "Capture", "capture: is 'Capture'; write a table"),
        ("capture/operation", None, "capture.operation: is missing"),
        (
            "capture/read/amount",
            None,
            "capture.read.amount: is missing; name the element with the sum: a wrong one would "
            "pass unseen",
        ),
        (
            "authorise/read/reference",
            None,
            "authorise.read.reference: is missing; name the element with our reference: without "
            "it nobody knows what is answered",
        ),
        (
            "query/read/currency",
            None,
            "query.read.currency: is missing; name the element with the currency, or give the "
            "mapping the only currency",
        ),
        (
            "query/send/reference",
            None,
            "query.send.reference: is missing; name the element with our reference: without it "
            "nobody knows what is answered",
        ),
        (
            "query/read/state",
            None,
            "query.read.state: is missing; name the element that says what became of it",
        ),
        ("authorise/send/card", None, "authorise.send.card: is missing; name the element"),
        (
            "capture/send",
            {"amount": "amount"},
            "capture.send: names neither reference nor provider_id; send one of them",
        ),
        (
            "void/send/refrence",
            "x",
            "void.send.refrence: unknown key; did you mean 'reference'?",
        ),
        (
            "authorise/read/amount",
            "Result/Amount",
            "authorise.read.amount: is 'Result/Amount'; write names with dots, such as "
            "Result.Amount.@ccy",
        ),
        (
            "authorise/fixed",
            {"a b": "x"},
            'authorise.fixed.a b: is no place; write names with dots in quotes, "Head.Terminal"',
        ),
        (
            "codes/TRY_AGAIN",
            "later",
            "codes.TRY_AGAIN: is 'later'; choose from fast, soft, vague, action, card, never, "
            "ours, duplicate, absent, busy",
        ),
        (
            "query/states",
            {"x": "ok"},
            "query.states.x: is 'ok'; choose from done, created, approved, declined, pending, "
            "cancelled, absent",
        ),
        (
            "states",
            None,
            "authorise.states: is missing; say what each word of the provider's means",
        ),
        (
            "list/items",
            None,
            "list.items: is missing; name the element that repeats, such as payments.item",
        ),
        ("list/refund_words", "refund", "list.refund_words: is 'refund'; write a list of texts"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_remedy(
    path: str, value: object, told: str
) -> None:
    assert f"gateway[0].{told}" in problems(changed(SHIPPED_TABLE, path, value))


def test_every_mistake_is_told_at_once() -> None:
    table = changed(changed(SHIPPED_TABLE, "wsdl", None), "amounts", "x")
    assert len(problems(table)) == 2


def test_what_was_lost_must_be_voidable_without_its_id() -> None:
    table = changed(SHIPPED_TABLE, "void/send/reference", None)
    assert read_mapping(table, Path(), "").acts[Act.VOID].send.keys() == {"provider_id"}
    told = "gateway[0].void.send: sends no reference; send it, or have query read the provider_id"
    assert problems(changed(table, "query", None)) == [told]
    assert problems(changed(table, "query/read/provider_id", None)) == [told]


def test_a_provider_of_one_currency_need_not_name_it() -> None:
    table = changed(PURSE_TABLE, "currency", "EUR")
    for act, half in (("authorise", "read"), ("authorise", "send"), ("capture", "read")):
        table = changed(table, f"{act}/{half}/currency", None)
    table = changed(table, "query/read/currency", None)
    assert read_mapping(table, Path(), "").currency == "EUR"


def test_the_documented_mapping_can_be_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cashless.md").read_text()
    written = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])
    others = {act: PURSE_TABLE[act] for act in ("capture", "void", "query")}
    mapping = read_mapping(written | others, Path(), "")
    assert mapping.fault_code == ("detail", "PurseFault", "rc")
    assert "*" in mapping.acts[Act.CAPTURE].states
    assert "*" not in mapping.acts[Act.QUERY].states


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        read_mapping_file(tmp_path / "none.toml")


def test_a_file_that_is_no_toml_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("wsdl = ")
    with pytest.raises(ConfigError, match=r"x\.toml: is not TOML in UTF-8"):
        read_mapping_file(tmp_path / "x.toml")
