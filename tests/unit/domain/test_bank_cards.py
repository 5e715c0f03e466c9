"""What looks like the number of a bank card."""

from __future__ import annotations

import pytest

from rtbill.domain.bank_cards import is_bank_card


@pytest.mark.parametrize(
    ("text", "is_card"),
    [
        ("4242424242424242", True),
        ("my card is 4000 0025 0000 3155 ok", True),
        ("378282246310005", True),
        ("4242424242424241", False),
        ("17912016000000006999", False),
        ("C-4711", False),
        ("", False),
    ],
)
def test_bank_card_numbers_are_known_by_their_check_digit(text: str, is_card: bool) -> None:  # noqa: FBT001
    assert is_bank_card(text) is is_card
