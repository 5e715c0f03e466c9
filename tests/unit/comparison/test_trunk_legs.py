"""CDR rows joined into trunk legs, where the captures hold no example."""

from __future__ import annotations

from typing import Any

from rtbill.comparison.trunk_legs import LegJoiner, Site
from rtbill.comparison.values import SECOND_US, TheirCall
from rtbill.domain.call import epoch_us
from rtbill.formats.asterisk_cdr import CdrRow
from tests.fakes.builders import at

SITE = Site(
    trunks={"PJSIP/carrier-": "carrier", "DAHDI/": "lines"},
    is_extension=lambda name: len(name) == 4,
    read_number=lambda digits: digits,
)


def row(when: str, duration_s: int, talk_s: int | None, **fields: Any) -> CdrRow:
    """A row of a call from 1001 to 5551234 by the carrier; None seconds of talk: unanswered."""
    began_us = epoch_us(at(when))
    ended_us = began_us + duration_s * SECOND_US
    values: dict[str, Any] = {
        "channel": "PJSIP/1001-00000000",
        "far_channel": "PJSIP/carrier-00000001",
        "application": "Dial",
        "arguments": "PJSIP/5551234@carrier,60",
        "account_code": "",
        "source": "1001",
        "destination": "5551234",
        "began_us": began_us,
        "answered_us": None if talk_s is None else ended_us - talk_s * SECOND_US,
        "ended_us": ended_us,
        "talk_s": talk_s or 0,
        "is_answered": talk_s is not None,
        "unique_id": "1795356012.0",
        "sequence": 0,
    }
    return CdrRow(**(values | fields))


def legs(*rows: CdrRow, site: Site = SITE) -> list[TheirCall]:
    joiner = LegJoiner(site)
    found = [leg for each in rows for leg in joiner.feed(each)]
    return sorted([*found, *joiner.close()], key=lambda leg: leg.at_us)


def test_the_same_line_used_again_at_once_is_another_leg() -> None:
    """Channels of DAHDI lines have the same name call after call."""
    line = {"far_channel": "DAHDI/1-1", "arguments": "DAHDI/g0/5551234,60"}
    found = legs(row("12:00:00", 30, 20, **line), row("12:00:31", 30, 25, **line))
    assert [leg.talk_us // SECOND_US for leg in found] == [20, 25]


def test_a_redial_to_another_number_on_the_line_is_another_leg_though_nobody_answered() -> None:
    line = {"far_channel": "DAHDI/1-1"}
    found = legs(
        row("12:00:00", 20, None, arguments="DAHDI/g0/5551111,60", **line),
        row("12:00:21", 30, 25, arguments="DAHDI/g0/5552222,60", **line),
    )
    assert [(leg.number, leg.is_answered) for leg in found] == [
        ("5551111", False),
        ("5552222", True),
    ]


def test_the_same_name_after_a_restart_is_another_leg() -> None:
    found = legs(row("12:00:00", 30, 20), row("12:30:00", 30, 20))
    assert len(found) == 2


def test_a_failed_trunk_and_the_next_one_are_two_legs() -> None:
    found = legs(
        row("12:00:00", 2, None, far_channel="DAHDI/1-1", arguments="DAHDI/g0/5551234"),
        row("12:00:02", 30, 20),
    )
    assert [(leg.trunk, leg.is_answered) for leg in found] == [("lines", False), ("carrier", True)]


def test_a_call_that_came_in_is_no_leg_even_after_a_transfer_among_telephones() -> None:
    trunk = "PJSIP/carrier-00000009"
    inside = {"arguments": "PJSIP/1002,20", "channel": trunk}
    assert (
        legs(
            row("12:00:00", 30, 20, far_channel="PJSIP/1001-00000001", **inside),
            row("12:00:30", 30, 30, far_channel="PJSIP/1002-00000002", **inside),
        )
        == []
    )


def test_a_call_answered_before_the_trunk_is_dialled_is_certain_only_of_its_end() -> None:
    """A dialplan that answers to play an announcement."""
    [leg] = legs(row("12:00:00", 30, 30))
    assert not leg.is_answer_certain
    [leg] = legs(row("12:00:00", 30, 29))
    assert leg.is_answer_certain


def test_seconds_of_talk_of_a_busy_trunk_are_no_answer() -> None:
    """A transferred caller was connected before: Asterisk counts on, and says BUSY."""
    busy = row("12:00:00", 2, 2)._replace(is_answered=False)
    [leg] = legs(busy)
    assert (leg.is_answered, leg.talk_us) == (False, 0)


def test_digits_that_the_exchange_adds_are_taken_away() -> None:
    site = Site(
        trunks=SITE.trunks,
        is_extension=SITE.is_extension,
        read_number=SITE.read_number,
        strip=("9999", "9"),
    )
    rows = (
        row("12:00:00", 9, 5, arguments="PJSIP/99995551234@carrier"),
        row("13:00:00", 9, 5, arguments="PJSIP/95551234@carrier"),
    )
    assert [leg.number for leg in legs(*rows, site=site)] == ["5551234", "5551234"]


def test_the_number_dialled_is_kept_beside_the_one_the_trunk_got() -> None:
    [leg] = legs(row("12:00:00", 9, 5, arguments="PJSIP/7775551234@carrier"))
    assert (leg.number, leg.other_number) == ("7775551234", "5551234")


def test_the_payer_is_the_telephone_before_account_code_and_caller_number() -> None:
    local = "Local/95551234@from-phones-00000000;2"
    table = [
        ({"channel": "PJSIP/1001-1", "account_code": "1002", "source": "1003"}, "1001"),
        ({"channel": local, "account_code": "1002", "source": "1003"}, "1002"),
        ({"channel": local, "account_code": "sales-team", "source": "1003"}, "1003"),
        ({"channel": local, "account_code": "", "source": "+49301234567"}, None),
    ]
    for fields, payer in table:
        [leg] = legs(row("12:00:00", 9, 5, **fields))
        assert leg.payer == payer


def test_an_external_queue_member_has_no_number_that_can_be_trusted() -> None:
    [leg] = legs(row("12:00:00", 9, 5, application="Queue", arguments="sales,,,,30"))
    assert (leg.number, leg.payer) == (None, None)


def test_a_long_file_is_joined_as_it_is_read() -> None:
    """Legs that are long over are given before the end, so that memory does not hold a year."""
    joiner = LegJoiner(SITE)
    early = 0
    for day in range(1, 12):
        for each in range(5000):
            when = f"2026-10-{day:02}T{each % 24:02}:00:00"
            name = f"PJSIP/carrier-{day:04}{each:04}"
            early += len(list(joiner.feed(row(when, 9, 5, far_channel=name))))
    late = len(list(joiner.close()))
    assert early + late == 11 * 5000
    assert late < 20_000
