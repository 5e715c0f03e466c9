"""The exchange against excerpts of a real Asterisk's stream, and its dialplan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator.calls import CallState
from simulator.channel import Message
from simulator.exchange import Exchange
from simulator.transfers import attended_transfer, blind_transfer
from simulator.trunks import Trunk

HERE = Path(__file__).parent
START_US = 1_795_356_012_005_000
WANTED = ("Newchannel", "DialBegin", "Newstate", "DialEnd", "HangupRequest", "Hangup")


class Heard:
    """An exchange whose time stands at `at_us`, and all it said."""

    def __init__(self, **settings: object) -> None:
        self.at_us = START_US
        self.messages: list[Message] = []
        names = {str(number): f"Ext {number}" for number in range(1001, 1005)}
        self.exchange = Exchange(lambda: self.at_us, extensions=names, **settings)  # type: ignore[arg-type]  # by name
        self.exchange.on_event = self.messages.append

    def text(self, *names: str) -> str:
        """The events of those names in the form of the excerpts."""
        texts = [m.text().replace("\r\n", "\n") for m in self.messages if m.name in names]
        return "\n".join(texts)

    def names(self) -> list[str]:
        return [message.name for message in self.messages]


def same_but_for_numbers(text: str) -> list[str]:
    """Lines with what differs from call to call replaced: times, Uniqueids, running numbers."""
    text = re.sub(r"\d{10}\.\d{6}", "TIME", text)
    text = re.sub(r"=\d{10}\.\d{3}", "=ANSWERED", text)
    ids = dict.fromkeys(re.findall(r"\d{10}\.\d+", text))
    for index, uniqueid in enumerate(ids):
        text = re.sub(rf"{re.escape(uniqueid)}\b", f"ID{index}", text)
    names = dict.fromkeys(re.findall(r"-[0-9a-f]{8}", text))
    for index, name in enumerate(names):
        text = text.replace(name, f"-N{index}")
    return text.strip().split("\n")


def test_answered_call_reads_as_on_a_real_asterisk() -> None:
    heard = Heard(outside_prefix="9")
    call = heard.exchange.start_call("1001", "5551234")
    heard.exchange.ring(call)
    heard.exchange.answer(call)
    heard.exchange.hang_up(call)
    real = (HERE / "out_answered.txt").read_text()
    assert same_but_for_numbers(heard.text(*WANTED)) == same_but_for_numbers(real)


def test_busy_call_reads_as_on_a_real_asterisk() -> None:
    heard = Heard(outside_prefix="9")
    call = heard.exchange.start_call("1001", "5551234")
    heard.exchange.ring(call)
    heard.exchange.fail(call, "busy")
    real = (HERE / "out_busy.txt").read_text()
    assert same_but_for_numbers(heard.text(*WANTED)) == same_but_for_numbers(real)


def test_refused_call_reads_as_on_a_real_asterisk_and_has_no_trunk_leg() -> None:
    heard = Heard(outside_prefix="9")
    heard.exchange.database.put("rtbill/lock", "1001", "1")
    call = heard.exchange.start_call("1001", "5551234")
    assert call.state is CallState.REFUSED
    real = (HERE / "refused.txt").read_text()
    ours = heard.text("Newchannel", "UserEvent", "Hangup")
    assert same_but_for_numbers(ours) == same_but_for_numbers(real)
    assert heard.exchange.channels == {}


def test_outbox_row_says_payer_number_answer_and_end() -> None:
    heard = Heard()
    call = heard.exchange.start_call("1001", "0301234567")
    assert call.b is not None
    heard.exchange.ring(call)
    heard.at_us = START_US + 2_000_000
    heard.exchange.answer(call)
    live = heard.exchange.database.get("rtbill/live", call.b.uniqueid)
    assert live == "1001,0301234567,1795356014.005"
    heard.at_us = START_US + 9_500_000
    heard.exchange.hang_up(call)
    done = heard.exchange.database.dump()
    assert done == {f"/rtbill/done/{call.b.uniqueid}": f"{live},1795356021.505"}


def test_unanswered_call_leaves_no_row() -> None:
    heard = Heard()
    for how in ("busy", "noanswer", "cancel", "congestion", "unallocated"):
        call = heard.exchange.start_call("1001", "0301234567")
        heard.exchange.ring(call)
        heard.exchange.fail(call, how)
        assert call.is_over
    assert heard.exchange.database.dump() == {}
    causes = re.findall(r"Channel: PJSIP/carrier.*?\nCause: (\d+)\n", heard.text("Hangup"), re.S)
    assert causes == ["17", "0", "127", "34", "1"]


def test_lock_refuses_outside_calls_but_neither_emergency_nor_internal_ones() -> None:
    heard = Heard()
    heard.exchange.database.put("rtbill/lock", "1001", "1")
    assert heard.exchange.start_call("1001", "0301234567").state is CallState.REFUSED
    assert heard.exchange.start_call("1001", "1002").state is CallState.DIALLING
    emergency = heard.exchange.start_call("1001", "112")
    heard.exchange.answer(emergency)
    assert emergency.state is CallState.TALKING


def test_divert_sends_incoming_calls_to_voicemail_and_the_lock_alone_does_not() -> None:
    heard = Heard()
    heard.exchange.database.put("rtbill/lock", "1001", "1")
    assert heard.exchange.receive_call("0309", "1001").state is CallState.DIALLING
    heard.exchange.database.put("rtbill/divert", "1001", "1")
    assert heard.exchange.receive_call("0309", "1001").state is CallState.VOICEMAIL


def test_second_number_smuggled_into_the_first_is_refused() -> None:
    heard = Heard()
    call = heard.exchange.start_call("1001", "0301&Local/222@x")
    assert call.state is CallState.REFUSED
    assert "DialBegin" not in heard.names()


def test_timer_cuts_a_call_at_its_second_and_a_new_value_replaces_the_old() -> None:
    heard = Heard()
    call = heard.exchange.start_call("1001", "0301234567")
    heard.exchange.answer(call)
    assert call.b is not None
    heard.exchange.set_timeout(call.b, 2)
    heard.exchange.set_timeout(call.b, 5)
    heard.at_us += 4_999_999
    assert heard.exchange.cut_due() == []
    heard.at_us += 1
    assert heard.exchange.cut_due() == [call]
    assert call.cut_by_timer
    assert "HangupRequest" not in heard.names()


def test_blind_transfer_keeps_the_payer_on_the_trunk_leg() -> None:
    heard = Heard()
    call = heard.exchange.start_call("1001", "0301234567")
    heard.exchange.answer(call)
    leg = call.b
    assert leg is not None
    blind_transfer(heard.exchange, call, "1002")
    heard.exchange.ring(call)
    heard.exchange.answer(call)
    assert call.a is leg
    assert heard.exchange.database.has("rtbill/live", leg.uniqueid)
    heard.exchange.hang_up(call, "callee")
    row = heard.exchange.database.get("rtbill/done", leg.uniqueid)
    assert row is not None
    assert row.startswith("1001,0301234567,")


def test_transfer_of_an_incoming_call_to_outside_is_paid_by_who_transferred() -> None:
    heard = Heard()
    call = heard.exchange.receive_call("0309", "1002")
    heard.exchange.answer(call)
    blind_transfer(heard.exchange, call, "0301234567")
    heard.exchange.answer(call)
    assert [leg.variables["RTB_PAYER"] for leg in call.trunk_legs] == ["1002"]


def test_transfer_to_outside_by_a_locked_extension_is_refused() -> None:
    heard = Heard()
    call = heard.exchange.receive_call("0309", "1002")
    heard.exchange.answer(call)
    heard.exchange.database.put("rtbill/lock", "1002", "1")
    blind_transfer(heard.exchange, call, "0301234567")
    assert call.state is CallState.REFUSED


def test_attended_transfer_joins_the_two_far_ends() -> None:
    heard = Heard()
    first = heard.exchange.start_call("1001", "0301234567")
    heard.exchange.answer(first)
    second = heard.exchange.start_call("1001", "1002")
    heard.exchange.answer(second)
    trunk_leg, consulted = first.b, second.b
    attended_transfer(heard.exchange, first, second)
    assert (first.a, first.b) == (trunk_leg, consulted)
    assert sorted(heard.exchange.channels) == ["PJSIP/1002-00000003", "PJSIP/carrier-00000001"]


def test_restart_forgets_channels_without_a_word_and_keeps_the_database() -> None:
    heard = Heard()
    call = heard.exchange.start_call("1001", "0301234567")
    heard.exchange.answer(call)
    said = len(heard.messages)
    heard.at_us += 3_000_000
    heard.exchange.restart()
    assert len(heard.messages) == said
    assert call.is_over
    assert list(heard.exchange.database.tree("rtbill/live")) != []
    again = heard.exchange.start_call("1001", "0301234567")
    assert again.a.name == "PJSIP/1001-00000000"
    assert again.a.uniqueid == "1795356015.0"


def test_uniqueids_never_repeat_even_when_restarted_within_a_second() -> None:
    heard = Heard()
    seen = []
    for _ in range(3):
        seen.append(heard.exchange.start_call("1001", "1002").a.uniqueid)
        heard.exchange.restart()
    assert len(set(seen)) == 3


@pytest.mark.parametrize(
    ("technology", "name"),
    [
        ("PJSIP", "PJSIP/line-00000001"),
        ("SIP", "SIP/line-00000001"),
        ("IAX2", "IAX2/line-2"),
        ("DAHDI", "DAHDI/line/030-1"),
        ("Local", "Local/030@line-00000001;1"),
    ],
)
def test_trunk_legs_are_named_as_their_technology_names_them(technology: str, name: str) -> None:
    heard = Heard(trunks=[Trunk("line", technology)])
    call = heard.exchange.start_call("1001", "030")
    assert call.b is not None
    assert call.b.name == name
