"""What must be true of every run, and where and when it is looked at.

I1   The books are what their entries make; all entries sum to zero. `witness` after each piece of
     work, `balances` at the end.
I2   Nothing is granted that is not there. `witness` after each piece of work.
I3   Overspending stays within CC-40, by money and by time. `spending`, at the end of every leg.
     No timer is armed beyond what is durably held for its leg (CC-04). `holding.check_timer`, at
     each timer.
I4   One posting for each call, one end for each hold (CC-03). `witness` after each piece of work,
     `booked` at the end.
I5   One credit for each payment at the desk. `balances` at the end. Payments by card are not built.
I6   No hold outlives its call, its ringing or its talk; none ends while its call talks; no call is
     held for twice. `witness` after each piece of work, `steady` each second, `holding` at the end.
I7   No charge beyond the exchange's record. `booked` at the end.
I8   The exchange's locks are those that are wanted. `steady` each second, `rest` at the end.
I9   Emergency calls pass, without a timer and without a price. `exchange` at each order, `booked`.
I10  Slices change no price, and each is held for at its price. `booked` and `holding` at the end.
I11  No order is left without effect. `steady` each second, `rest` at the end.
I12  Each entry leaves the balance that it says: statements are read from them. `witness`.
I13  Every alarm clears, except those that wait for a person. `rest`.
I14  No call is cut too early. `cuts`, for every cut.
I15  Nothing that was written changes. `witness` at the end.

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
