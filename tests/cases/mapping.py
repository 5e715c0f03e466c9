"""From a case to what prices its calls: the tariff's shape says whose words it is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.cases.mapping_cgrates import hours, one_rate, profile
from tests.cases.mapping_oracle import synthetic
from tests.cases.mapping_others import (
    a2billing,
    astpp,
    freeside,
    kazoo,
    magnusbilling,
    nibblebill,
    prefix_list,
    yeti,
)
from tests.cases.price_list import PriceList
from tests.cases.reading import Case, Record
from tests.cases.unsupported import Unsupported, only

_BY_MODEL: dict[str, Callable[[Case], PriceList]] = {
    "a2billing": a2billing,
    "astpp": astpp,
    "freeside": freeside,
}
_BY_KEY: dict[str, Callable[[Case], PriceList]] = {
    "shared": synthetic,
    "activations": profile,
    "lines": hours,
    "rates": one_rate,
    "groups": one_rate,
    "rate": one_rate,
    "prefixes": prefix_list,
    "minimum_s": kazoo,
    "init_block": magnusbilling,
    "nibble_minimum": nibblebill,
    "initial_interval": yeti,
}
"""The first key that the tariff has."""


def price_list(case: Case) -> PriceList:
    """The tariffs of the case in our model; Unsupported when it has no place for something."""
    if "normal" in case.tariff or "bundle_rate" in case.tariff:
        return price_list(replace(case, tariff=_without_bundle(case.tariff)))
    model = case.tariff.get("model")
    if model in _BY_MODEL:
        return _BY_MODEL[model](case)
    for key, make in _BY_KEY.items():
        if key in case.tariff:
            return make(case)
    raise Unsupported(f"a tariff with {', '.join(case.tariff) or 'nothing'}")


def _without_bundle(tariff: Record) -> Record:
    """The tariff of the account, where the bundle's stands beside it."""
    if "normal" in tariff:
        only(tariff, "normal", "bundle")
        return tariff["normal"]  # type: ignore[no-any-return]
    return {key: value for key, value in tariff.items() if key != "bundle_rate"}
