"""Numbers of bank cards are kept nowhere, whoever writes them down."""

from __future__ import annotations

import pytest

from rtbill.domain.errors import BadRecord
from tests.fakes.pay_office import a_pay_office

AGREED = {"text_version": "1", "address": "Ms Keller"}


@pytest.mark.parametrize(
    "number",
    ["4242424242424242", "4242 4242 4242 4242", "3782-822463-10005", "no. 5555555555554444"],
)
async def test_a_bank_cards_number_is_not_kept_as_a_cashless_card(number: str) -> None:
    async with a_pay_office(pages=False) as paying:
        with pytest.raises(BadRecord, match="number of a bank card") as refused:
            await paying.order("pay.method.add", account="room-1", card=number, **AGREED)
        assert number not in str(refused.value)
