"""From the draft of a sheet to its mapping, or to a sentence that says what must be declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtbill.domain.errors import BadRecord
from rtbill.formats.mapping_table import Column
from rtbill.formats.sheet_draft import Draft
from rtbill.formats.sheet_mapping import SheetMapping, Source, ValidFrom, columns_of
from rtbill.formats.sheet_words import price_terms

REMEDY = "declare them in a mapping: --show-mapping prints one to start from, --mapping reads it"
_NEEDED = {
    "prefix": "prefixes",
    "destination": "destinations",
    "price": "prices",
}
_ONE_ONLY = (*_NEEDED, "country code", "connect fee", "increments", "valid from", "currency")


def detected(draft: Draft, increments: str = "") -> SheetMapping:
    """The mapping that the draft comes to; `increments` are for a sheet that has none. BadRecord
    says all that is missing or may be several, with the columns by name and the remedy.
    """
    doubts = _doubts(draft, increments)
    if doubts:
        raise BadRecord(f"the columns are not clear: {'; '.join(doubts)}; {REMEDY}")
    terms = price_terms(_header(draft, "price"))
    fee, currency, valid_from = (
        _column(draft, name) for name in ("connect fee", "currency", "valid from")
    )
    prefix, destination, price = (_column(draft, name) for name in _NEEDED)
    assert destination is not None
    assert price is not None
    return SheetMapping(
        skip_rows=draft.skip_rows,
        header=bool(draft.header),
        decimal=draft.decimal,
        prefix=prefix,
        country_code=_column(draft, "country code"),
        dash_is_range=draft.dash_is_range,
        destination=(destination,),
        price=price,
        unit_s=terms.unit_s,
        divide_by=terms.divide_by,
        connect_fee=Source(None, "0") if fee is None else Source(fee),
        increments=_increments(draft, increments),
        valid_from=None if valid_from is None else ValidFrom(valid_from, draft.date_form),
        currency=Source(None, terms.currency) if currency is None else Source(currency),
    )


def read_as(mapping: SheetMapping, header: Sequence[str]) -> list[str]:
    """What is read from where, for people to check."""
    places = {name: _place(column, header) for name, column in columns_of(mapping).items()}
    found = [f"{name} from column {_named(place, header)}" for name, place in places.items()]
    unit = "a minute" if mapping.unit_s == 60 else f"{mapping.unit_s} s"
    parts = f", in 1/{mapping.divide_by} of the main unit" if mapping.divide_by > 1 else ""
    found.append(f"prices are for {unit}{parts}, decimal {mapping.decimal!r}")
    constants = {
        "connect fee": mapping.connect_fee,
        "increments": mapping.increments,
        "currency": mapping.currency,
        **mapping.others,
    }
    found += [
        f"{name} {source.value} for all"
        for name, source in constants.items()
        if isinstance(source, Source) and source.column is None and source.value
    ]
    used = set(places.values())
    unused = [
        _named(place, header) for place, name in enumerate(header) if name and place not in used
    ]
    if unused:
        found.append(f"not read: column {', '.join(unused)}")
    return found


def mapping_text(draft: Draft, file: dict[str, str]) -> str:
    """A mapping file to start from; `file` has encoding, delimiter or sheet. What is not clear
    stands in comments.
    """
    lines = [f"{key} = {_quoted(value)}" for key, value in file.items()]
    lines += [
        f"skip_rows = {draft.skip_rows}",
        f"header = {'true' if draft.header else 'false'}",
        f"decimal = {_quoted(draft.decimal)}",
        *(f"# {doubt}" for doubt in draft.doubts),
    ]
    terms = price_terms(_header(draft, "price"))
    lines += ["", "[prefix]", *_choice(draft, "prefix", "column")]
    if "prefix" not in draft.candidates:
        lines.append('# destinations = "FILE.csv"    # where a list beside it has the prefixes')
    if "country code" in draft.candidates:
        lines += _choice(draft, "country code", "country_code")
    if not draft.dash_is_range:
        lines.append('dash = "blank"')
    lines += ["", "[destination]", *_choice(draft, "destination", "columns")]
    lines += ["", "[price]", *_choice(draft, "price", "column")]
    lines += [f"unit_s = {terms.unit_s}", f"divide_by = {terms.divide_by}"]
    lines += ["", "[connect_fee]", *_choice(draft, "connect fee", "column", 'value = "0"')]
    lines += ["", "[increments]"]
    if "first increment" in draft.candidates or "next increment" in draft.candidates:
        lines += _choice(draft, "first increment", "first")
        lines += _choice(draft, "next increment", "next")
    else:
        lines += _choice(draft, "increments", "column", '# value = "60/1"')
    if "valid from" in draft.candidates:
        form = f"format = {_quoted(draft.date_form)}"
        lines += ["", "[valid_from]", *_choice(draft, "valid from", "column"), form]
    lines += ["", "[currency]"]
    otherwise = f"value = {_quoted(terms.currency)}" if terms.currency else '# value = "EUR"'
    lines += _choice(draft, "currency", "column", otherwise)
    return "\n".join([*lines, ""])


def _doubts(draft: Draft, increments: str) -> list[str]:
    """What is missing, or may be several."""
    found = ([] if draft.header else ["no line names them"]) + draft.doubts
    lists = " (a mapping may name a list of destinations and their prefixes)"
    found += [
        f"there is no column of {plural}{lists if name == 'prefix' else ''}"
        for name, plural in _NEEDED.items()
        if name not in draft.candidates
    ]
    for name in (*_ONE_ONLY, "first increment", "next increment"):
        places = draft.candidates.get(name, [])
        if len(places) > 1:
            found.append(f"{name} may be column {' or '.join(map(draft.name, places))}")
    if not increments:
        found += _doubts_of_increments(draft)
    if draft.header and len(found) > len(draft.doubts):
        names = ", ".join(draft.name(place) for place, name in enumerate(draft.header) if name)
        found.append(f"the columns are {names}")
    return found


def _doubts_of_increments(draft: Draft) -> list[str]:
    has_first, has_next = (f"{each} increment" in draft.candidates for each in ("first", "next"))
    if has_first != has_next:
        return ["there is a column of only one of first and next increment"]
    if not has_first and "increments" not in draft.candidates:
        return ["there is no column of increments (--increments 60/1 says them for all lines)"]
    return []


def _increments(draft: Draft, increments: str) -> Source | tuple[Source, Source]:
    if increments:
        return Source(None, increments)
    first = _column(draft, "first increment")
    if first is not None:
        return Source(first), Source(_column(draft, "next increment"))
    return Source(_column(draft, "increments"))


def _column(draft: Draft, name: str) -> Column | None:
    places = draft.candidates.get(name)
    return places[0] + 1 if places else None


def _header(draft: Draft, name: str) -> str:
    places = draft.candidates.get(name)
    return draft.header[places[0]] if places and draft.header else ""


def _choice(draft: Draft, name: str, key: str, otherwise: str = "") -> list[str]:
    """The key with the first candidate, and the others in comments."""
    places = draft.candidates.get(name)
    if not places:
        return [otherwise or f"# {key} = ?"]
    columns = [_written(draft, place) for place in places]
    if key == "columns":
        columns = [f"[{column}]" for column in columns]
    first, *others = [f"{key} = {column}" for column in columns]
    return [first, *(f"# or {other}" for other in others)]


def _written(draft: Draft, place: int) -> str:
    """A column as a mapping file has it: by name where that tells it from the others."""
    name = draft.header[place] if draft.header else ""
    same = [each for each in draft.header if each.lower() == name.lower()]
    return _quoted(name) if name and len(same) == 1 else str(place + 1)


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    plain: dict[Any, str] = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    escaped = "".join(plain.get(each, each) for each in text)
    return (
        '"'
        + "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in escaped)
        + '"'
    )


def _place(column: Column, header: Sequence[str]) -> int:
    if isinstance(column, int):
        return column - 1
    return [name.lower() for name in header].index(column.strip().lower())


def _named(place: int, header: Sequence[str]) -> str:
    name = header[place] if place < len(header) else ""
    return f'{place + 1} "{name}"' if name else str(place + 1)
