"""One case run: what was expected, what ours says, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NamedTuple

from rtbill.domain.errors import BadRecord, NoRate
from rtbill.domain.money import MICROS
from tests.cases.asking import ANSWERS, Question
from tests.cases.balances import Balances
from tests.cases.reading import Case
from tests.cases.unsupported import Unsupported

_SIX_DIGITS = Decimal("0.000001")


class Verdict(StrEnum):
    """How a case came out."""

    PASS = "PASS"
    FAIL = "FAIL"
    SKIP = "SKIP"


class Result(NamedTuple):
    """One line of the report."""

    verdict: Verdict
    id: str
    kind: str
    expected: str
    got: str
    reason: str

    def __str__(self) -> str:
        return "\t".join(self).rstrip("\t")


class Fact(NamedTuple):
    """One expectation and what ours says to it."""

    name: str
    expected: object
    got: object

    @property
    def is_met(self) -> bool:
        return plain(self.expected) == plain(self.got)


def run_case(case: Case) -> Result:
    """PASS when every expectation is met; FAIL with the reason when the model has no place for the
    case; SKIP for what is no matter of rating.
    """
    if case.kind in _OTHER_PARTS:
        return Result(Verdict.SKIP, case.id, case.kind, "", "", _OTHER_PARTS[case.kind])
    try:
        facts = list(_KINDS.get(case.kind, _unknown)(case))
    except (Unsupported, BadRecord, NoRate) as error:
        return _failed(case, str(error))
    except KeyError as error:
        return _failed(case, f"the case has no {error.args[0]!r}")
    assert facts, f"{case.id} expects nothing"
    return Result(
        Verdict.PASS if all(fact.is_met for fact in facts) else Verdict.FAIL,
        case.id,
        case.kind,
        " ".join(f"{fact.name}={plain(fact.expected)}" for fact in facts),
        " ".join(f"{fact.name}={plain(fact.got)}" for fact in facts),
        "",
    )


def _failed(case: Case, reason: str) -> Result:
    expected = " ".join(f"{name}={plain(value)}" for name, value in case.expect.items())
    return Result(Verdict.FAIL, case.id, case.kind, expected, "", reason)


def plain(value: Any) -> str:
    """A value as text: 1.50 and 1.5 are the same, and so are an instant and its text."""
    if isinstance(value, list):
        return f"[{','.join(map(plain, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{plain(each)}' for key, each in value.items())}}}"
    if isinstance(value, bool | datetime):
        return str(value)
    try:
        number = Decimal(str(value)).normalize()
    except InvalidOperation:
        return str(value).replace(" ", "_")
    return f"{number:f}"


def _unknown(case: Case) -> Iterator[Fact]:
    raise Unsupported(f"a case of kind {case.kind}")


def _answers(case: Case) -> Iterator[Fact]:
    """Every expectation of a price and its parts, for each call of the case."""
    if "error" in case.expect:
        yield _refusal(case)
        return
    for place, call in enumerate(case.calls):
        question = Question.of(case, call)
        for name, value in case.expect.items():
            if name == "differs_because":
                continue
            if name not in ANSWERS:
                raise Unsupported(f"no answer to {name}")
            expected = value[place] if len(case.calls) > 1 else value
            if name in ("exact_cost_unrounded", "before_rounding"):
                expected = Decimal(value).quantize(_SIX_DIGITS)
            yield Fact(name, expected, ANSWERS[name](question, expected))


def _refusal(case: Case) -> Fact:
    """A number without a rate has no price, and above all not 0."""
    try:
        got: object = Question.of(case, case.calls[0]).exact_cost()
    except NoRate:
        got = "no rate"
    return Fact("error", "no rate", got)


def _max_usage(case: Case) -> Iterator[Fact]:
    balances = Balances(case)
    question = Question.of(case, case.calls[0])
    money, shares = balances.money_micros, balances.shares(question)
    seconds = question.affordable_s(money, shares)
    for name, value in case.expect.items():
        match name:
            case "max_usage":
                yield Fact(name, value, seconds)
            case "cgrates_max_usage":
                digits = case.increment_digits
                theirs = question.affordable_s(money, shares, increment_digits=digits)
                yield Fact(name, value, theirs)
            case "max_usage_greater_than":
                yield Fact(name, expected=True, got=seconds > value)
            case _:
                raise Unsupported(f"no answer to {name}")


def _debit(case: Case) -> Iterator[Fact]:
    """The price, and what it leaves of the balances: of the whole call, or of what they grant."""
    call = case.calls[0]
    if "cost_given" in call:
        raise Unsupported("a call that brings its price")
    balances = Balances(case)
    if "error" in case.expect:
        yield from _unpaid(case, balances)
        return
    question, repeat = Question.of(case, call), call.get("repeat", 1)
    if "granted_seconds" in case.expect:
        granted_s = question.affordable_s(balances.money_micros, balances.shares(question))
        yield Fact("granted_seconds", case.expect["granted_seconds"], granted_s)
        question = replace(question, talk_s=granted_s)
        repeat = min(repeat, granted_s)  # what is not let begin costs nothing
    costs = [balances.pay(question) for _ in range(repeat)]
    for expected, value in case.expect.items():
        if expected == "cost":
            yield Fact(expected, value, costs[0])
        elif expected == "balances":
            yield Fact(expected, value, {name: balances.left(name) for name in value})
        elif expected != "granted_seconds":
            raise Unsupported(f"no answer to {expected}")


def _unpaid(case: Case, balances: Balances) -> Iterator[Fact]:
    """A call that is refused: for want of a rate, or of the money for its beginning."""
    if "balances_money_total" not in case.expect:
        yield _refusal(case)
        return
    question = Question.of(case, case.calls[0])
    granted_s = question.affordable_s(balances.money_micros, balances.shares(question))
    yield Fact("error", "not paid", "not paid" if not granted_s else f"{granted_s} s are paid")
    total = Decimal(balances.money_micros) / MICROS
    yield Fact("balances_money_total", case.expect["balances_money_total"], total)


def _rerate(case: Case) -> Iterator[Fact]:
    """A call whose account came later: priced the same, and debited then."""
    events = case.calls[0]["events"]
    if len(events) > 1 or "then_account_created_with" not in case.expect:
        raise Unsupported("several calls rated anew in order")
    if case.balances:
        raise Unsupported("balances of a call that is rated anew")
    cost = Question.of(case, events[0]).exact_cost()
    left = case.expect["then_account_created_with"] - cost
    yield Fact("after_rerate", case.expect["after_rerate"], {"cost": cost, "balance": left})


_KINDS: Mapping[str, Callable[[Case], Iterator[Fact]]] = {
    "cost": _answers,
    "segments": _answers,
    "max_usage": _max_usage,
    "debit": _debit,
    "rerate": _rerate,
}
_OTHER_PARTS: Mapping[str, str] = {
    "reservation": "credit control: money held while a call lasts",
    "concurrency": "credit control: several calls of one account at once",
    "session": "credit control: money held and given back",
    "discount_model": "invoicing: tiers of a month's volume",
}
"""Kinds that ask something else than what one call costs, and of which part."""
