"""What a single answer means, by the mapping of a provider whose answers carry codes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payments.cashless_mapping import Act, CashlessMapping, State, Trouble
from payments.cashless_reading import Heard, Refusal, check_same, heard
from payments.cashless_table import read_mapping_file
from payments.soap_answer import read_answer
from rtbill.domain.errors import BadRecord, OutcomeUnknown
from rtbill.domain.money import Money
from rtbill.domain.payment import DeclineClass, Declined
from simulator.cashless_tricks import Trick
from tests.fakes.cashless import MAPPINGS, a_charge, a_provider

ANSWER = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><r>'
    "<Head><TrxNo>{reference}</TrxNo></Head><Result><Rc>{code}</Rc>{status}</Result>{money}"
    "</r></s:Body></s:Envelope>"
)
MONEY = '<Amt Ccy="EUR">12.50</Amt>'


def purse() -> CashlessMapping:
    return read_mapping_file(MAPPINGS["purse"])


def meaning(
    act: Act,
    *,
    code: str = "00",
    status: str = "",
    reference: str = "20261127000001",
    money: str = MONEY,
) -> Heard | Refusal:
    """What an answer means, asked about 12.50 EUR under this reference."""
    written = f"<Status>{status}</Status>" if status else ""
    text = ANSWER.format(reference=reference, code=code, status=written, money=money)
    said = heard(purse(), act, read_answer(text.encode(), (), ()))
    check_same(said, "20261127000001", Money(12_500_000, "EUR"))
    return said


@pytest.mark.parametrize(
    ("status", "state"),
    [("R", State.CREATED), ("C", State.APPROVED), ("L", State.CANCELLED), ("W", State.PENDING)],
)
def test_each_word_of_a_query_means_one_state(status: str, state: State) -> None:
    said = meaning(Act.QUERY, status=status)
    assert isinstance(said, Heard)
    assert said.state is state


@pytest.mark.parametrize("status", ["", "Z", "00"])
def test_a_query_without_a_known_word_settles_nothing(status: str) -> None:
    with pytest.raises(BadRecord, match="is not in the mapping"):
        meaning(Act.QUERY, status=status)


@pytest.mark.parametrize(
    ("code", "means"),
    [("51", DeclineClass.SOFT), ("94", Trouble.DUPLICATE), ("91", Trouble.BUSY), ("77", None)],
)
def test_a_code_in_a_normal_answer_is_a_refusal(code: str, means: object) -> None:
    said = meaning(Act.CAPTURE, code=code)
    assert isinstance(said, Refusal)
    assert (said.code, said.meaning, said.is_stated) == (code, means, True)


def test_a_code_that_is_not_there_is_no_refusal() -> None:
    with pytest.raises(BadRecord, match="state '' is not in the mapping"):
        meaning(Act.CAPTURE, code="")


def test_a_refusal_of_another_payment_is_unknown() -> None:
    with pytest.raises(OutcomeUnknown, match="it answers about 4"):
        meaning(Act.AUTHORISE, code="51", reference="4")


@pytest.mark.parametrize(
    ("money", "named"),
    [
        ("", "asked for 12.50 EUR, it answers no sum"),
        ('<Amt Ccy="EUR">12.51</Amt>', "it answers 12.51 EUR"),
        ('<Amt Ccy="EUR">-12.50</Amt>', "it answers -12.50 EUR"),
        ('<Amt Ccy="CHF">12.50</Amt>', "it answers 12.50 CHF"),
    ],
)
def test_a_success_of_another_sum_is_unknown(money: str, named: str) -> None:
    with pytest.raises(OutcomeUnknown) as unknown:
        meaning(Act.CAPTURE, money=money)
    assert named in str(unknown.value)


@pytest.mark.parametrize(
    ("money", "reason"),
    [
        ('<Amt Ccy="EUR">12,50</Amt>', "is not an amount"),
        ('<Amt Ccy="EUR">1.25E1</Amt>', "is not an amount"),
        ('<Amt Ccy="EUR">12.5000001</Amt>', "not a whole number of millionths"),
        ('<Amt Ccy="Euro">12.50</Amt>', "unknown currency 'Euro'"),
        ("<Amt>12.50</Amt>", "unknown currency ''"),
        (MONEY * 2, "stands there 2 times"),
    ],
)
def test_a_sum_that_cannot_be_read_settles_nothing(money: str, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        meaning(Act.CAPTURE, money=money)


async def test_a_payment_that_the_query_calls_declined_is_declined() -> None:
    shipped = read_mapping_file(MAPPINGS["cashless"])
    query = replace(shipped.acts[Act.QUERY], states={"unknown": State.DECLINED})
    mapping = replace(shipped, acts={**shipped.acts, Act.QUERY: query})
    async with a_provider(mapping=mapping) as provider:
        answer = await provider.gateway.find(a_charge(), "A1")
        assert answer == Declined("A1", DeclineClass.VAGUE, "unknown", "")
        provider.server.tricks.plan("query", Trick.FAULT_200)  # the question, not the payment
        with pytest.raises(OutcomeUnknown, match="INSUFFICIENT_FUNDS"):
            await provider.gateway.find(a_charge(), "A1")
