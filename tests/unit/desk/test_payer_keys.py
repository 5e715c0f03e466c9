"""Codes, PINs and trunks at the desk, and the calls that they pay."""

from __future__ import annotations

import json

import pytest

from rtbill.domain.errors import BadRecord, Conflict, Refused, UnknownAccount
from rtbill.domain.payer_key import KeyKind, WrongCode, pin_digest
from tests.fakes.builders import an_account, at
from tests.fakes.office import PIN_SECRET, Office, an_office

PIN = "864297"
ACCOUNTS = [an_account("room-1"), an_account("project")]
WITH_CODE = "12:00:05 answer 1 {0}\n12:01:35 end 1 {0}"


async def bind(office: Office, kind: str, value: str, **more: object) -> None:
    await office.order("group.bind", account="project", kind=kind, value=value, **more)


async def test_a_call_with_a_code_is_paid_by_whose_it_is() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await bind(office, "code", "4711")
        await office.hear(WITH_CODE.format("origin=4711/"))
        assert await office.calls() == ["1 rated 0.90 project"]


async def test_a_call_with_a_pin_is_paid_by_whose_it_is_and_nothing_tells_the_pin() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await bind(office, "pin", PIN, person="Lena")
        digest = pin_digest(PIN_SECRET, PIN)
        await office.hear(WITH_CODE.format(f"origin=pin:{digest}/"))
        assert await office.calls() == ["1 rated 0.90 project"]
        [binding] = await office.store.bindings()
        assert (binding.key.kind, binding.key.value) == (KeyKind.PIN, digest)
        call = await office.store.call("hotel/1")
        assert call is not None
        assert (call.record.origin.code, call.person) == ("pin:project", "Lena")


async def test_a_trunk_pays_what_comes_in_by_it_and_nobody_else_pays() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await bind(office, "trunk", "hotel/branch")
        await office.hear(WITH_CODE.format("payer=- origin=/branch"))
        await office.hear("12:05:05 answer 2 origin=/branch\n12:06:35 end 2")
        assert await office.calls() == ["1 rated 0.90 project", "2 rated 0.90 room-1"]


async def test_a_code_that_is_taken_away_is_wrong_from_then_on() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await bind(office, "code", "4711", **{"from": "2026-10-01"})
        order = {"account": "project", "kind": "code", "value": "4711", "from": "2026-10-05T12:30"}
        await office.order("group.unbind", **order)
        await office.hear(WITH_CODE.format("origin=4711/"))
        await office.hear("12:31:00 answer 2 origin=4711/\n12:32:30 end 2")
        assert await office.calls() == ["1 rated 0.90 project", "2 rated 0.90 suspense"]
        assert "suspense" in office.alarm_kinds()


async def test_pins_of_one_person_are_taken_away_without_the_pin() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await bind(office, "pin", PIN, person="Lena")
        await bind(office, "pin", "123450", person="Ash")
        order = {"account": "project", "kind": "pin", "person": "Lena", "from": "2027-01-01"}
        answer = await office.order("group.unbind", **order)
        ends = {each.person: each.valid_until for each in await office.store.bindings()}
        assert answer["ended"] == 1
        assert ends == {"Lena": at("2027-01-01"), "Ash": None}
        with pytest.raises(Refused, match="Lena of account project has no PIN"):
            await office.order("group.unbind", **order)


@pytest.mark.parametrize(
    ("kind", "value", "error", "text"),
    [
        ("code", "47 11", BadRecord, "no account code"),
        ("code", "1" * 25, BadRecord, "no account code"),
        ("code", "pin:1", BadRecord, "no account code"),
        ("pin", "12345", BadRecord, "a PIN has 6 to 16 digits"),
        ("pin", "12345a", BadRecord, "a PIN has 6 to 16 digits"),
        ("trunk", "hotel/other", BadRecord, "known are hotel/branch, hotel/carrier"),
        ("door", "1", BadRecord, "no kind of key"),
    ],
)
async def test_what_can_be_no_key_is_refused_in_words(
    kind: str, value: str, error: type[Exception], text: str
) -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        with pytest.raises(error, match=text) as refused:
            await bind(office, kind, value)
        assert kind != "pin" or value not in str(refused.value)


async def test_a_key_of_another_account_is_moved_only_on_request() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await bind(office, "pin", PIN)
        order = {"account": "room-1", "kind": "pin", "value": PIN}
        with pytest.raises(Conflict, match="this PIN belongs to account project"):
            await office.order("group.bind", **order)
        await office.order("group.bind", **order, move=True)
        assert {each.account for each in await office.store.bindings()} == {"room-1"}


async def test_a_key_of_an_unknown_account_is_refused() -> None:
    async with an_office() as office:
        with pytest.raises(UnknownAccount, match="project"):
            await bind(office, "code", "4711")


async def test_a_running_call_is_limited_by_the_account_that_its_code_now_names() -> None:
    async with an_office("0", accounts=ACCOUNTS) as office:
        await office.credit("6.00", account="project")
        await bind(office, "code", "4711", **{"from": "2026-10-01"})
        await office.hear("12:00:05 answer 1 origin=4711/")
        assert office.pbx.done("limit") == [("1", 59.5)]
        assert len(office.directory.state("project").holds) == 1


# ---------------------------------------------------------------------- reactive exchanges


async def test_a_wrong_code_is_hung_up_before_anybody_answers() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await office.hear("12:00:01 start 1 origin=4712/")
        assert office.pbx.done("hang_up") == [("1",)]
        await office.hear("12:00:02 end 1 origin=4712/")
        assert await office.balance() == 10_000_000


async def test_with_the_policy_private_a_wrong_code_goes_on_and_the_extension_pays() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        office.assessor.payers.wrong_code = WrongCode.PRIVATE
        await office.hear("12:00:01 start 1 origin=4712/")
        await office.hear(WITH_CODE.format("origin=4712/"))
        assert office.pbx.done("hang_up") == []
        assert await office.calls() == ["1 rated 0.90 room-1"]


async def test_guessing_is_alarmed_and_a_right_code_later_clears_it() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await bind(office, "code", "4711", **{"from": "2026-10-01"})
        for wrong in range(5):
            await office.hear(f"12:00:0{wrong} start {wrong} origin=pin:{wrong}/")
        assert "codes" in office.alarm_kinds()
        await office.hear("12:01:00 start 7 origin=4711/")
        assert ("7",) in office.pbx.done("hang_up")
        await office.hear("12:11:00 start 8 origin=4711/")
        assert ("8",) not in office.pbx.done("hang_up")
        assert "codes" not in office.alarm_kinds()


async def test_a_locked_account_behind_a_code_or_a_trunk_is_not_let_out() -> None:
    async with an_office("0", accounts=ACCOUNTS) as office:
        await bind(office, "code", "4711", **{"from": "2026-10-01"})
        await bind(office, "trunk", "branch", **{"from": "2026-10-01"})
        await office.hear("12:00:01 start 1 origin=4711/")
        await office.hear("12:00:02 start 2 payer=- origin=/branch")
        assert office.pbx.done("hang_up") == [("1",), ("2",)]


async def test_a_caller_of_a_trunk_whom_nobody_pays_is_not_let_out() -> None:
    async with an_office(accounts=ACCOUNTS) as office:
        await office.hear("12:00:01 start 1 payer=- origin=/carrier")
        assert office.pbx.done("hang_up") == [("1",)]


# ---------------------------------------------------------------------- accounts files

CSV = f"""\
account,name,kind,currency,pbx,extension,person,from,until,code,pin,trunk
lab,Laboratory,postpaid,EUR,hotel,2001,Kim Lee,2026-09-01,,4711,{PIN},
lab,,,,,,Ash Roy,2026-09-01,2026-12-01,*12,,
lab,,,,hotel,,,,,,,branch
"""


async def test_an_accounts_file_brings_codes_pins_and_trunks() -> None:
    async with an_office(accounts=[], memberships=[]) as office:
        answer = await office.order("accounts.import", csv=CSV, apply=True)
        assert answer["problems"] == []
        assert answer["assigned"] == [
            "hotel/2001 to lab",
            "account code 4711 to lab",
            "this PIN to lab",
            "account code *12 to lab",
            "trunk hotel/branch to lab",
        ]
        kept = {str(each.key): each for each in await office.store.bindings()}
        assert kept["account code *12"].valid_until == at("2026-12-01")
        assert kept["this PIN"].person == "Kim Lee"
        again = await office.order("accounts.import", csv=CSV, apply=True)
        assert (again["assigned"], again["problems"]) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("4711", "47/11", "line 2: code: '47/11' is no account code"),
        (PIN, "1234", "line 2: pin: a PIN has 6 to 16 digits, and nothing else"),
        ("*12", "4711", "line 3: account code 4711 stands for an account already at that time"),
        ("hotel,,,,,,,branch", ",,,,,,,branch", "line 4: trunk: is given, but no pbx"),
        ("branch", "other", "trunk hotel/other is not in config.toml"),
    ],
)
async def test_what_is_wrong_with_a_key_in_a_file_is_told_by_line(
    old: str, new: str, problem: str
) -> None:
    async with an_office(accounts=[], memberships=[]) as office:
        answer = await office.order("accounts.import", csv=CSV.replace(old, new), apply=True)
        assert any(problem in each for each in answer["problems"])
        assert "1234" not in json.dumps(answer["problems"])
        assert await office.store.bindings() == []


async def test_a_key_that_stands_for_another_account_is_a_problem_of_the_file() -> None:
    async with an_office(accounts=ACCOUNTS, memberships=[]) as office:
        await bind(office, "code", "4711", **{"from": "2026-09-15"})
        answer = await office.order("accounts.import", csv=CSV, apply=True)
        [problem] = answer["problems"]
        assert problem.startswith("account code 4711 already stands for project from 2026-09-15")
