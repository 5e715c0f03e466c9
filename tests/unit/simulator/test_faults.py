"""Faults come from the seed, and from nothing else."""

from __future__ import annotations

import pytest

from simulator.faults import KINDS, Cut, FaultPlan, Send, Step, flatten, parse_faults

MESSAGES = [(f"Event: Hangup\r\nUniqueid: 1.{n}\r\n\r\n".encode(), True) for n in range(300)]
ANSWERS = [(f"Response: Success\r\nActionID: {n}\r\n\r\n".encode(), False) for n in range(300)]


def steps(plan: FaultPlan, messages: list[tuple[bytes, bool]], session: int = 1) -> list[Step]:
    faults = plan.for_session(session)
    return [step for data, is_event in messages for step in faults.steps(data, is_event=is_event)]


def sent(plan: FaultPlan, messages: list[tuple[bytes, bool]]) -> bytes:
    return flatten(iter(steps(plan, messages)))


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    rates = dict.fromkeys(KINDS, 0.05)
    assert steps(FaultPlan(7, rates), MESSAGES) == steps(FaultPlan(7, rates), MESSAGES)
    assert steps(FaultPlan(7, rates), MESSAGES) != steps(FaultPlan(8, rates), MESSAGES)
    assert steps(FaultPlan(7, rates), MESSAGES) != steps(FaultPlan(7, rates), MESSAGES, session=2)


def test_without_faults_every_message_is_sent_as_it_is() -> None:
    assert sent(FaultPlan(), MESSAGES) == b"".join(data for data, _ in MESSAGES)


def test_splitting_and_delaying_change_no_byte() -> None:
    plan = FaultPlan(1, {"split": 1.0, "delay": 0.5})
    assert sent(plan, MESSAGES) == b"".join(data for data, _ in MESSAGES)
    assert len([step for step in steps(plan, MESSAGES) if isinstance(step, Send)]) > 600


def test_events_are_lost_and_doubled_but_answers_are_not() -> None:
    plan = FaultPlan(1, {"lose": 0.2, "duplicate": 0.2})
    counts = [sent(plan, MESSAGES).count(data) for data, _ in MESSAGES]
    assert set(counts) == {0, 1, 2}
    assert sent(plan, ANSWERS) == b"".join(data for data, _ in ANSWERS)


def test_cut_leaves_a_part_of_a_message_behind() -> None:
    plan = FaultPlan(1, {"cut": 1.0})
    (data, cut) = steps(plan, MESSAGES[:1])
    assert isinstance(data, Send)
    assert MESSAGES[0][0].startswith(data.data)
    assert len(data.data) < len(MESSAGES[0][0])
    assert cut == Cut()


def test_garbage_ends_where_the_next_message_begins() -> None:
    plan = FaultPlan(1, {"garbage": 1.0})
    parts = sent(plan, MESSAGES[:5]).split(b"\r\n\r\n")
    assert parts[1::2] == [data.removesuffix(b"\r\n\r\n") for data, _ in MESSAGES[:5]]


@pytest.mark.parametrize("text", ["cut", "cut=x", "cut=2", "boom=0.1"])
def test_wrong_fault_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ValueError, match=text.split("=")[0]):
        parse_faults(text)


def test_faults_are_read_from_the_command_line() -> None:
    assert parse_faults("split=0.3, cut=0.001,") == {"split": 0.3, "cut": 0.001}
