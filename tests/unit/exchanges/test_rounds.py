"""Which extensions a round looks at: those that changed at once, all of them by the clock."""

from __future__ import annotations

import itertools

import pytest

from rtbill.credit.stances import Stances
from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE
from rtbill.domain.errors import Unavailable
from rtbill.domain.stance import Stance
from rtbill.exchanges.rounds import READ_BACK_S, ROUND_S
from rtbill.jobs import Enforcement
from tests.fakes.builders import PBX, a_membership, an_account
from tests.fakes.office import Office, an_office

NUMBERS = [str(1001 + each) for each in range(6)]


def rooms() -> dict[str, object]:
    """Six accounts, each with one extension."""
    return {
        "accounts": [an_account(f"room-{number}") for number in NUMBERS],
        "memberships": [a_membership(account=f"room-{each}", number=each) for each in NUMBERS],
    }


async def spend(office: Office, number: str, amount: str = "-10.00", key: str = "spent") -> None:
    await office.credit(amount, f"{key} {number}", f"room-{number}")


def looks_at_all(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The instants at which a round looked at every extension."""
    found: list[float] = []
    numbers = Enforcement.numbers

    def noting(self: Enforcement, pbx: str) -> object:
        found.append(office.clock.monotonic())
        return numbers(self, pbx)

    monkeypatch.setattr(Enforcement, "numbers", noting)
    return found


async def test_a_payment_that_unlocks_looks_at_its_extensions_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office("10.00", **rooms()) as office:  # type: ignore[arg-type]
        for number in NUMBERS[:3]:
            await spend(office, number)
        looked = looks_at_all(office, monkeypatch)
        await spend(office, "1001", "5.00", "paid")

        assert office.pbx.held == {"1002": LOCKED_SERVICE, "1003": LOCKED_SERVICE}
        assert looked == []


async def test_changes_that_never_pause_do_not_put_off_the_round_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office("10.00", **rooms()) as office:  # type: ignore[arg-type]
        looked = looks_at_all(office, monkeypatch)
        for second in range(int(3 * ROUND_S)):
            await spend(office, "1001", "-10.00" if second % 2 == 0 else "10.00", f"{second}")
            await office.clock.advance(1)

        gaps = [later - sooner for sooner, later in itertools.pairwise(looked)]
        assert len(set(looked)) >= 3
        assert max(gaps) <= ROUND_S + 1


async def test_a_change_by_hand_beside_a_payment_is_repaired_by_the_clock() -> None:
    async with an_office("10.00", **rooms()) as office:  # type: ignore[arg-type]
        await spend(office, "1002")
        del office.pbx.held["1002"]
        office.pbx.held["1003"] = LOCKED_SERVICE
        await spend(office, "1001")
        await office.clock.advance(READ_BACK_S + ROUND_S)

        assert office.pbx.held == {"1001": LOCKED_SERVICE, "1002": LOCKED_SERVICE}


async def test_after_a_command_that_failed_the_next_round_looks_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with an_office("10.00", **rooms()) as office:  # type: ignore[arg-type]
        looked = looks_at_all(office, monkeypatch)
        office.pbx.fail("set", Unavailable("the link is busy"))
        await spend(office, "1001")
        assert (office.pbx.held, office.alarm_kinds(), looked) == ({}, ["service"], [])

        await office.clock.advance(1)
        assert looked != []
        assert (office.pbx.held, office.alarm_kinds()) == ({"1001": LOCKED_SERVICE}, [])


async def test_what_is_wanted_of_some_is_what_is_wanted_of_all_of_them() -> None:
    """Locked for money, by hand, by both, spared by its class, held by nobody."""
    accounts = [an_account(f"room-{number}") for number in NUMBERS[:5]]
    accounts[2] = an_account("room-1003", account_class="watched")
    members = [a_membership(account=f"room-{each}", number=each) for each in NUMBERS[:5]]
    stances = Stances({}, {"watched": Stance.OBSERVE})
    async with an_office(
        "10.00", accounts=accounts, memberships=members, stances=stances
    ) as office:
        for number in ("1001", "1002", "1003"):
            await spend(office, number)
        for number in ("1002", "1004", "1006"):
            await office.order("lock", extension=number, incoming="divert")
        wanted = office.enforcement.wanted(PBX)

        for number in [*NUMBERS, "1099"]:
            alone = office.enforcement.wanted_of(PBX, [number])
            assert alone.get(number, OPEN_SERVICE) == wanted.get(number, OPEN_SERVICE), number
        expected = {"1001": ("locked", "ring"), "1003": ("open", "ring")}
        expected |= dict.fromkeys(("1002", "1004", "1006"), ("locked", "divert"))
        expected["1005"] = ("open", "ring")
        found = {key: (str(each.outgoing), str(each.incoming)) for key, each in wanted.items()}
        assert found == expected
