"""Whatever a provider sends, it is understood or refused, and never taken for other money."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from payments.cashless_mapping import Act, AmountForm, CashlessMapping
from payments.cashless_reading import Heard, amount_to_send, check_same, heard
from payments.cashless_table import read_mapping_file
from payments.soap_answer import Answer, read_answer
from rtbill.domain.errors import BadRecord, OutcomeUnknown
from rtbill.domain.money import EXPONENTS, Money
from tests.fakes.cashless import MAPPINGS, a_charge

BOTH = {name: read_mapping_file(path) for name, path in MAPPINGS.items()}
CHARGE = a_charge()
ANSWERS = {
    "cashless": (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        '<s:Body><CaptureResponse xmlns="urn:rtbill:cashless:1">'
        "<reference>20261127000001</reference><authorisation>A1</authorisation>"
        "<amount>1250</amount><currency>EUR</currency><state>captured</state>"
        "</CaptureResponse></s:Body></s:Envelope>"
    ),
    "purse": (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
        '<r:CollectAmountRsp xmlns:r="http://purse.example/2009/pay" '
        'xmlns:p="http://purse.example/2009/types"><p:Head><p:Terminal>RTB-1</p:Terminal>'
        "<p:TrxNo>20261127000001</p:TrxNo></p:Head><p:Result><p:Rc>00</p:Rc></p:Result>"
        '<p:Amt Ccy="EUR">12.50</p:Amt></r:CollectAmountRsp></s:Body></s:Envelope>'
    ),
}
EDITS = st.lists(
    st.tuples(
        st.integers(0, 600),
        st.integers(0, 12),
        st.sampled_from([*"<>&/!?[]-0123456789.eE+xA ", ""]),
    ),
    max_size=6,
)


def understood(mapping: CashlessMapping, content: bytes) -> Heard | None:
    try:
        said = heard(mapping, Act.CAPTURE, read_answer(content, (), ()))
        if isinstance(said, Heard):
            check_same(said, CHARGE.reference, CHARGE.money)
            return said
    except (BadRecord, OutcomeUnknown):
        pass
    return None


def test_the_answers_are_good_before_they_are_spoilt() -> None:
    for name, text in ANSWERS.items():
        said = understood(BOTH[name], text.encode())
        assert said is not None
        assert said.money == Money(12_500_000, "EUR")


@given(st.sampled_from(sorted(ANSWERS)), EDITS)
def test_a_spoilt_answer_is_refused_or_means_the_same(
    name: str, edits: list[tuple[int, int, str]]
) -> None:
    text = ANSWERS[name]
    for at, cut, put in edits:
        text = text[:at] + put + text[at + cut :]
    said = understood(BOTH[name], text.encode())
    assert said is None or said.reference == "20261127000001"


@given(st.binary(max_size=300))
def test_bytes_that_are_no_answer_are_refused(content: bytes) -> None:
    assert understood(BOTH["cashless"], content) is None


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(1, 10**9), st.sampled_from(list(AmountForm)))
def test_an_amount_that_was_written_is_read_as_the_same(
    currency: str, coins: int, form: AmountForm
) -> None:
    mapping = BOTH["cashless" if form is AmountForm.MINOR else "purse"]
    money = Money(coins * 10 ** (6 - EXPONENTS[currency]), currency)
    written = amount_to_send(mapping, money)
    assert written.replace(".", "").lstrip("0") == str(coins)
    text = ANSWERS["cashless" if form is AmountForm.MINOR else "purse"]
    text = text.replace("EUR", currency).replace("1250<", f"{written}<")
    text = text.replace(">12.50<", f">{written}<")
    answer = read_answer(text.encode(), (), ())
    assert isinstance(answer, Answer)
    said = heard(mapping, Act.CAPTURE, answer)
    assert isinstance(said, Heard)
    assert said.money == money
