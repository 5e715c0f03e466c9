"""What bundles take of a call, and what is left to pay, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from rtbill.domain.bundle import release
from rtbill.domain.errors import NoRate
from rtbill.rating.bundles import Bundled, Share, price_with
from rtbill.rating.chain import Asked
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer
from tests.unit.rating.builders import (
    NOON,
    a_band,
    a_markup,
    a_plan,
    a_rate,
    a_table,
    a_tax,
    some_terms,
)
from tests.unit.rating.bundle_builders import credit, minutes, money, seconds, share

NUMBER = "+441632960000"
ASKED = Asked(NUMBER, NOON, "room-1")
MINUTE = a_table(a_rate("60/60", "0.60", connect="0.10"))
"""0.60 a minute, and 0.10 to be connected."""


def paid(
    talk_s: int | str, *shares: Share, table: RateTable = MINUTE, at: datetime = NOON
) -> Bundled:
    asked = ASKED._replace(answered_at=at)
    return price_with(Offer([table]), asked, int(Decimal(talk_s) * 1_000_000), shares)


def owed(found: Bundled) -> tuple[str, str]:
    """Price and debit, in main units."""
    return _main(found.price.micros), _main(found.debit_micros)


def _main(micros: int) -> str:
    return f"{Decimal(micros) / 1_000_000:.4f}".rstrip("0").rstrip(".")


def test_without_bundles_the_price_is_the_offers() -> None:
    found = paid(61)
    assert (owed(found), found.draws) == (("1.3", "1.3"), ())


def test_a_call_within_the_seconds_owes_nothing_not_even_the_connect_fee() -> None:
    found = paid(61, share(minutes(100)))
    assert (owed(found), found.draws) == (("0", "0"), (seconds("minutes", 61),))
    assert found.price.billed_s == 0


def test_seconds_are_taken_in_whole_increments_of_the_bundle() -> None:
    found = paid(61, share(minutes(120, increment_s=60)))
    assert found.draws == (seconds("minutes", 120),)


def test_an_increment_is_taken_only_once_talk_goes_on_into_it() -> None:
    assert paid(60, share(minutes(120, increment_s=60))).draws == (seconds("minutes", 60),)
    assert paid("60.000001", share(minutes(120, increment_s=60))).draws[0].amount == 120


def test_a_call_of_no_length_takes_the_first_increment() -> None:
    found = paid(0, share(minutes(increment_s=6)))
    assert (owed(found), found.draws) == (("0", "0"), (seconds("minutes", 6),))


def test_a_remainder_smaller_than_an_increment_is_not_used() -> None:
    found = paid(130, share(minutes(100, increment_s=60)))
    assert found.draws == (seconds("minutes", 60),)
    assert owed(found) == ("1.2", "1.2")  # 70 s are two minutes of their own


def test_what_the_seconds_do_not_cover_is_a_call_of_its_own_from_there() -> None:
    # 60/1 after 90 s: the first minute of the rest is due whole, and no connect fee.
    table = a_table(a_rate("60/1", "0.60", connect="0.10"))
    assert owed(paid(100, share(minutes(90)), table=table)) == ("0.6", "0.6")


def test_the_rest_begins_in_the_band_that_holds_where_the_seconds_end() -> None:
    table = a_table(a_rate(per_minute="0.30"), a_rate(per_minute="0.60", band=a_band("13-18")))
    at = datetime(2026, 5, 13, 12, 59, 30, tzinfo=UTC)

    assert owed(paid(80, share(minutes(20)), table=table, at=at)) == ("0.3", "0.3")
    assert owed(paid(90, share(minutes(30)), table=table, at=at)) == ("0.6", "0.6")


def test_a_bundle_that_covers_no_fees_leaves_the_connect_fee_alone() -> None:
    bundle = minutes(100, covers_fees=False)
    assert owed(paid(61, share(bundle))) == ("0.1", "0.1")
    assert owed(paid(101, share(bundle))) == ("0.7", "0.7")


def test_the_connect_fee_is_that_of_the_band_at_the_real_answer() -> None:
    table = a_table(
        a_rate(per_minute="0.30", connect="0.50"),
        a_rate(per_minute="0.60", connect="0.10", band=a_band("13-18")),
    )
    at = datetime(2026, 5, 13, 12, 59, 30, tzinfo=UTC)
    bundle = minutes(30, covers_fees=False)

    assert owed(paid(30, share(bundle), table=table, at=at)) == ("0.5", "0.5")
    assert owed(paid(90, share(bundle), table=table, at=at)) == ("1.1", "1.1")


def test_least_charge_and_disconnect_fee_are_due_only_beyond_the_seconds() -> None:
    terms = some_terms(
        "60/60", "0.60", "0.10", charge_min_micros=2_000_000, disconnect_fee_micros=50_000
    )
    table = a_table(replace(a_rate(), terms=terms))
    bundle = minutes(220, covers_fees=False)

    assert owed(paid(220, share(bundle), table=table)) == ("0.1", "0.1")
    assert owed(paid(221, share(bundle), table=table)) == ("2.1", "2.1")


def test_added_seconds_are_added_to_the_rest_alone() -> None:
    table = a_table(replace(a_rate(), terms=some_terms("1/1", "0.60", added_s=5)))
    bundle = minutes(60)

    assert paid(60, share(bundle), table=table).draws == (seconds("minutes", 60),)
    assert owed(paid(90, share(bundle), table=table)) == ("0.35", "0.35")


def test_a_recurring_fee_is_counted_from_where_the_seconds_end() -> None:
    terms = some_terms("1/1", "0.60", recurring_fee_micros=100_000, recurring_every_s=60)
    table = a_table(replace(a_rate(), terms=terms))
    bundle = minutes(90)

    assert owed(paid("149.999999", share(bundle), table=table)) == ("0.6", "0.6")
    assert owed(paid(150, share(bundle), table=table)) == ("0.7", "0.7")


def test_a_call_is_never_dearer_than_without_bundles_and_takes_its_seconds_all_the_same() -> None:
    table = a_table(a_rate(per_minute="0.30"), a_rate(per_minute="0.60", band=a_band("13-18")))
    at = datetime(2026, 5, 13, 12, 59, 30, tzinfo=UTC)

    found = paid(60, share(minutes(30)), share(credit("0.20")), table=table, at=at)

    # The other 30 s are a minute of 0.60 from 13:00 on; the whole call is one of 0.30.
    assert (owed(found), found.draws) == (
        ("0.3", "0.1"),
        (seconds("minutes", 30), money("credit", "0.2")),
    )


def test_a_tariff_of_a_bundle_makes_no_call_dearer_either() -> None:
    table = a_table(a_rate("1/1", "6"))
    assert owed(paid(6, share(minutes(tariff="dear"), table=table))) == ("0.6", "0.6")
    assert owed(paid(60, share(minutes(tariff="dear"), table=table))) == ("0.7", "0.7")


def test_the_tax_is_that_of_the_smaller_amount() -> None:
    table = a_table(a_rate("1/1", "6"))
    found = price_with(
        Offer([MINUTE], a_plan(tax=a_tax("10"))),
        ASKED,
        60_000_000,
        [share(minutes(tariff="dear"), table=table)],
    )
    assert (found.price.micros, found.price.tax_micros) == (770_000, 70_000)


def test_a_call_of_no_length_is_no_longer_for_the_tariff_of_a_bundle() -> None:
    table = a_table(replace(a_rate(), terms=some_terms("1/1", "0.60", added_s=3)))
    found = paid(0, share(minutes(tariff="cheap"), table=table))
    assert (owed(found), found.price.billed_s) == (("0.03", "0.03"), 3)


def test_where_one_bundle_of_seconds_ends_the_next_goes_on() -> None:
    found = paid(150, share(minutes(60, "one")), share(minutes(50, "two", increment_s=20)))

    assert found.draws == (seconds("one", 60), seconds("two", 40))
    assert owed(found) == ("0.6", "0.6")


def test_talk_within_a_bundle_with_a_tariff_costs_what_that_says() -> None:
    table = a_table(a_rate("1/1", "0.06", connect="0.02"))
    found = paid(70, share(minutes(250, tariff="cheap"), table=table))

    assert (owed(found), found.draws) == (("0.09", "0.09"), (seconds("minutes", 70),))
    assert found.price.billed_s == 70


def test_the_connect_fee_of_a_bundles_tariff_is_due_once_and_only_at_the_answer() -> None:
    table = a_table(a_rate("1/1", "0.06", connect="0.02"))
    first, second = minutes(60, "one"), minutes(60, "two")

    assert owed(paid(130, share(first, table=table), share(second, table=table))) == (
        "0.74",
        "0.74",
    )
    assert owed(paid(130, share(first), share(second, table=table))) == ("0.66", "0.66")


def test_a_bundle_does_not_pay_for_a_number_that_its_tariff_lacks() -> None:
    table = a_table(a_rate(prefix="49"))
    found = paid(60, share(minutes(tariff="cheap"), table=table))
    assert (owed(found), found.draws) == (("0.7", "0.7"), ())


def test_money_of_bundles_pays_before_the_account() -> None:
    found = paid(120, share(credit("0.50", "one")), share(credit("0.50", "two")))
    assert (owed(found), found.draws) == (
        ("1.3", "0.3"),
        (money("one", "0.5"), money("two", "0.5")),
    )


def test_money_of_bundles_pays_what_seconds_do_not_cover() -> None:
    found = paid(120, share(minutes(60)), share(credit("0.50")))
    assert (owed(found), found.draws) == (
        ("0.6", "0.1"),
        (seconds("minutes", 60), money("credit", "0.5")),
    )


def test_a_bundle_that_is_used_up_gives_nothing() -> None:
    found = paid(60, share(minutes(), left=0), share(credit(), left=0))
    assert (owed(found), found.draws) == (("0.7", "0.7"), ())


@pytest.mark.parametrize("per_minute", ["0", "0.000001"])
def test_a_call_that_costs_nothing_anyway_takes_nothing(per_minute: str) -> None:
    table = a_table(a_rate(per_minute=per_minute))
    found = paid(60, share(minutes()), share(credit()), table=table)
    assert (owed(found), found.draws) == (("0", "0"), ())


def test_a_plans_chain_takes_all_that_is_due_in_money_at_once() -> None:
    plan = a_plan(markups=(a_markup("10", per_minute="0.06", per_call="0.50"),), tax=a_tax("19"))
    offer = Offer([MINUTE], plan)
    bundle = minutes(60, covers_fees=False)

    within = price_with(offer, ASKED, 60_000_000, [share(bundle)])
    beyond = price_with(offer, ASKED, 61_000_000, [share(bundle), share(credit("1"))])

    # 0.10 + 10 % + 0.50 = 0.61, 19 % of it 0.1159
    assert owed(within) == ("0.7259", "0.7259")
    # 0.10 + 0.60 + 10 % + 0.06 + 0.50 = 1.33, 19 % of it 0.2527
    assert owed(beyond) == ("1.5827", "0.5827")
    assert beyond.price.tax_micros == 252_700


def test_a_call_wholly_within_the_seconds_has_no_markup_per_call() -> None:
    offer = Offer([MINUTE], a_plan(markups=(a_markup(per_call="0.50"),)))
    assert price_with(offer, ASKED, 60_000_000, [share(minutes())]).price.micros == 0


def test_what_the_carrier_takes_is_that_of_the_whole_call() -> None:
    offer = Offer([MINUTE], carrier=a_table(a_rate("1/1", "0.06")))
    assert price_with(offer, ASKED, 90_000_000, [share(minutes())]).price.cost_micros == 90_000


def test_a_number_without_a_rate_has_none_with_bundles_either() -> None:
    with pytest.raises(NoRate):
        price_with(Offer([a_table(a_rate(prefix="49"))]), ASKED, 0, [share(minutes())])


def test_what_an_exclusive_bundle_cannot_pay_of_a_call_that_went_on_is_owed_all_the_same() -> None:
    assert owed(paid(120, share(credit("1", is_exclusive=True)))) == ("1.3", "0.3")


def test_what_was_taken_last_is_given_back_first() -> None:
    draws = (seconds("minutes", 60), money("one", "0.5"), money("two", "0.3"))

    assert release(draws) == (draws[2], draws[1], draws[0])


def test_a_call_that_keeps_less_than_it_took_gives_back_the_difference() -> None:
    draws = (seconds("minutes", 60), money("one", "0.5"), money("two", "0.3"))
    kept = (seconds("minutes", 60), money("one", "0.1"))

    assert release(draws, kept) == (money("two", "0.3"), money("one", "0.4"))
    assert release(draws, draws) == ()
