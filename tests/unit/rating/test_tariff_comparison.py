"""What differs between two lists: jumps, lost numbers, lines never used; oddities of one list."""

from __future__ import annotations

import pytest

from rtbill.domain.country_codes import is_assigned
from rtbill.domain.tariff import Rate, TimeBand
from rtbill.rating.coverage import Cover, Coverage
from rtbill.rating.lookup import RateTable
from rtbill.rating.tariff_check import check
from rtbill.rating.tariff_comparison import Jump, Lost, TariffComparison, compare
from tests.unit.rating.builders import WEEKDAYS, a_band, a_rate, a_tariff


def compared(old: list[Rate], new: list[Rate], jump_percent: int = 20) -> TariffComparison:
    return compare(RateTable(a_tariff(*old)), RateTable(a_tariff(*new)), jump_percent)


def facts(jump: Jump) -> tuple[tuple[str, ...], int, int, int | None]:
    return jump.prefixes, jump.before_micros, jump.after_micros, jump.percent


def at(prefix: str, per_minute: str, band: TimeBand | None = None, connect: str = "0") -> Rate:
    return a_rate("60/60", per_minute, connect, prefix, band)


def test_prices_of_three_minutes_are_compared_dearest_first() -> None:
    found = compared(
        [at("44", "0.10"), at("41", "0.10"), at("43", "0.10"), at("45", "0.10")],
        [at("44", "0.12"), at("41", "0.50"), at("43", "0.121"), at("45", "0.01")],
    )
    assert [facts(jump) for jump in found.jumps] == [
        (("41",), 300_000, 1_500_000, 400),
        (("43",), 300_000, 363_000, 21),
        (("45",), 300_000, 30_000, -90),
    ]


def test_a_connect_fee_is_part_of_the_jump() -> None:
    (jump,) = compared([at("44", "0.10")], [at("44", "0.10", connect="0.30")]).jumps
    assert facts(jump) == (("44",), 300_000, 600_000, 100)


def test_what_cost_nothing_jumps_from_nothing() -> None:
    (jump,) = compared([at("44", "0")], [at("44", "0.01")]).jumps
    assert jump.percent is None


def test_prefixes_of_one_destination_that_change_alike_are_one_jump() -> None:
    old = [a_rate(prefix=prefix) for prefix in ("441", "442")]
    new = [a_rate(per_minute="0.6", prefix=prefix) for prefix in ("442", "441")]
    one = [Rate(prefix=rate.prefix, destination="UK", terms=rate.terms) for rate in new]
    (jump,) = compared(old, one).jumps
    assert jump.prefixes == ("441", "442")


def test_a_new_line_is_compared_with_the_old_one_of_its_numbers() -> None:
    found = compared([at("49", "0.02")], [at("49", "0.02"), at("49151", "0.20")])
    assert [facts(jump) for jump in found.jumps] == [(("49151",), 60_000, 600_000, 900)]
    assert [rate.prefix for rate in found.difference.new] == ["49151"]


def test_the_numbers_of_a_line_that_ended_are_compared_with_what_they_fall_to() -> None:
    found = compared([at("49", "0.02"), at("49151", "0.20")], [at("49", "0.02")])
    assert [facts(jump) for jump in found.jumps] == [(("49151",), 600_000, 60_000, -90)]


def test_bands_are_compared_with_the_same_band_else_with_the_dearest() -> None:
    day = a_band("8-18", WEEKDAYS)
    old = [at("49", "0.10", day), at("49", "0.02")]
    assert compared(old, [at("49", "0.11", day), at("49", "0.02")]).jumps == ()
    (jump,) = compared(old, [at("49", "0.50")], 500).jumps or (None,)
    assert jump is not None
    assert facts(jump) == (("49",), 60_000, 1_500_000, 2400)
    night = a_band("18-24")
    (jump,) = compared(old, [at("49", "0.50", night), at("49", "0.02")]).jumps
    assert facts(jump) == (("49",), 300_000, 1_500_000, 400)


def test_numbers_are_lost_by_what_covers_them_not_by_equal_prefixes() -> None:
    ten = [at(f"41{digit}", "1") for digit in range(10)]
    found = compared(
        [at("41", "1"), at("4930", "1"), at("44", "1"), at("4420", "1"), at("1", "1")],
        [*ten, at("49", "1"), at("1212", "1")],
    )
    assert found.lost == (
        Lost("1", "Destination 1", is_in_part=True),
        Lost("44", "Destination 44", is_in_part=False),
    )


def test_a_line_whose_numbers_all_have_longer_prefixes_is_never_used() -> None:
    nine = [at(f"41{digit}", "1") for digit in range(9)]
    assert compared([], [at("41", "1"), *nine]).never_used == ()
    deep = [at(f"419{digit}", "1") for digit in range(10)]
    unused = compared([], [at("41", "1"), *nine, *deep]).never_used
    assert [rate.prefix for rate in unused] == ["41"]


def test_nothing_is_compared_with_a_tariff_that_is_not_there() -> None:
    found = compare(None, RateTable(a_tariff(at("41", "1"))), 0)
    assert (found.jumps, found.lost) == ((), ())
    assert len(found.difference.new) == 1


@pytest.mark.parametrize(
    ("digits", "cover"),
    [("4", Cover.PART), ("41", Cover.WHOLE), ("4179", Cover.WHOLE), ("43", Cover.NONE)],
)
def test_coverage_is_whole_part_or_none(digits: str, cover: Cover) -> None:
    assert Coverage(["41", "49"]).of(digits) is cover


def test_a_check_names_what_is_odd() -> None:
    gone = TimeBand(years=frozenset({2024, 2025}), priority=1)
    ahead = TimeBand(years=frozenset({2025, 2026}), priority=2)
    found = check(
        RateTable(
            a_tariff(
                at("49", "0.02"),
                at("49", "0.5", gone),
                at("49", "0.5", ahead),
                at("49151", "9"),
                at("9991", "1"),
                at("4420", "1"),
            )
        ),
        2026,
        1000,
    )
    assert [rate.band for rate in found.over] == [gone]
    assert [rate.prefix for rate in found.no_country] == ["9991"]
    assert [facts(jump) for jump in found.jumps] == [(("49151",), 1_500_000, 27_000_000, 1700)]
    assert found.in_part == ("44",)
    assert "49" not in found.without
    assert "1" in found.without


@pytest.mark.parametrize(
    "prefix", ["1", "1684", "4", "49", "881", "8816", "999", "21", "210", "00"]
)
def test_prefixes_of_assigned_country_codes(prefix: str) -> None:
    assert is_assigned(prefix) is (prefix not in ("999", "210", "00"))
