"""Which differences are found between two lists of calls, and the money each means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtbill.comparison import totals
from rtbill.comparison.values import SECOND_US, Kind
from rtbill.domain.call import epoch_us
from tests.fakes.builders import a_rate, a_tariff, at
from tests.unit.comparison.builders import BERN, DAY, compared, lines, ours, theirs


def test_the_same_call_on_both_sides_is_matched_and_no_finding() -> None:
    result = compared([ours()], [theirs()])
    assert lines(result) == []
    assert (result.matched.calls, result.matched.micros) == (1, {"EUR": 600_000})


def test_a_missing_call_costs_what_its_payer_would_have_been_charged() -> None:
    assert lines(compared([], [theirs(talk_s=90)])) == ["missing 12:00:00 room-1 0.90"]


def test_a_missing_call_of_nobody_is_the_houses() -> None:
    assert lines(compared([], [theirs(payer="1999")])) == ["missing 12:00:00 house 0.60"]


def test_a_missing_call_whose_payer_is_not_named_waits_in_suspense() -> None:
    assert lines(compared([], [theirs(payer=None)])) == ["missing 12:00:00 suspense 0.60"]


def test_a_missing_call_without_a_rate_has_no_price_and_says_why() -> None:
    result = compared([], [theirs(number="+4930123456")])
    assert lines(result) == ["missing 12:00:00 room-1 unknown"]
    assert "no rate for +4930123456" in result.findings[0].note


def test_a_missing_emergency_call_costs_nothing() -> None:
    assert lines(compared([], [theirs(number="112")])) == ["missing 12:00:00 room-1 0.00"]


def test_an_extra_call_is_our_price_below_zero() -> None:
    assert lines(compared([ours(talk_s=30)], [])) == ["extra 12:00:00 room-1 -0.30"]


def test_an_extra_call_in_doubt_has_no_price() -> None:
    in_doubt = ours(price_micros=None, currency="", status="unconfirmed")
    result = compared([in_doubt], [])
    assert lines(result) == ["extra 12:00:00 room-1 unknown"]
    assert result.findings[0].note == "ours is unconfirmed"


def test_a_longer_call_of_theirs_is_the_price_of_the_difference() -> None:
    assert lines(compared([ours(talk_s=60)], [theirs(talk_s=90)])) == [
        "duration 12:00:00 room-1 0.30"
    ]


def test_a_shorter_call_of_theirs_is_below_zero() -> None:
    assert lines(compared([ours(talk_s=60)], [theirs(talk_s=50)])) == [
        "duration 12:00:00 room-1 -0.10"
    ]


@pytest.mark.parametrize(
    ("our_s", "their_s", "differs"),
    [
        (60, 62, False),
        (60, 62.1, True),
        (0.4, 2.4, False),
        (600, 606, False),
        (600, 606.1, True),  # one percent of the longer one is 6.061
        (600, 594, False),
        (600, 593.9, True),  # 6.1 apart, 6 allowed
    ],
)
def test_durations_differ_by_more_than_2_s_and_more_than_1_percent(
    our_s: float,
    their_s: float,
    differs: bool,  # noqa: FBT001 - a table
) -> None:
    found = compared([ours(talk_s=our_s)], [theirs(talk_s=their_s)]).findings
    assert bool(found) is differs


def test_both_limits_of_durations_can_be_set() -> None:
    strict = replace(DAY, duration_apart_us=SECOND_US // 2, duration_apart_permille=0)
    assert len(compared([ours(talk_s=600)], [theirs(talk_s=601)], strict).findings) == 1


def test_where_only_their_end_counts_ringing_before_the_answer_is_no_difference() -> None:
    counted_from_ringing = theirs("12:00:00", 75, is_answer_certain=False)
    assert lines(compared([ours("12:00:15", 60)], [counted_from_ringing])) == []


def test_where_only_their_end_counts_another_end_is_a_difference() -> None:
    counted_from_ringing = theirs("12:00:00", 75, is_answer_certain=False)
    assert lines(compared([ours("12:00:15", 50)], [counted_from_ringing])) == [
        "duration 12:00:15 room-1 0.25"
    ]


def test_a_carrier_that_bills_full_minutes_is_compared_in_full_minutes() -> None:
    minutes = replace(DAY, increment_us=60 * SECOND_US)
    assert lines(compared([ours(talk_s=61)], [theirs(talk_s=120)], minutes)) == []
    assert len(compared([ours(talk_s=60)], [theirs(talk_s=120)], minutes).findings) == 1


def test_unanswered_on_both_sides_is_left_out() -> None:
    result = compared(
        [ours(is_answered=False, talk_s=0, price_micros=None)],
        [theirs(is_answered=False, talk_s=0)],
    )
    assert lines(result) == []
    assert result.matched.calls == 0


def test_answered_only_by_their_record_is_a_difference_of_its_own() -> None:
    silent = ours("12:00:01", is_answered=False, talk_s=0, price_micros=None)
    assert lines(compared([silent], [theirs(talk_s=60)])) == [
        "unanswered here 12:00:00 room-1 0.60"
    ]


def test_answered_only_by_our_books_is_a_difference_of_its_own() -> None:
    assert lines(compared([ours()], [theirs("12:00:02", 0, is_answered=False)])) == [
        "unanswered there 12:00:00 room-1 -0.60"
    ]


def test_a_call_both_have_but_nobody_was_charged_for_is_unbilled() -> None:
    in_doubt = ours(talk_s=10, price_micros=None, currency="", status="unconfirmed")
    result = compared([in_doubt], [theirs(talk_s=60)])
    assert lines(result) == ["unbilled 12:00:00 room-1 0.60"]
    assert result.findings[0].note == "ours is unconfirmed"


def test_a_number_rewritten_by_the_exchange_is_found_by_the_one_dialled() -> None:
    rewritten = theirs(number="+999941315550100", other_number=BERN)
    assert lines(compared([ours()], [rewritten])) == []


def test_a_call_without_a_number_is_matched_by_trunk_and_time() -> None:
    assert lines(compared([ours()], [theirs("12:00:05", number=None)])) == []


def test_a_call_without_a_number_is_never_missing_but_shown_as_unclear() -> None:
    result = compared([], [theirs(number=None)])
    assert lines(result) == []
    assert [call.source for call in result.unclear] == ["their 12:00:00"]


def test_only_calls_of_the_span_are_findings_and_their_neighbours_still_match() -> None:
    noon = replace(DAY, since_us=epoch_us(at("12:00:00")), until_us=epoch_us(at("13:00:00")))
    result = compared(
        [ours("11:59:59"), ours("11:00:00"), ours("12:59:59.5"), ours("13:00:30")],
        [theirs("12:00:00"), theirs("11:30:00"), theirs("13:00:00"), theirs("13:30:00")],
        noon,
    )
    assert lines(result) == []
    assert result.matched.calls == 1, "the pair whose record of theirs lies in the span"


def test_findings_are_sorted_by_time() -> None:
    result = compared([ours("15:00:00")], [theirs("16:00:00"), theirs("14:00:00")])
    assert [line.split()[1] for line in lines(result)] == ["14:00:00", "15:00:00", "16:00:00"]


def test_the_margin_is_our_price_less_the_carriers_for_the_same_calls() -> None:
    result = compared(
        [ours("12:00:00"), ours("13:00:00", price_micros=100_000)],
        [
            theirs("12:00:00", price_micros=400_000, currency="EUR"),
            theirs("13:00:00", price_micros=400_000, currency="EUR"),
        ],
    )
    assert result.charged.micros == {"EUR": 800_000}
    assert result.margin_micros == {"EUR": 700_000 - 800_000}
    assert result.below_cost == 1
    assert lines(result) == [], "a margin is no difference"


def test_prices_of_two_currencies_have_no_margin() -> None:
    result = compared([ours()], [theirs(price_micros=400_000, currency="CHF")])
    assert result.charged.micros == {"CHF": 400_000}
    assert result.margin_micros == {}


BUYING = a_tariff(a_rate("60/60", "0.30"), name="buying")


def test_a_carrier_is_held_to_its_own_price_list_for_its_own_duration() -> None:
    result = compared(
        [ours("12:00:00", 61), ours("13:00:00", 61)],
        [
            theirs("12:00:00", 61, price_micros=600_000, currency="EUR"),
            theirs("13:00:00", 61, price_micros=650_000, currency="EUR"),
        ],
        DAY,
        BUYING,
        carrier_tariff="buying",
    )
    assert lines(result) == ["price 13:00:00 room-1 0.05"]


def test_a_missing_call_is_held_to_the_price_list_too() -> None:
    result = compared(
        [], [theirs(price_micros=310_000, currency="EUR")], DAY, BUYING, carrier_tariff="buying"
    )
    assert lines(result) == ["missing 12:00:00 room-1 0.60", "price 12:00:00 room-1 0.01"]


def test_a_number_missing_from_the_price_list_is_a_price_difference_of_unknown_size() -> None:
    result = compared(
        [],
        [theirs(number="112", price_micros=1, currency="EUR")],
        DAY,
        BUYING,
        carrier_tariff="buying",
    )
    assert "price 12:00:00 room-1 0.00" in lines(result), "an emergency call is charged"
    result = compared(
        [ours(number="+4930123456")],
        [theirs(number="+4930123456", price_micros=1, currency="EUR")],
        DAY,
        BUYING,
        carrier_tariff="buying",
    )
    assert lines(result) == ["price 12:00:00 room-1 unknown"]


def test_totals_add_up_by_kind_account_and_trunk() -> None:
    result = compared(
        [ours("12:00:00", account="room-1", trunk="a"), ours("13:00:00", account="room-2")],
        [theirs("15:00:00", 30)],
    )
    kinds = totals.by_kind(result.findings)
    assert {kind: total.calls for kind, total in kinds.items() if total.calls} == {
        Kind.MISSING: 1,
        Kind.EXTRA: 2,
    }
    assert kinds[Kind.EXTRA].micros == {"EUR": -1_200_000}
    assert totals.by_account(result.findings).keys() == {
        (Kind.EXTRA, "room-1"),
        (Kind.EXTRA, "room-2"),
        (Kind.MISSING, "room-1"),
    }
    assert totals.by_trunk(result.findings)[Kind.EXTRA, "a"].calls == 1
