"""Every case file kept here, run as the command does; only the documented exceptions fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cases.exceptions import NO_MODEL, NOT_BUILT, UPSTREAM_ERRS
from tests.cases.reading import read_cases
from tests.cases.running import Result, Verdict, run_case

FILES = Path(__file__).parent / "files"
EXCEPTIONS_PAGE = Path(__file__).parents[2] / "docs" / "rating-cases.md"
COUNTS = {
    "a2billing": (4, 0, 0),
    "astpp": (3, 0, 0),
    "cgrates": (64, 4, 1),
    "cgrates_oracle": (1492, 8, 0),
    "concurrency": (0, 0, 3),
    "dst": (4, 0, 0),
    "freeside": (4, 0, 0),
    "kazoo": (6, 0, 0),
    "lago": (0, 0, 6),
    "magnusbilling": (1, 0, 0),
    "nibblebill": (2, 0, 0),
    "sigscale_ocs": (0, 0, 7),
    "yeti": (2, 0, 0),
}
"""Passed, failed, skipped."""


@pytest.fixture(scope="module")
def results() -> dict[str, list[Result]]:
    return {
        path.stem: [run_case(case) for case in read_cases(path)] for path in FILES.glob("*.json")
    }


@pytest.fixture(scope="module")
def failures(results: dict[str, list[Result]]) -> dict[str, Result]:
    return {each.id: each for found in results.values() for each in found if each.verdict == "FAIL"}


def test_only_the_documented_exceptions_fail(failures: dict[str, Result]) -> None:
    assert set(failures) == {*NOT_BUILT, *NO_MODEL, *UPSTREAM_ERRS}
    assert len(failures) <= 15


def test_no_case_goes_missing(results: dict[str, list[Result]]) -> None:
    counts = {
        name: tuple(sum(each.verdict is verdict for each in found) for verdict in Verdict)
        for name, found in results.items()
    }
    assert counts == COUNTS


def test_no_id_stands_twice(results: dict[str, list[Result]]) -> None:
    ids = [each.id for found in results.values() for each in found]
    assert len(ids) == len(set(ids))


def test_what_has_no_place_in_the_model_fails_for_the_reason_documented(
    failures: dict[str, Result],
) -> None:
    assert {name: failures[name].reason for name in NOT_BUILT} == NOT_BUILT


def test_where_upstream_errs_ours_says_what_was_reckoned_by_hand(
    failures: dict[str, Result],
) -> None:
    said = {name: failures[name].got.split()[0] for name in UPSTREAM_ERRS}
    assert said == {name: f"cost={cost}" for name, cost in UPSTREAM_ERRS.items()}


def test_where_upstream_is_no_model_ours_says_what_was_reckoned_by_hand(
    failures: dict[str, Result],
) -> None:
    assert {name: failures[name].got for name in NO_MODEL} == {
        name: f"balances={left}" for name, left in NO_MODEL.items()
    }


def test_where_upstream_errs_a_third_program_says_what_ours_does() -> None:
    rows = json.loads((FILES / "cgrates_oracle.json").read_text(encoding="utf-8"))["cost_rows"]
    third = {
        f"oracle-cost-{place}": row["evaluator_cost_5dec"]
        for place, row in enumerate(rows)
        if row.get("upstream_anomaly")
    }
    assert third == UPSTREAM_ERRS


def test_every_exception_stands_in_the_documents() -> None:
    page = EXCEPTIONS_PAGE.read_text(encoding="utf-8")
    missing = [each for each in (*NOT_BUILT, *NO_MODEL, *UPSTREAM_ERRS) if f"`{each}`" not in page]
    assert missing == []
