"""A site's hook where a call ends whatever the money, and beside codes, trunks and ceilings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtbill.credit.unaided import UnaidedTerms
from rtbill.domain.account import AccountKind
from rtbill.domain.origin import Origin
from rtbill.domain.payer_key import KeyKind, pin_digest
from rtbill.domain.stance import Unaided
from rtbill.hook import Adjustment, Call
from tests.fakes.builders import PBX, SWITZERLAND, a_binding, a_membership, a_rate, an_account, at
from tests.fakes.builders import a_tariff as a_list
from tests.fakes.hooks import Recorder, half_price, some_bounds
from tests.fakes.office import Office, an_office

NOON = at("12:00:00")
DIGEST = pin_digest("salt", "864297")
POSTPAID = an_account(kind=AccountKind.POSTPAID)


def too_dear(office: Office) -> bool:
    return office.control.grant(PBX, "1001", SWITZERLAND, NOON).is_too_dear


# ---------------------------------------------------------------------- 0.60 a minute by the list


@pytest.mark.parametrize(("ceiling", "is_too_dear"), [(300_000, False), (299_999, True)])
async def test_a_ceiling_judges_the_price_that_the_hook_leaves(
    ceiling: int,
    is_too_dear: bool,  # noqa: FBT001 - a column of the table
) -> None:
    async with an_office(hook=half_price, ceilings={"standard": ceiling}) as office:
        assert too_dear(office) is is_too_dear


async def test_a_hook_may_make_a_call_too_dear_and_a_fee_that_is_due_once_does_not() -> None:
    hook = Recorder(Adjustment(per_minute=1, reason="Busy hour"))
    async with an_office(hook=hook, ceilings={"standard": 1_000_000}) as office:
        assert too_dear(office)
        hook.answers = [Adjustment(per_call=5, reason="Room service")]
        assert not too_dear(office)


async def test_one_answer_limits_a_running_call_by_money_and_by_ceiling() -> None:
    dear = Adjustment(per_minute=1, reason="Busy hour")
    hook = Recorder(None, dear)
    async with an_office(hook=hook, ceilings={"standard": 700_000}) as office:
        await office.hear("12:00:05 answer 1")
        await office.credit("1.00")

        assert office.pbx.commands == [("limit", "1", 59.5)]
        assert len(hook.calls) == 1


async def test_another_person_is_another_question_also_where_a_postpaid_call_ends() -> None:
    def adjust(call: Call) -> Adjustment | None:
        return Adjustment(per_minute=1, reason="Guest") if call.person == "Guest" else None

    ceilings = {"standard": 700_000}
    async with an_office(accounts=[POSTPAID], hook=adjust, ceilings=ceilings) as office:
        await office.hear("12:00:05 answer 1")
        assert office.pbx.commands == []
        office.directory.replace_memberships([a_membership(person="Guest")])
        office.billing.reassign()
        await office.clock.advance(0)

        assert office.pbx.commands == [("hang_up", "1")]


async def test_the_list_that_a_hook_names_says_where_the_call_ends() -> None:
    hook = Recorder(Adjustment(price_list="night", reason="Night"))
    async with an_office("100.00", accounts=[POSTPAID], hook=hook) as office:
        rate = a_rate("1/1", "0.06")
        short = replace(rate, terms=replace(rate.terms, call_max_s=90))
        night = a_list(short, name="night")
        office.assessor.replace_book(office.assessor.book.with_versions([night]))
        await office.hear("12:00:05 answer 1")

        assert office.pbx.commands == [("limit", "1", 89.5)]


# ---------------------------------------------------------------------- who calls


@pytest.mark.parametrize(
    ("payer", "origin", "account", "extension", "person"),
    [
        ("1001", Origin(), "room-1", "1001", "Kim Lee"),
        ("1001", Origin("4711"), "project-1", "1001", ""),
        ("1001", Origin(f"pin:{DIGEST}"), "lena", "1001", "Lena"),
        (None, Origin("", "branch"), "branch", "", ""),
    ],
)
async def test_the_hook_is_told_of_whom_code_pin_or_trunk_stand_for(
    payer: str | None, origin: Origin, account: str, extension: str, person: str
) -> None:
    told = Recorder(None)
    names = ("room-1", "project-1", "lena", "branch")
    async with an_office(
        accounts=[an_account(name) for name in names],
        memberships=[a_membership(person="Kim Lee")],
        hook=told,
    ) as office:
        office.directory.replace_bindings(
            [
                a_binding("project-1", value="4711"),
                a_binding("lena", KeyKind.PIN, DIGEST, person="Lena"),
                a_binding("branch", KeyKind.TRUNK, "branch"),
            ]
        )
        office.control.grant(PBX, payer, SWITZERLAND, NOON, origin)

        [call] = told.calls
        assert (call.account, call.extension, call.person) == (account, extension, person)


async def test_the_answer_about_a_call_with_a_code_holds_for_its_price() -> None:
    half = Adjustment(percent=-50, reason="Project")
    hook = Recorder(half, Adjustment(percent=900, reason="Dear"))
    rooms = [an_account(), an_account("project-1")]
    async with an_office("10.00", accounts=rooms, hook=hook) as office:
        office.directory.replace_bindings([a_binding("project-1", value="4711")])
        await office.hear("12:00:05 answer 1 origin=4711/branch\n12:01:35 end 1 origin=4711/branch")

        assert await office.calls() == ["1 rated 0.45 project-1"]
        assert len(hook.calls) == 1


# ---------------------------------------------------------------------- while rtbill is silent


@pytest.mark.parametrize(
    ("bounds", "ceiling", "row"),
    [
        (some_bounds(), 600_000, "home:europe:other/0:14399:0"),
        (some_bounds(), 599_999, "home:europe:other/0:0:0"),
        (some_bounds("50", "0.10"), 1_000_000, "home:europe:other/0:14399:0"),
        (some_bounds("50", "0.10"), 999_999, "home:europe:other/0:0:0"),
        (some_bounds("0", "0", "9"), 600_000, "home:europe:other/0:14399:0"),
    ],
)
async def test_rows_pushed_beforehand_let_nothing_out_that_a_hook_may_make_too_dear(
    bounds: Any, ceiling: int, row: str
) -> None:
    terms = {"standard": UnaidedTerms(Unaided.OPEN, calls=1, ceiling_micros=ceiling)}
    async with an_office("5000", unaided=terms, hook=half_price, hook_bounds=bounds) as office:
        await office.clock.advance(30)

        assert office.pbx.rows == {"1001": row}
