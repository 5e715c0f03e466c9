"""Their calls at our prices, by the trunk that they left by."""

from __future__ import annotations

from rtbill.comparison.pricing import Amount, Pricing
from rtbill.comparison.values import OurCall, TheirCall
from rtbill.domain.call import epoch_us
from rtbill.pricing.assignment import Assignment, Place
from rtbill.rating.price_book import PriceBook
from tests.fakes.builders import (
    PBX,
    a_directory,
    a_membership,
    a_rate,
    a_state,
    a_tariff,
    an_assessor,
    at,
)

NOON_US = epoch_us(at("12:00:00"))
RETAIL, GSM = a_tariff(a_rate("1/1", "0.60")), a_tariff(a_rate("1/1", "1.20"), name="gsm-list")


def a_pricing() -> Pricing:
    """A cent a second by any trunk but gsm, by which it is two."""
    directory = a_directory([a_state()], [a_membership()])
    assignment = Assignment(default="retail", by_trunk={Place(PBX, "gsm"): "gsm-list"})
    assessor = an_assessor(directory, RETAIL, GSM, assignment=assignment)
    return Pricing(assessor, directory, PriceBook([RETAIL, GSM]), PBX)


def theirs(trunk: str) -> TheirCall:
    """Ten seconds."""
    number = "+41315550100"
    return TheirCall("row 1", number, None, "1001", trunk, NOON_US, 10_000_000, is_answered=True)


def ours(trunk: str, pbx: str = PBX) -> OurCall:
    facts = (f"{pbx}/1", "+41315550100", "room-1", trunk, "1001", NOON_US, 5_000_000)
    return OurCall(*facts, is_answered=True, price_micros=50_000, currency="EUR", status="rated")


def test_a_call_that_we_miss_costs_what_its_trunk_takes() -> None:
    pricing = a_pricing()

    assert pricing.of_theirs(theirs("carrier")) == Amount(100_000, "EUR")
    assert pricing.of_theirs(theirs("gsm")) == Amount(200_000, "EUR")


def test_a_call_of_ours_is_priced_by_the_trunk_in_our_books() -> None:
    pricing = a_pricing()

    assert pricing.with_their_duration(ours("gsm"), theirs("")) == Amount(200_000, "EUR")
    assert pricing.with_their_duration(ours("gsm", "annexe"), theirs("")).micros == 100_000


def test_nobody_knows_what_more_talk_would_cost_where_bundles_paid() -> None:
    bundled = ours("gsm")._replace(is_bundled=True)
    assert a_pricing().with_their_duration(bundled, theirs("")) == Amount(
        None, "EUR", "bundles paid it"
    )


def test_the_carriers_own_list_is_the_same_on_every_trunk() -> None:
    assert a_pricing().of_carrier(theirs("gsm"), "retail") == Amount(100_000, "EUR")
