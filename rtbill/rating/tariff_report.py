"""What differs between two lists of rates, as plain JSON values: at most so many of each kind, and
how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rtbill.domain.money import decimal_text
from rtbill.domain.tariff import Rate
from rtbill.rating.band_columns import band_text
from rtbill.rating.tariff_check import TariffCheck
from rtbill.rating.tariff_comparison import COMPARED_CALL_S, Jump, TariffComparison
from rtbill.rating.tariff_file import rate_text
from rtbill.rating.traffic import DestinationTraffic, Traffic

Json = dict[str, Any]


def comparison_json(comparison: TariffComparison, listed: int | None) -> Json:
    """Texts of what is new, changed and ended; jumps, lost prefixes and lines never used. `listed`
    bounds each list, `counts` tell the whole; None lists all.
    """
    difference = comparison.difference
    counts = {
        "new": len(difference.new),
        "changed": len(difference.changed),
        "ended": len(difference.ended),
        "jumps": len(comparison.jumps),
        "missing": len(comparison.lost),
        "never_used": len(comparison.never_used),
    }
    return {
        "counts": counts,
        "new": _texts(difference.new, listed),
        "changed": [
            f"{rate_text(old)} -> {rate_text(new)}" for old, new in difference.changed[:listed]
        ],
        "ended": _texts(difference.ended, listed),
        "jumps": [_jump(jump) for jump in comparison.jumps[:listed]],
        "missing": [
            {"prefix": lost.prefix, "destination": lost.destination, "in_part": lost.is_in_part}
            for lost in comparison.lost[:listed]
        ],
        "never_used": _texts(comparison.never_used, listed),
    }


def traffic_json(traffic: Traffic, listed: int | None, *, is_whole: bool) -> Json:
    """Sums by destination, those that change most first. `whole`: no call was left out."""
    total = traffic.total()
    return {
        "tariff": traffic.tariff,
        "currency": traffic.new.tariff.currency,
        "whole": is_whole,
        **_sums(total),
        "destinations": [
            {"destination": each.destination, **_sums(each)}
            for each in traffic.by_difference()[:listed]
        ],
        "destination_count": len(traffic.destinations),
    }


def check_json(check: TariffCheck, listed: int | None) -> Json:
    """What is odd about one list of rates."""
    return {
        "counts": {
            "never_used": len(check.never_used),
            "over": len(check.over),
            "no_country": len(check.no_country),
            "jumps": len(check.jumps),
            "in_part": len(check.in_part),
            "without": len(check.without),
        },
        "never_used": _texts(check.never_used, listed),
        "over": _texts(check.over, listed),
        "no_country": _texts(check.no_country, listed),
        "jumps": [_jump(jump) for jump in check.jumps[:listed]],
        "in_part": list(check.in_part),
        "without": list(check.without),
    }


def _texts(rates: Sequence[Rate], listed: int | None) -> list[str]:
    return [rate_text(rate) for rate in rates[:listed]]


def _jump(jump: Jump) -> Json:
    return {
        "prefixes": list(jump.prefixes),
        "destination": jump.rate.destination,
        "band": band_text(jump.rate.band),
        "talk_s": COMPARED_CALL_S,
        "before": decimal_text(jump.before_micros),
        "after": decimal_text(jump.after_micros),
        "percent": jump.percent,
    }


def _sums(traffic: DestinationTraffic) -> Json:
    return {
        "calls": traffic.calls,
        "talk_s": traffic.talk_us // 1_000_000,
        "before": decimal_text(traffic.before_micros),
        "after": decimal_text(traffic.after_micros),
        "difference": decimal_text(traffic.difference_micros),
        "without_rate": traffic.without_rate,
    }
