"""The bench's own honesty: lines, missed targets, and the recount."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from rtbill.app import bench, bench_rating, bench_wire
from rtbill.app.bench_figures import figure
from rtbill.app.bench_recount import problems, recount
from rtbill.domain.errors import Refused

AGREED = {
    "calls": 2,
    "distinct_calls": 2,
    "talk_us": 30,
    "price_micros": 500,
    "transfers": 2,
    "distinct_transfers": 2,
    "amount_micros": 500,
    "open_holds": 0,
}


def test_a_line_has_name_value_unit_target_and_detail(capsys: pytest.CaptureFixture[str]) -> None:
    bench._print(figure("start_to_ready_s", 0.5, cpus="2"), as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "name": "start_to_ready_s",
        "value": 0.5,
        "unit": "s",
        "target": 3,
        "detail": {"met": True, "cpus": "2"},
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("ami_to_ledger_calls_per_s", 3_999.9), ("hangup_to_commit_p99_ms", 20.001)],
)
def test_a_missed_target_is_said_to_be_missed(
    name: str, value: float, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = figure(name, value)
    assert not missed.is_met
    bench._print(missed, as_json=False)
    assert "MISSED" in capsys.readouterr().out


def test_books_that_agree_have_no_problem() -> None:
    assert problems(AGREED, calls=2, talk_us=30) == []


@pytest.mark.parametrize(
    "planted",
    [
        {"calls": 3},
        {"distinct_calls": 1},
        {"talk_us": 31},
        {"transfers": 1},
        {"distinct_transfers": 1},
        {"amount_micros": 499},
        {"open_holds": 1},
    ],
)
def test_the_recount_finds_a_planted_difference(planted: dict[str, int]) -> None:
    assert problems(AGREED | planted, calls=2, talk_us=30) != []


def test_the_recount_counts_only_what_came_after(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "books")
    connection.executescript(
        """
        CREATE TABLE call (id, key, answered_at, ended_at, price_micros);
        CREATE TABLE transfer (id, call, amount_micros, kind);
        CREATE TABLE open_hold (key, opened_at);
        CREATE TABLE hold_event (id, hold, opened_at, step);
        INSERT INTO open_hold VALUES ('old', 5), ('new', 15);
        INSERT INTO hold_event VALUES (1, 'old', 5, 'open'), (2, 'new', 15, 'open'),
            (3, 'done', 16, 'open'), (4, 'done', 16, 'post');
        INSERT INTO call VALUES (1, 'old', 0, 9, 7), (2, 'a', 10, 20, 200), (3, 'b', 10, 30, 300);
        INSERT INTO transfer VALUES (1, 'old', 7, 'call'), (2, 'a', 200, 'call'),
            (3, 'b', 300, 'call'), (4, NULL, 5, 'top-up');
        """
    )
    connection.close()
    assert recount(tmp_path / "books", 1, 1, 1) == AGREED | {"open_holds": 1}


def test_the_wire_stream_holds_four_wanted_messages_a_call() -> None:
    _, wanted = bench_wire.stream(is_filtered=True)
    _, everything = bench_wire.stream(is_filtered=False)
    assert wanted == 4 * bench_wire.CALLS
    assert everything == (4 + bench_wire.UNWANTED_PER_CALL) * bench_wire.CALLS


def test_rating_is_measured_only_where_both_engines_agree() -> None:
    offer = bench_rating.offer(prefixes=300, own_prefixes=100)
    found = bench_rating.measured(1_000, offer)
    assert found["prefixes"] == 400
    assert found["scalar"]["median"] > 0
    assert found["batch"]["median"] > 0
    assert 0.05 < found["bundled_share"] < 0.15
    assert found["fallback_share"] < 0.05


def test_rating_that_differs_between_the_engines_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_rating, "_one_by_one", lambda book: [0] * len(book.calls))
    with pytest.raises(Refused, match="of 1000 calls differ between the two engines"):
        bench_rating.measured(1_000, bench_rating.offer(prefixes=300, own_prefixes=100))
