"""docs/bundles.md: its example reckoned again, and every key of the file."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from pathlib import Path

from rtbill.domain.bundle import PoolKey
from rtbill.domain.call import EPOCH
from rtbill.domain.tariff import Tariff
from rtbill.formats.bundle_file import KEYS, BundleSite, read_bundles
from rtbill.rating.bundles import Share
from rtbill.rating.chain import Asked
from rtbill.rating.explain import amount_text, explain
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from rtbill.rating.tariff_file import read_tariff

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "bundles.md").read_text()
EXAMPLES = ROOT / "examples"
ZONE = "Europe/Berlin"


def test_the_worked_example_is_what_the_program_says() -> None:
    rates = read_tariff((EXAMPLES / "tariff-germany.csv").read_text()).rates
    table = RateTable(
        Tariff(name="germany", version=1, currency="EUR", zone=ZONE, valid_from=EPOCH, rates=rates)
    )
    site = BundleSite(currency="EUR", zone=ZONE, tariffs={})
    text = (EXAMPLES / "bundles.toml").read_text()
    bundles = {each.name: each for each in read_bundles(tomllib.loads(text), site)}
    shares = [
        Share(bundles["national-300"], PoolKey("n", 0), 100),
        Share(bundles["welcome"], PoolKey("w", 0), 100_000),
    ]
    answered_at = datetime.fromisoformat("2026-12-24T17:59:30+01:00")

    found = explain(Offer([table]), Asked("+4915112345678", answered_at), 150_000_000, shares)

    shown = DOCUMENT.partition("|---|---|\n| 60 s")[2].partition("\n\n")[0]
    lines = [f"| {line.text} | {amount_text(line.amount)} |" for line in found.lines]
    assert f"| 60 s{shown}".splitlines()[:3] == lines
    assert [f"| paid by {each.bundle.name} | 0.10 |" for each in found.payments] == [
        shown.splitlines()[4]
    ]
    assert (found.price.micros, found.payments[0].micros, found.debit_micros) == (
        118_500,
        100_000,
        18_500,
    )


def test_every_key_of_the_file_is_documented() -> None:
    named = set(re.findall(r"`([a-z_]+)`", DOCUMENT))
    assert {*KEYS["bundle"], *KEYS["bands"]} <= named
