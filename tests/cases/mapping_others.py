"""One rate each, in the words of other billing programs."""

from __future__ import annotations

from decimal import Decimal

from rtbill.domain.money import RoundingMode
from rtbill.domain.price_plan import Discount, PricePlan, Tax
from rtbill.domain.tariff import MINUTE_S, Counting, Rate, Rounding, Step, Terms
from tests.cases.dialling import ANY_NUMBER
from tests.cases.price_list import TO_THE_MICRO, PriceList, a_plan
from tests.cases.reading import Case, Record
from tests.cases.unsupported import Unsupported, micros, only, ppm

_KAZOO_ROUNDING = Rounding(RoundingMode.DOWN, digits=4)
"""Whole ten-thousandths of a dollar, the rest cut off."""


def a2billing(case: Case) -> PriceList:
    """Blocks end at multiples of themselves; a least length, fees at both ends and in between, and
    seconds added to the talk, which it calls grace.
    """
    tariff = case.tariff
    only(
        tariff,
        *("model", "rate_per_min", "init", "block", "conn"),
        *("disc", "disc_after", "addc", "addt", "grace"),
    )
    return _of(
        Terms(
            steps=_minute_price(tariff["rate_per_min"], tariff["block"]),
            first_increment_s=tariff["init"],
            counting=Counting.FROM_ZERO,
            connect_fee_micros=micros(tariff.get("conn", 0)),
            disconnect_fee_micros=micros(tariff.get("disc", 0)),
            disconnect_after_s=tariff.get("disc_after", 0),
            recurring_fee_micros=micros(tariff.get("addc", 0)),
            recurring_every_s=tariff.get("addt", 0),
            added_s=tariff.get("grace", 0),
        )
    )


def astpp(case: Case) -> PriceList:
    """Included seconds, then a first and further increments."""
    tariff = case.tariff
    only(tariff, "model", "cost_per_min", "inc", "init", "conn", "incl")
    return _of(
        Terms(
            steps=_minute_price(tariff["cost_per_min"], tariff["inc"]),
            first_increment_s=tariff["init"],
            connect_fee_micros=micros(tariff.get("conn", 0)),
            free_s=tariff.get("incl", 0),
        )
    )


def prefix_list(case: Case) -> PriceList:
    """Prices a minute by prefix."""
    only(case.tariff, "prefixes")
    return PriceList.of_rates(
        Rate(prefix=prefix, destination=prefix, terms=Terms.per_minute(micros(price), 1, 1))
        for prefix, price in case.tariff["prefixes"].items()
    )


def freeside(case: Case) -> PriceList:
    """A price a minute in whole grains, or one for the call; no grain is a second."""
    tariff = case.tariff
    only(tariff, "model", "per_min", "per_call", "granularity", "conn_charge", "decimals")
    grain_s = tariff["granularity"] or 1
    fee = micros(tariff.get("conn_charge", 0)) + micros(tariff.get("per_call", 0))
    terms = Terms.per_minute(micros(tariff.get("per_min", 0)), grain_s, grain_s, fee)
    return _of(terms, Rounding(RoundingMode.HALF_UP, tariff["decimals"]))


def kazoo(case: Case) -> PriceList:
    """Ten-thousandths of a dollar, cut off; a least length, a surcharge, a time that costs nothing.
    A discount is one of a price plan.
    """
    tariff = case.tariff
    only(
        tariff,
        *("rate_units_per_min", "rate_dollars_per_min", "surcharge_units", "surcharge_dollars"),
        *("increment", "minimum_s", "nocharge_time", "discount_percent"),
    )
    micros_per_min = _kazoo_micros(tariff, "rate", "_per_min")
    terms = Terms(
        steps=(Step(0, micros_per_min, MINUTE_S, tariff.get("increment", MINUTE_S)),),
        first_increment_s=tariff["minimum_s"],
        connect_fee_micros=_kazoo_micros(tariff, "surcharge", ""),
        grace_s=tariff.get("nocharge_time", 0),
    )
    plan = None
    if "discount_percent" in tariff:
        share = ppm(tariff["discount_percent"])
        plan = a_plan(discounts=[Discount(name="case", percent_ppm=share)])
    return _of(terms, _KAZOO_ROUNDING, plan)


def _kazoo_micros(tariff: Record, name: str, per: str) -> int:
    if f"{name}_dollars{per}" in tariff:
        return micros(tariff[f"{name}_dollars{per}"])
    return micros(Decimal(tariff[f"{name}_units{per}"]) / 10_000)


def magnusbilling(case: Case) -> PriceList:
    """Blocks that end at multiples of themselves."""
    tariff = case.tariff
    only(tariff, "rate_per_min", "init_block", "block")
    return _of(
        Terms(
            steps=_minute_price(tariff["rate_per_min"], tariff["block"]),
            first_increment_s=tariff["init_block"],
            counting=Counting.FROM_ZERO,
        )
    )


def nibblebill(case: Case) -> PriceList:
    """Talk time to the microsecond, or in increments; ours is never finer than a second."""
    tariff = case.tariff
    only(tariff, "rate_per_min", "increment", "nibble_minimum")
    if tariff["nibble_minimum"] is not None:
        raise Unsupported("no least amount of a debit")
    return _of(Terms(steps=_minute_price(tariff["rate_per_min"], int(tariff["increment"] or 1))))


def yeti(case: Case) -> PriceList:
    """One price for the first interval, another one after it; a tax is one of a price plan."""
    tariff = case.tariff
    only(
        tariff,
        *("connect_fee", "initial_rate_per_min", "next_rate_per_min"),
        *("initial_interval", "next_interval", "tax_percent"),
    )
    first_s = tariff["initial_interval"]
    return _of(
        Terms(
            steps=(
                *_minute_price(tariff["initial_rate_per_min"], first_s),
                Step(first_s, micros(tariff["next_rate_per_min"]), 60, tariff["next_interval"]),
            ),
            connect_fee_micros=micros(tariff["connect_fee"]),
        ),
        plan=a_plan(tax=Tax("case", ppm(tariff["tax_percent"]))),
    )


def _minute_price(price: object, increment_s: int) -> tuple[Step, ...]:
    return (Step(0, micros(price), MINUTE_S, increment_s),)


def _of(
    terms: Terms, rounding: Rounding = TO_THE_MICRO, plan: PricePlan | None = None
) -> PriceList:
    return PriceList.of_terms(terms, ANY_NUMBER, rounding, plan)
