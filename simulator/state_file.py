"""What outlives the simulator's process: AstDB and the numbers that must not come twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

from simulator.exchange import Exchange
from simulator.toml_section import ScenarioError


def load_state(path: Path, exchange: Exchange) -> None:
    """Put an earlier run's state back; a file that is not there is a first run."""
    if not path.exists():
        return
    try:
        state = json.loads(path.read_text("utf-8"))
        rows = {str(key): str(value) for key, value in state["database"].items()}
        sequence, second = int(state["uniqueid"]["sequence"]), int(state["uniqueid"]["second"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = f"is no state file of the simulator ({error}): remove it to begin anew"
        raise ScenarioError(str(path), "", remedy) from error
    exchange.database.load(rows)
    exchange.identifiers.load(sequence, second)
    # A new process is a restart of the exchange: numbers begin anew only in a second not used
    # before.
    exchange.restart()


def save_state(path: Path, exchange: Exchange) -> None:
    """Write the state so that a reader finds the old or the new file, never half of one."""
    state = {"database": exchange.database.dump(), "uniqueid": exchange.identifiers.dump()}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(state, indent=1), "utf-8")
    beside.replace(path)
