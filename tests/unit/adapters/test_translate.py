"""Tables of AMI events, and the calls they mean."""

from __future__ import annotations

from datetime import datetime

import pytest

from adapters.asterisk.translate import Translator, dial_limit_ms, dialled_number, instant_us
from adapters.asterisk.wire import Message
from rtbill.domain.call import CallId, CutBy, from_epoch_us
from rtbill.domain.errors import BadRecord
from rtbill.domain.events import CallAnswered, CallEnded, CallRefused, CallStarted, PbxEvent
from rtbill.domain.origin import NO_ORIGIN, UNREADABLE, Origin
from tests.unit.adapters.ami_text import BASE_S, dial_begin, hangup, messages, newstate, stamp

LEG = CallId("lab", "1.2")


def at(seconds: float) -> datetime:
    return from_epoch_us(round((BASE_S + seconds) * 1e6))


def a_translator() -> Translator:
    return Translator("lab", {"PJSIP/carrier-": "carrier", "DAHDI/": "isdn", "Local/": "inner"})


def told(text: str, translator: Translator | None = None) -> list[PbxEvent]:
    translator = translator or a_translator()
    events = (translator.feed(message, BASE_S * 1_000_000) for message in messages(text))
    return [event for event in events if event is not None]


def blocks(*texts: str) -> str:
    return "\n\n".join(text.strip() for text in texts)


def test_a_call_through_the_trunk_is_started_answered_and_ended() -> None:
    text = blocks(dial_begin(), newstate(state=5, at=0.5), newstate(at=1.25), hangup(at=3.5))
    assert told(text) == [
        CallStarted(LEG, at(0), "1001", "5551234", "carrier", asked_by="1.1"),
        CallAnswered(LEG, at(1.25), "1001", "5551234", "carrier"),
        CallEnded(LEG, at(3.5), 16, None, "1001", "5551234", "carrier", at(1.25)),
    ]


@pytest.mark.parametrize("seen", [(1, 1, 1), (0, 1, 1), (0, 0, 1)])
def test_where_a_call_came_from_is_told_as_soon_as_the_leg_says_it(
    seen: tuple[int, int, int],
) -> None:
    said = ["4711/branch" if each else "" for each in seen]
    text = blocks(dial_begin(origin=said[0]), newstate(origin=said[1]), hangup(origin=said[2]))
    origins = [event.origin for event in told(text) if not isinstance(event, CallRefused)]  # type: ignore[union-attr]
    assert origins == [Origin("4711", "branch") if each else NO_ORIGIN for each in seen]


def test_an_origin_that_cannot_be_read_is_a_code_of_nobody_and_the_call_goes_on() -> None:
    started, *_ = told(blocks(dial_begin(origin="4711;branch"), newstate(), hangup()))
    assert isinstance(started, CallStarted)
    assert started.origin == Origin(UNREADABLE)


def test_an_unanswered_call_ends_without_an_answer() -> None:
    *_, ended = told(blocks(dial_begin(), hangup(cause="17")))
    assert isinstance(ended, CallEnded)
    assert (ended.cause, ended.answered_at) == (17, None)


def test_an_incoming_trunk_call_is_nobody_s_outside_call() -> None:
    text = blocks(
        dial_begin(channel="PJSIP/1001-00000000", caller="PJSIP/carrier-00000001"),
        newstate("1.1"),
        hangup("1.1"),
    )
    assert told(text) == []


def test_an_internal_call_is_not_told() -> None:
    assert told(blocks(dial_begin(channel="PJSIP/1002-00000001"), newstate(), hangup())) == []


def test_messages_that_come_twice_say_nothing_new() -> None:
    text = blocks(dial_begin(), newstate(), hangup(answered=stamp(1)))
    twice = blocks(*(part for part in text.split("\n\n") for _ in range(2)), text)
    assert told(twice) == told(text)


def test_a_leg_without_a_payer_has_none_and_its_number_comes_from_the_dial_string() -> None:
    [started, *_] = told(dial_begin(payer="", dest="", dial_string="5558888@carrier"))
    assert isinstance(started, CallStarted)
    assert (started.payer, started.dialled) == (None, "5558888")


@pytest.mark.parametrize(
    ("forwarder", "let_out_by"),
    [
        ("", None),
        ("PJSIP/1002-00000007", "PJSIP/1002-00000007"),
        ("PJSIP/carrier-00000007", None),
    ],
)
def test_a_telephone_that_calls_the_trunk_itself_is_named_and_a_carrier_is_not(
    forwarder: str, let_out_by: str | None
) -> None:
    [started] = told(dial_begin(payer="", forwarder=forwarder))
    assert isinstance(started, CallStarted)
    assert started.let_out_by == let_out_by


def test_payer_and_number_set_while_it_rang_count() -> None:
    text = blocks(dial_begin(payer="", dest=""), newstate(payer="1007", dest="42"), hangup())
    _, answered, ended = told(text)
    assert isinstance(answered, CallAnswered)
    assert isinstance(ended, CallEnded)
    assert (answered.payer, answered.dialled) == ("1007", "42")
    assert (ended.payer, ended.dialled) == ("1007", "42")


def test_a_transfer_later_does_not_change_who_pays() -> None:
    *_, ended = told(blocks(dial_begin(), newstate(), hangup(payer="1002", dest="99")))
    assert isinstance(ended, CallEnded)
    assert (ended.payer, ended.dialled) == ("1001", "5551234")


def test_the_stamp_on_the_leg_settles_an_answer_that_was_not_heard() -> None:
    *_, ended = told(blocks(dial_begin(), hangup(answered=stamp(1.5)[:-3])))
    assert isinstance(ended, CallEnded)
    assert ended.answered_at == at(1.5)


def test_the_end_of_a_stamped_leg_that_was_never_heard_of_is_told() -> None:
    [ended] = told(hangup(answered=stamp(1.5)))
    assert isinstance(ended, CallEnded)
    assert (ended.id, ended.payer, ended.trunk, ended.answered_at) == (
        LEG,
        "1001",
        "carrier",
        at(1.5),
    )


def test_the_closest_trunk_matcher_names_the_group() -> None:
    [started] = told(dial_begin(channel="DAHDI/i1/5551234-1"))
    assert isinstance(started, CallStarted)
    assert started.trunk == "isdn"


def test_a_refusal_by_the_dialplan_is_told() -> None:
    text = f"""
        Event: UserEvent
        Privilege: user,all
        Timestamp: {stamp(2)}
        Channel: PJSIP/1001-00000004
        UserEvent: RtbillRefused
        Extension: 1001
        Dialled: 95551234
        """
    assert told(text) == [CallRefused("lab", at(2), "1001", "95551234")]
    assert told(text.replace("RtbillRefused", "Other")) == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("unknown-payer", "unknown-payer"),
        ("a-word-of-tomorrow", "a-word-of-tomorrow"),
        ("", "locked"),
        ("Two Words", "locked"),
        ("x" * 33, "locked"),
    ],
)
def test_a_refusal_carries_the_dialplans_reason_and_the_callers_channel(
    said: str, reason: str
) -> None:
    text = f"""
        Event: UserEvent
        Privilege: user,all
        Timestamp: {stamp(2)}
        Channel: PJSIP/1001-00000004
        Uniqueid: 1795356012.7
        UserEvent: RtbillRefused
        Extension: 1001
        Dialled: 95551234
        Reason: {said}
        """
    assert told(text) == [CallRefused("lab", at(2), "1001", "95551234", reason, "1795356012.7")]


def test_without_timestamps_the_arrival_counts_and_it_is_remembered() -> None:
    translator = a_translator()
    text = "\n".join(line for line in dial_begin().splitlines() if "Timestamp" not in line)
    [started] = told(text, translator)
    assert isinstance(started, CallStarted)
    assert started.at == at(0)
    assert translator.lacks_timestamps


def test_a_renamed_leg_is_ordered_about_by_its_new_name() -> None:
    translator = a_translator()
    told(dial_begin(), translator)
    told(
        """
        Event: Rename
        Channel: PJSIP/carrier-00000001
        Newname: PJSIP/carrier-00000009
        Uniqueid: 1.2
        """,
        translator,
    )
    assert translator.legs["1.2"].channel == "PJSIP/carrier-00000009"


def cut_by(ended_at: float, **orders: float) -> CutBy | None:
    """Who ended a leg answered at 1, given instants of orders on the leg."""
    translator = a_translator()
    told(blocks(dial_begin(), newstate(at=1)), translator)
    leg = translator.legs["1.2"]
    if "deadline" in orders:
        leg.deadline_us = instant_us(stamp(orders["deadline"]))
    if "hung_up" in orders:
        leg.hung_up_us = instant_us(stamp(orders["hung_up"]))
    [ended] = told(hangup(at=ended_at), translator)
    assert isinstance(ended, CallEnded)
    return ended.cut_by


@pytest.mark.parametrize(
    ("ended_at", "who"),
    [(2.5, None), (2.9, CutBy.PBX_TIMER), (3.006, CutBy.PBX_TIMER), (4.5, None)],
)
def test_the_timer_cut_the_call_only_if_it_had_just_run_out(
    ended_at: float, who: CutBy | None
) -> None:
    assert cut_by(ended_at, deadline=3.0) is who


def test_our_own_hang_up_is_the_cause_even_when_a_timer_was_due_too() -> None:
    assert cut_by(3.0, deadline=3.0, hung_up=2.99) is CutBy.BILLER
    assert cut_by(9.0, hung_up=2.99) is None


def test_an_order_for_the_channel_that_dialled_the_leg_counts_too() -> None:
    translator = a_translator()
    told(blocks(dial_begin(), newstate(at=1)), translator)
    translator.order_timeout("PJSIP/1001-00000000", instant_us(stamp(3)))
    [ended] = told(hangup(at=3.003), translator)
    assert isinstance(ended, CallEnded)
    assert ended.cut_by is CutBy.PBX_TIMER


def test_the_limit_of_dial_itself_is_the_exchanges_timer() -> None:
    text = blocks(
        """
        Event: Newexten
        Channel: PJSIP/1001-00000000
        Application: Dial
        AppData: PJSIP/5551234@carrier,60,TKL(2000)b(rtb-leg^s^1(1001^5551234))
        """,
        dial_begin(),
        newstate(at=1),
        hangup(at=3.002),
    )
    *_, ended = told(text)
    assert isinstance(ended, CallEnded)
    assert ended.cut_by is CutBy.PBX_TIMER


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [
        ("PJSIP/1@c,60,TKL(2000)b(x)", 2000),
        ("PJSIP/1@c,60,L(60000:30000:10000)", 60000),
        ("PJSIP/1@c,60,b(x^L(9)^1)T", None),
        ("PJSIP/1@c,60,L()", None),
        ("PJSIP/L(5)@c", None),
        ("", None),
    ],
)
def test_the_limit_is_read_from_dials_options_only(arguments: str, limit: int | None) -> None:
    assert dial_limit_ms(arguments) == limit


@pytest.mark.parametrize(
    ("channel", "dial_string", "number"),
    [
        ("PJSIP/carrier-1", "5551234@carrier", "5551234"),
        ("PJSIP/carrier-1", "carrier/sip:+41445551234@192.0.2.1", "+41445551234"),
        ("SIP/carrier-1", "carrier/5551234", "5551234"),
        ("DAHDI/i1/5551234-1", "g0/5551234", "5551234"),
        ("Local/5551234@out-1;1", "5551234@out/n", "5551234"),
        ("PJSIP/carrier-1", "", None),
    ],
)
def test_the_number_is_found_in_each_kind_of_dial_string(
    channel: str, dial_string: str, number: str | None
) -> None:
    assert dialled_number(channel, dial_string) == number


@pytest.mark.parametrize("text", ["", "soon", "-1.5", "1e9", "1.2.3", "9" * 30, "1_0", "²"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRecord):
        instant_us(text)


def test_instants_keep_every_microsecond() -> None:
    assert instant_us("1795356013.011803") == 1795356013011803
    assert instant_us("1795356013.012") == 1795356013012000
    assert instant_us("1795356013") == 1795356013000000


def test_a_hangup_or_dial_begin_without_its_leg_is_a_bad_record() -> None:
    translator = a_translator()
    with pytest.raises(BadRecord):
        translator.feed(Message("Hangup", b"Event: Hangup\r\nCause: 16"), 0)
    with pytest.raises(BadRecord):
        translator.feed(Message("DialBegin", b"Event: DialBegin\r\nDestChannel: DAHDI/1-1"), 0)


def test_legs_are_forgotten_when_they_end() -> None:
    translator = a_translator()
    for number in range(20):
        told(blocks(dial_begin(f"1.{number}"), hangup(f"1.{number}")), translator)
    assert not translator.legs
