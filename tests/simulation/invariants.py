"""What must be true of every run (TS-03), and where it is looked at.

| | what | where | when |
|---|---|---|---|
| I1 | the books are what their entries make; all entries sum to zero | `witness`, `balances` | after each commit; at the end |
| I2 | nothing is granted that is not there | `witness` | after each commit |
| I3 | overspending stays within CC-40, by money and by time | `spending` | at the end, for every leg's end |
| | no timer is armed beyond what is durably held for its leg (CC-04) | `holding.check_timer` | at each timer |
| I4 | one posting for each call; a hold ends once (CC-03) | `witness`, `booked` | after each commit; at the end |
| I5 | one credit for each payment at the desk | `balances` | at the end; card payments are not built |
| I6 | no hold outlives its call, its ringing, or its talk; none ends while its call talks | `witness`, `steady`, `holding` | after each commit; each second; at the end |
| I7 | no charge beyond the exchange's record | `booked` | at the end |
| I8 | the exchange's locks are the wanted ones | `steady`, `world.unrest` | each second while calm; at rest |
| I9 | emergency calls pass, without timer and price | `exchange`, `booked` | at each order; at the end |
| I10 | slices change no price, and each is held for at its price | `booked`, `holding` | at the end |
| I11 | no order is left without effect | `steady`, `script` | each second while calm; at rest |
| I12 | each entry leaves the balance that it says | `witness` | after each commit; statements are read from these entries |
| I13 | every alarm clears, except those that wait for a person | `world.unrest` | at rest |
| I14 | no call is cut too early | `cuts` | at the end, for every cut |
| I15 | nothing that was written changes | `witness` | at the end |

Beside them: nothing is done where it is only observed, and what is not done is told (`modes`); what
is pushed for calls without an answer is what the account's share buys (`modes`).
"""

from __future__ import annotations

from tests.simulation.balances import money
from tests.simulation.booked import booked_legs
from tests.simulation.cuts import premature
from tests.simulation.holding import kept
from tests.simulation.modes import left_undone, let_go, nothing_done, pushed_rows
from tests.simulation.spending import overspending
from tests.simulation.world import World

LOOKED_AT = (
    money,
    booked_legs,
    overspending,
    premature,
    kept,
    nothing_done,
    left_undone,
    let_go,
    pushed_rows,
)


def violations(world: World) -> list[str]:
    """All that is wrong, one sentence each; empty for a good run."""
    found = [*world.violations, *world.witness.at_the_end()]
    return found + [each for look in LOOKED_AT for each in look(world)]


def dump(world: World) -> str:
    """The books and all that was told, as text: equal for equal seeds."""
    books = world.disk.books
    lines = [f"{key} {call}" for key, call in books._calls.items()]
    lines += [f"{posted}" for posted in books._transfers.values()]
    lines += [f"{state}" for state in books._accounts.values()]
    lines += [f"{held}" for held in books._memberships]
    lines += [f"{posted}" for posted in books._observations.values()]
    lines += [f"{step.at_s} {step.event}" for step in world.witness.steps]
    lines += world.notices.told
    lines += [f"{action}" for action in world.server.actions]
    return "\n".join(lines)
