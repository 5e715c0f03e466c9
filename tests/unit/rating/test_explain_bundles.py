"""What bundles take of a call, in words; amounts worked out by hand."""

from __future__ import annotations

from fractions import Fraction

from rtbill.rating.bundles import Share
from rtbill.rating.chain import Asked
from rtbill.rating.explain import Explanation, explain
from rtbill.rating.offer import Offer
from tests.unit.rating.builders import NOON, a_band, a_discount, a_plan, a_rate, a_table, a_tax, utc
from tests.unit.rating.bundle_builders import credit, minutes, share

ASKED = Asked("+441632960000", NOON)
MINUTE = a_table(a_rate("60/60", "0.60", connect="0.10"))


def explained(talk_s: int, *shares: Share, offer: Offer | None = None) -> Explanation:
    return explain(offer or Offer([MINUTE]), ASKED, talk_s * 1_000_000, shares)


def lines(found: Explanation) -> list[tuple[str, str, str]]:
    return [(line.kind, line.text, str(line.amount)) for line in found.lines]


def test_seconds_of_bundles_come_first_then_the_rest_from_where_they_end() -> None:
    found = explained(150, share(minutes(60, "one")), share(minutes(40, "two", increment_s=20)))

    assert lines(found) == [
        ("bundle", "60 s of one (0 s left)", "0"),
        ("bundle", "40 s of two (0 s left)", "0"),
        ("increments", "from 100 s (Wed 12:01:40): 1 x 60 s at 0.60/min", "3/5"),
    ]


def test_what_a_bundle_keeps_is_told() -> None:
    found = explained(61, share(minutes(300, increment_s=60)))
    assert lines(found) == [("bundle", "120 s of minutes (180 s left)", "0")]


def test_the_connect_fee_that_seconds_do_not_cover_has_its_line() -> None:
    found = explained(61, share(minutes(60, covers_fees=False)))
    assert [(kind, amount) for kind, _, amount in lines(found)] == [
        ("bundle", "0"),
        ("connect_fee", "1/10"),
        ("increments", "3/5"),
    ]


def test_what_a_bundles_tariff_asks_stands_below_its_seconds() -> None:
    table = a_table(a_rate("1/1", "0.06", connect="0.02"))
    found = explained(90, share(minutes(60, tariff="cheap"), table=table))

    assert lines(found) == [
        ("bundle", "60 s of minutes (0 s left)", "0"),
        ("connect_fee", "connect fee", "1/50"),
        ("increments", "from 0 s (Wed 12:00:00): 60 x 1 s at 0.06/min", "3/50"),
        ("increments", "from 60 s (Wed 12:01:00): 1 x 60 s at 0.60/min", "3/5"),
    ]


def test_the_chain_begins_with_all_that_is_due_in_money() -> None:
    offer = Offer([MINUTE], a_plan(discounts=(a_discount("50"),), tax=a_tax("10")))
    found = explained(61, share(minutes(60, covers_fees=False)), offer=offer)

    assert lines(found)[3:] == [
        ("discount", "discount Christmas 50 %", "-7/20"),
        ("tax", "tax VAT 10 %", "7/200"),
    ]
    assert sum((line.amount for line in found.lines), Fraction(0)) == Fraction("0.385")


DEAR_FROM_ONE = a_table(a_rate(per_minute="0.30"), a_rate(per_minute="0.60", band=a_band("13-18")))


def dear_rest(offer: Offer) -> list[tuple[str, str, str]]:
    """A minute of 0.30, of which seconds pay the half before 13:00."""
    asked = ASKED._replace(answered_at=utc("2026-05-13T12:59:30"))
    return lines(explain(offer, asked, 60_000_000, [share(minutes(30))]))


def test_what_would_make_a_call_dearer_than_without_bundles_is_taken_off() -> None:
    assert dear_rest(Offer([DEAR_FROM_ONE])) == [
        ("bundle", "30 s of minutes (0 s left)", "0"),
        ("increments", "from 30 s (Wed 13:00:00): 1 x 60 s at 0.60/min (13:00-18:00)", "3/5"),
        ("bundle_limit", "never dearer than without bundles", "-3/10"),
    ]


def test_tax_is_on_what_is_left_within_the_limit() -> None:
    plan = a_plan(discounts=(a_discount("50"),), tax=a_tax("10"))
    assert dear_rest(Offer([DEAR_FROM_ONE], plan))[2:] == [
        ("discount", "discount Christmas 50 %", "-3/10"),
        ("bundle_limit", "never dearer than without bundles", "-3/20"),
        ("tax", "tax VAT 10 %", "3/200"),
    ]


def test_bundles_of_money_pay_after_the_total() -> None:
    found = explained(61, share(minutes(60)), share(credit("0.25")), share(credit("1", "more")))

    assert found.price.micros == 600_000
    assert [(each.bundle.name, each.micros, each.left_micros) for each in found.payments] == [
        ("credit", 250_000, 0),
        ("more", 350_000, 650_000),
    ]
    assert found.debit_micros == 0


def test_a_call_without_bundles_is_explained_as_ever() -> None:
    found = explained(60)
    assert [kind for kind, _, _ in lines(found)] == ["connect_fee", "increments"]
    assert (found.payments, found.debit_micros) == ((), 700_000)
