"""The runner itself: nothing that it does not understand passes."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cases.dialling import dialled, prefixes
from tests.cases.reading import BadCaseFile, Case, read_cases
from tests.cases.running import plain, run_case

ROOT = Path(__file__).parents[2]
A_MINUTE = {"rate": "0.6", "per": 60, "increment": 60}


def a_case(**changed: Any) -> Case:
    """A minute at 0.60."""
    fields: dict[str, Any] = {
        "id": "made-up",
        "kind": "cost",
        "tariff": A_MINUTE,
        "calls": [{"destination": "44", "start": "2026-05-13T12:00:00Z", "usage": 60}],
        "expect": {"cost": "0.6"},
    }
    return Case(**(fields | changed))


def a_file(folder: Path, expected: str) -> Path:
    case = {
        "id": "made-up",
        "kind": "cost",
        "tariff": A_MINUTE,
        "call": {"usage": 60},
        "expect": {"cost": expected},
    }
    path = folder / "cases.json"
    path.write_text(json.dumps({"schema": "anchors-cases/1", "cases": [case]}))
    return path


def test_a_met_expectation_passes() -> None:
    assert str(run_case(a_case())) == "PASS\tmade-up\tcost\tcost=0.6\tcost=0.6"


def test_an_expectation_off_by_a_micro_unit_fails() -> None:
    assert run_case(a_case(expect={"cost": "0.600001"})).verdict == "FAIL"


def test_one_unmet_expectation_of_two_fails() -> None:
    result = run_case(a_case(expect={"cost": "0.6", "billed_usage": 61}))
    assert (result.verdict, result.got) == ("FAIL", "cost=0.6 billed_usage=60")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"kind": "dream"}, "a case of kind dream"),
        ({"expect": {"colour": "red"}}, "no answer to colour"),
        ({"tariff": A_MINUTE | {"colour": "red"}}, "no place for colour"),
        ({"tariff": {"rate": "0.6"}}, "the case has no 'per'"),
        ({"tariff": {"colour": "red"}}, "a tariff with colour"),
        ({"tariff": A_MINUTE | {"increment": Decimal("0.5")}}, "increment 0.5 is not whole"),
        (
            {"tariff": A_MINUTE | {"max_cost": 1, "max_cost_strategy": "doubled"}},
            "no greatest charge that is doubled",
        ),
    ],
)
def test_what_is_not_understood_fails_with_the_name_of_it(
    changed: dict[str, Any], reason: str
) -> None:
    result = run_case(a_case(**changed))
    assert (result.verdict, result.reason) == ("FAIL", reason)


@pytest.mark.parametrize(
    ("strategy", "max_rate", "expected"),
    [("free", None, 600), ("disconnect", None, 60), ("free", "0.59", 0), ("free", "0.6", 600)],
)
def test_what_may_be_used_ends_with_the_greatest_cost_and_at_a_dearer_minute(
    strategy: str, max_rate: str | None, expected: int
) -> None:
    call = {"destination": "44", "usage": 600}
    if max_rate is not None:
        call["max_rate_per_min"] = max_rate
    result = run_case(
        a_case(
            kind="max_usage",
            tariff=A_MINUTE | {"max_cost": 1, "max_cost_strategy": strategy},
            calls=[call],
            balances=[{"id": "money", "type": "money", "value": 2}],
            expect={"max_usage": expected},
        )
    )
    assert result.verdict == "PASS", result


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"colour": "red"}, "no place for colour"),
        ({"type": "megabytes"}, "a balance of megabytes"),
        ({"priced_by": "nobody"}, "no tariff nobody"),
        ({"price": "0.1"}, "seconds at 0.1"),
        ({"owner": "another"}, "a balance of somebody else"),
        ({"valid_daily": "08:00:30-12:00:00"}, "hours finer than a minute"),
    ],
)
def test_a_balance_that_is_not_understood_fails_with_the_name_of_it(
    changed: dict[str, Any], reason: str
) -> None:
    balance = {"id": "v", "type": "seconds", "value": 60} | changed
    result = run_case(a_case(kind="debit", balances=[balance], expect={"balances": {"v": 0}}))
    assert (result.verdict, result.reason) == ("FAIL", reason)


def test_what_a_balance_leaves_is_checked() -> None:
    balances = [
        {"id": "v", "type": "seconds", "value": 30},
        {"id": "money", "type": "money", "value": 1},
    ]
    case = a_case(kind="debit", balances=balances, expect={"balances": {"v": 1, "money": "0.4"}})
    assert run_case(case).got == "balances={v:0,money:0.4}"


def test_a_price_where_a_refusal_is_expected_fails() -> None:
    assert run_case(a_case(expect={"error": "unknown destination"})).verdict == "FAIL"


def test_the_command_succeeds_when_every_case_passes(tmp_path: Path) -> None:
    done = run_command(a_file(tmp_path, "0.6"))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 passed, 0 failed, 0 skipped")


def test_the_command_fails_when_a_case_does(tmp_path: Path) -> None:
    done = run_command(a_file(tmp_path, "0.7"))
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        ["FAIL\tmade-up\tcost\tcost=0.7\tcost=0.6", "0 passed, 1 failed, 0 skipped"],
    )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_command(tmp_path / "none.json")
    assert (done.returncode, done.stderr) == (
        2,
        f"{tmp_path}/none.json cannot be read: No such file or directory\n",
    )


def run_command(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.cases", str(path)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no", "is not JSON"),
        ('{"schema": "other"}', "has the schema 'other'"),
        ('{"schema": "anchors-cases/1", "cases": []}', "holds no case"),
        ('{"schema": "anchors-cases/1", "cases": [{"id": "x"}]}', "case 0 has no 'call'"),
    ],
)
def test_a_file_that_holds_no_cases_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(text)
    with pytest.raises(BadCaseFile, match=complaint):
        read_cases(path)


def test_a_plus_and_letters_are_dialled() -> None:
    assert [dialled(text) for text in ("+49", "49", "TEST", "*any")] == [
        "0049",
        "49",
        "8378",
        "269",
    ]


def test_everywhere_is_every_first_digit_that_is_no_prefix_of_its_own() -> None:
    assert prefixes("*", ["*", "1", "23"]) == ["0", "2", "3", "4", "5", "6", "7", "8", "9"]


def test_the_same_value_has_one_text() -> None:
    assert [plain(value) for value in ("1.50", Decimal("1.5"), 100, "1E2", True)] == [
        "1.5",
        "1.5",
        "100",
        "100",
        "True",
    ]
