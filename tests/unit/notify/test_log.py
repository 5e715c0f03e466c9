"""Notices in the log."""

from __future__ import annotations

from structlog.testing import capture_logs

from rtbill.domain.notice import Notice
from rtbill.notify.log import LogNotifier
from tests.fakes.environment import NOON


async def test_a_notice_is_one_line_with_its_details() -> None:
    with capture_logs() as lines:
        await LogNotifier().send(Notice("balance.low", "s1", "0.95 EUR left", NOON, (("a", "b"),)))
    assert lines == [
        {
            "event": "balance.low",
            "log_level": "info",
            "subject": "s1",
            "text": "0.95 EUR left",
            "at": "2026-10-05T12:00:00+00:00",
            "a": "b",
        }
    ]


async def test_a_link_that_opens_a_door_is_not_in_the_log() -> None:
    link = "https://hall.example.org/pay/7f3a9c"
    with capture_logs() as lines:
        await LogNotifier().send(Notice("pay.link", "s1", "", NOON, (("link", link),)))
    assert "7f3a9c" not in str(lines)
    assert lines[0]["link"] == "(not shown)"
