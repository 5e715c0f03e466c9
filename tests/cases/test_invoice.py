"""An operator's invoice, reproduced to the cent by a tariff of ours.

The rows are those of an invoice of Vivo (Brazil, June 2026): its type of call, its seconds, which
are billed ones, and its price; nothing else of it is kept. It was published as test material of
github.com/coelhocta/Tarifador (dados_teste, commit 4468fea).
"""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from rtbill.domain.money import MICROS, RoundingMode, parse_micros
from rtbill.domain.tariff import Rate, Rounding, Tariff, Terms
from rtbill.rating.lookup import RateTable
from rtbill.rating.price import price
from rtbill.rating.zones import SECOND_US
from tests.unit.rating.builders import NOON, YEAR_2026

ROWS = Path(__file__).parent / "vivo_rows.csv"
PER_MINUTE = {
    "VOZ": "0.1099",
    "VC1": "0.6199",
    "VC2": "0.8299",
    "VC3": "0.8899",
    "DDD": "0.6199",
    "DDC": "0.6199",
}
"""Found by trial: of prices with four decimals those that explain every row and end in 99."""
PREFIXES = {name: str(551 + place) for place, name in enumerate(PER_MINUTE)}
"""The invoice prices by type; ours by number."""
FIRST_S, NEXT_S = 30, 6


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, int, Decimal]]:
    with ROWS.open(encoding="utf-8", newline="") as file:
        return [
            (row["type"], int(row["seconds"]), Decimal(row["price"]))
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def table() -> RateTable:
    return RateTable(
        Tariff(
            name="invoice",
            version=1,
            currency="BRL",
            zone="America/Sao_Paulo",
            valid_from=YEAR_2026,
            rates=tuple(
                Rate(
                    prefix=PREFIXES[name],
                    destination=name,
                    terms=Terms.per_minute(parse_micros(per_minute), FIRST_S, NEXT_S),
                )
                for name, per_minute in PER_MINUTE.items()
            ),
            rounding=Rounding(RoundingMode.DOWN, digits=2),
        )
    )


def ours(table: RateTable, name: str, seconds: int) -> tuple[Decimal, int]:
    """Main units, and the seconds that are billed."""
    charged = price(table, f"+{PREFIXES[name]}000", NOON, seconds * SECOND_US)
    return Decimal(charged.micros) / MICROS, charged.billed_s


def test_the_whole_invoice_is_there(rows: list[tuple[str, int, Decimal]]) -> None:
    assert (len(rows), sum(paid for _, _, paid in rows)) == (1198, Decimal("969.10"))


def test_no_row_of_the_invoice_differs_in_price(
    rows: list[tuple[str, int, Decimal]], table: RateTable
) -> None:
    differing = {
        place: (name, seconds, paid, ours(table, name, seconds)[0])
        for place, (name, seconds, paid) in enumerate(rows)
        if ours(table, name, seconds)[0] != paid
    }
    assert differing == {}


def test_no_row_of_the_invoice_differs_in_what_is_billed(
    rows: list[tuple[str, int, Decimal]], table: RateTable
) -> None:
    differing = [row for row in rows if ours(table, row[0], row[1])[1] != row[1]]
    assert differing == []
