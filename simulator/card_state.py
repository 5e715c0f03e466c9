"""What outlives the process of the simulated card provider: its books, and how each card behaves.

Idempotency keys are not among it: a provider may forget them, too.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from simulator.card_behaviour import Behaviour
from simulator.card_books import CardBooks


class StateError(Exception):
    """The file is no state of this simulator; says what to do."""


def load_cards(path: Path, books: CardBooks, behaviours: dict[str, Behaviour]) -> None:
    """Put an earlier run's books back; a file that is not there is a first run."""
    if not path.exists():
        return
    try:
        state = json.loads(path.read_text("utf-8"))
        objects, made = dict(state["objects"]), int(state["made"])
        known = {str(name): Behaviour(**how) for name, how in state["cards"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        text = f"{path} is no state file of the simulator ({error}): remove it to begin anew"
        raise StateError(text) from error
    books.load(objects, made)
    behaviours.update(known)


def save_cards(path: Path, books: CardBooks, behaviours: dict[str, Behaviour]) -> None:
    """Write the state so that a reader finds the old or the new file, never half of one."""
    cards = {name: asdict(how) for name, how in behaviours.items()}
    state = {"made": books.made, "objects": books.objects, "cards": cards}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(state), "utf-8")
    beside.replace(path)
