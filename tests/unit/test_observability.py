"""Log lines that a machine can read and a thief cannot use; metrics that a scraper can read."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from rtbill.clock import SystemClock
from rtbill.config import LogConfig
from rtbill.observability import (
    HELP,
    PrometheusMeter,
    escape_controls,
    mask_number,
    set_up_logging,
)


class StoppedClock(SystemClock):
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def config(text_format: str = "json", mask_digits: int = 4) -> LogConfig:
    assert text_format in ("json", "text")
    return LogConfig(
        level="info", format="json" if text_format == "json" else "text", mask_digits=mask_digits
    )


def test_a_line_is_one_json_object_with_time_level_and_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging(config(), StoppedClock())
    logging.getLogger("rtbill.billing").info("call rated", extra={"account": "anna"})
    assert lines(capsys) == [
        {
            "time": "2026-03-01T12:00:00.005Z",
            "level": "info",
            "logger": "rtbill.billing",
            "event": "call rated",
            "account": "anna",
        }
    ]


def test_numbers_are_masked_in_their_keys_and_in_running_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging(config(), StoppedClock())
    extra = {"dialled": "0303123456", "seen": {"number": "+49303123456"}, "payer": "1001"}
    logging.getLogger("rtbill").warning("no rate for +49303123456", extra=extra)
    (line,) = lines(capsys)
    assert line["event"] == "no rate for +4930312****"
    assert line["dialled"] == "030312****"
    assert line["seen"] == {"number": "+4930312****"}
    assert line["payer"] == "1001"


def test_a_number_in_a_traceback_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config(), StoppedClock())
    try:
        int("+49303123456x")
    except ValueError:
        logging.getLogger("rtbill").exception("failed")
    (line,) = lines(capsys)
    assert "+4930312****" in str(line["exception"])
    assert "3456" not in str(line["exception"])


def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config("text"), StoppedClock())
    logging.getLogger("rtbill").info("name %s", "\x1b[2Jeve\r\n{forged}\x9b\u202e")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert "\x1b" not in written
    assert "\\x1b[2Jeve\\r\\n{forged}\\x9b\\u202e" in written


def test_lower_levels_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(config(), StoppedClock())
    logging.getLogger("rtbill").debug("noise")
    assert lines(capsys) == []


@pytest.mark.parametrize(
    ("number", "hidden", "shown"),
    [
        ("+49303123456", 4, "+4930312****"),
        ("+49303123456", 0, "+49303123456"),
        ("112", 4, "112"),
        ("1001", 4, "1001"),
        ("116117", 2, "1161**"),
    ],
)
def test_masking_hides_the_last_digits_of_long_numbers(
    number: str, hidden: int, shown: str
) -> None:
    assert mask_number(number, hidden) == shown


def test_escaping_leaves_accents_alone() -> None:
    assert escape_controls("Zoë\t") == "Zoë\\t"


def test_metrics_are_rendered_with_labels_and_help() -> None:
    meter = PrometheusMeter()
    meter.gauge("rtbill_link_up", 1, pbx="hall")
    meter.count("rtbill_events_total", 3, pbx="hall")
    meter.count("rtbill_events_total", pbx="hall")
    meter.observe("rtbill_store_commit_seconds", 0.0007)
    text = meter.render().decode()
    assert 'rtbill_link_up{pbx="hall"} 1.0' in text
    assert 'rtbill_events_total{pbx="hall"} 4.0' in text
    assert 'rtbill_store_commit_seconds_bucket{le="0.0005"} 0.0' in text
    assert 'rtbill_store_commit_seconds_bucket{le="0.001"} 1.0' in text
    assert 'rtbill_store_commit_seconds_bucket{le="10.0"} 1.0' in text
    assert HELP["rtbill_link_up"] in text
    assert "process_resident_memory_bytes" in text


def test_two_meters_do_not_share_numbers() -> None:
    first, second = PrometheusMeter(), PrometheusMeter()
    first.count("rtbill_calls_total", status="rated")
    assert b"rtbill_calls_total{" not in second.render()


def test_a_name_has_one_kind() -> None:
    meter = PrometheusMeter()
    meter.gauge("rtbill_store_queue", 1)
    with pytest.raises(AssertionError):
        meter.count("rtbill_store_queue")


async def test_the_system_clock_is_aware_and_never_steps_back() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.now().tzinfo is UTC
    await clock.sleep(0)
    assert clock.monotonic() >= before
