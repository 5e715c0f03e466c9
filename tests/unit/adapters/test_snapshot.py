"""Three replies of an exchange, and what it holds by them."""

from __future__ import annotations

from datetime import datetime

import pytest

from adapters.asterisk.snapshot import Replies, build
from adapters.asterisk.translate import Translator
from rtbill.domain.call import CallId, from_epoch_us
from rtbill.domain.events import CallEnded, FinishedLeg, LiveLeg, Snapshot
from rtbill.domain.origin import Origin
from tests.unit.adapters.ami_text import (
    BASE_S,
    dial_begin,
    hangup,
    messages,
    newstate,
    row,
    stamp,
    status,
)

AT = from_epoch_us((BASE_S + 100) * 1_000_000)
ANSWERED = from_epoch_us((BASE_S + 1) * 1_000_000)
ENDED = from_epoch_us((BASE_S + 9) * 1_000_000)
LIVE_ROW = row("/rtbill/live/1.2", f"1001,5551234,{stamp(1)}")
DONE_ROW = row("/rtbill/done/1.2", f"1001,5551234,{stamp(1)},{stamp(9)}")


def a_translator(heard: str = "") -> Translator:
    translator = Translator("lab", {"PJSIP/carrier-": "carrier"})
    for message in messages(heard) if heard else []:
        translator.feed(message, 0)
    return translator


def snapshot(
    live: str = "",
    channels: str = "",
    done: str = "",
    *,
    heard: str = "",
    events_follow: bool = True,
) -> Snapshot:
    lists = [messages(text) if text else [] for text in (live, channels, done)]
    replies = Replies(lists[0], lists[1], lists[2])
    built, bad = build(a_translator(heard), replies, AT, events_follow=events_follow)
    assert bad == []
    return built


def test_a_live_leg_has_the_answer_that_is_stamped_on_it() -> None:
    built = snapshot(channels=status(answered=stamp(1)))
    assert built.live == (LiveLeg(CallId("lab", "1.2"), "1001", "5551234", "carrier", ANSWERED),)
    assert built.has_outbox


def test_a_leg_whose_beginning_was_not_heard_names_the_channel_that_dialled_it() -> None:
    [leg] = snapshot(channels=status(answered=stamp(1), linked="1.1")).live
    assert leg.asked_by == "1.1"


def test_a_ringing_leg_has_no_answer() -> None:
    [leg] = snapshot(channels=status(state=5)).live
    assert leg.answered_at is None


@pytest.mark.parametrize(
    "channel",
    [
        status(application="Dial", payer="1001"),
        status(channel="PJSIP/1001-00000001", answered=stamp(1)),
    ],
    ids=["incoming call forwarded outside", "telephone"],
)
def test_only_dialled_trunk_legs_are_shown(channel: str) -> None:
    assert snapshot(channels=channel).live == ()


def test_a_leg_sent_through_the_dialplan_by_a_transfer_is_known_by_its_stamp() -> None:
    assert len(snapshot(channels=status(application="VoiceMail", answered=stamp(1))).live) == 1


def test_a_leg_that_is_up_without_any_stamp_is_proven_from_now_on_only() -> None:
    [leg] = snapshot(channels=status(payer="", dest="")).live
    assert (leg.answered_at, leg.payer) == (AT, None)


def test_a_leg_answered_while_its_snapshot_was_on_the_way_is_answered() -> None:
    # Its beginning was not heard, so the event of its answer alone says nothing.
    [leg] = snapshot(channels=status(state=5), heard=newstate(at=1)).live
    assert leg.answered_at == ANSWERED


@pytest.mark.parametrize(("answered", "told"), [("", None), (stamp(1), ANSWERED)])
def test_a_guessed_answer_is_not_told_as_evidence_at_the_end(
    answered: str, told: datetime | None
) -> None:
    translator = a_translator()
    build(translator, Replies([], messages(status()), []), AT, events_follow=True)
    [message] = messages(hangup(at=200, answered=answered))
    ended = translator.feed(message, 0)
    assert isinstance(ended, CallEnded)
    assert ended.answered_at == told


def test_what_events_told_of_a_leg_is_kept() -> None:
    heard = f"{dial_begin()}\n\n{newstate(at=1)}"
    [leg] = snapshot(channels=status(answered=stamp(1.5)), heard=heard).live
    assert leg.answered_at == ANSWERED


def test_a_done_row_is_a_finished_call() -> None:
    built = snapshot(done=DONE_ROW)
    assert built.finished == (
        FinishedLeg(CallId("lab", "1.2"), "1001", "5551234", "", ANSWERED, ENDED),
    )


def test_rows_and_legs_say_where_the_call_came_from() -> None:
    origin = Origin("4711", "branch")
    row_before = f"1001,5551234,{stamp(1)}"
    done = row("/rtbill/done/1.2", f"{row_before},{stamp(3)},4711/branch")
    [finished] = snapshot(done=done).finished
    [vanished] = snapshot(live=row("/rtbill/live/1.2", f"{row_before},4711/branch")).vanished
    [live] = snapshot(channels=status(answered=stamp(1), origin="4711/branch")).live
    assert finished.origin == vanished.origin == live.origin == origin


def test_a_live_row_with_neither_channel_nor_done_row_has_vanished() -> None:
    built = snapshot(live=LIVE_ROW)
    assert built.vanished == (LiveLeg(CallId("lab", "1.2"), "1001", "5551234", "", ANSWERED),)


def test_a_leg_hung_up_between_the_replies_is_finished_not_vanished() -> None:
    built = snapshot(live=LIVE_ROW, done=DONE_ROW)
    assert built.vanished == ()
    assert len(built.finished) == 1


def test_a_leg_hung_up_after_status_is_live_because_its_end_is_still_to_be_told() -> None:
    built = snapshot(live=LIVE_ROW, channels=status(answered=stamp(1)), done=DONE_ROW)
    assert len(built.live) == 1
    assert built.finished == ()


def test_a_leg_whose_end_was_told_and_acknowledged_meanwhile_has_not_vanished() -> None:
    heard = f"{dial_begin()}\n\n{hangup(answered=stamp(1))}"
    built = snapshot(
        live=LIVE_ROW, channels=status(answered=stamp(1)), heard=heard, events_follow=False
    )
    assert (built.live, built.vanished) == ((), ())


def test_without_the_outbox_nothing_is_said_to_have_vanished() -> None:
    replies = Replies(messages(LIVE_ROW), [], None)
    built, _ = build(a_translator(), replies, AT, events_follow=True)
    assert built.vanished == ()
    assert not built.has_outbox


@pytest.mark.parametrize(
    "value", ["", "1001,5551234", "1001,5551234,soon,later", f"1,2,{'9' * 40},3"]
)
def test_a_row_that_cannot_be_read_is_told_and_left_where_it_is(value: str) -> None:
    replies = Replies([], [], messages(f"{DONE_ROW}\n\n{row('/rtbill/done/7.7', value)}"))
    built, bad = build(a_translator(), replies, AT, events_follow=True)
    assert [leg.id.leg for leg in built.finished] == ["1.2"]
    assert len(bad) == 1
    assert "/rtbill/done/7.7" in bad[0]
