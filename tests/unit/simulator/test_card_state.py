"""The simulated card provider goes on where an earlier process of it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.card_books import ApiError
from simulator.card_gateway import CardGateway
from simulator.card_state import StateError, load_cards, save_cards


def test_cards_and_payments_outlive_the_process(tmp_path: Path) -> None:
    state = tmp_path / "cards.json"
    first, second = CardGateway(), CardGateway()
    good = first.add_card(first.add_customer(), "visa")
    stolen = first.add_card(first.add_customer(), "stolen_card")
    save_cards(state, first.books, first.payments.behaviours)
    load_cards(state, second.books, second.payments.behaviours)

    assert second.books.objects == first.books.objects
    assert second.payments.behaviours[stolen].decline == "stolen_card"
    assert second.books.get("payment_method", good)["card"]["last4"] == "4242"
    assert second.add_customer() not in first.books.objects
    with pytest.raises(ApiError):
        second.books.get("payment_method", "pm_of_nobody")


def test_a_first_run_has_no_state(tmp_path: Path) -> None:
    provider = CardGateway()
    load_cards(tmp_path / "cards.json", provider.books, provider.payments.behaviours)
    assert provider.books.objects == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"objects": {}, "made": "x", "cards": {}}'])
def test_a_file_that_is_no_state_is_named(tmp_path: Path, text: str) -> None:
    state = tmp_path / "cards.json"
    state.write_text(text)
    provider = CardGateway()
    with pytest.raises(StateError, match=r"cards\.json is no state file .*: remove it"):
        load_cards(state, provider.books, provider.payments.behaviours)
