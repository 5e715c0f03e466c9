"""The row that an exchange goes by when it gets no answer.

The tariff: +49 takes 6 cents a minute by the minute, +41 takes a cent a second with the first
minute whole, and nothing else has a rate.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from rtbill import jobs
from rtbill.credit.stances import ENFORCED, Stances
from rtbill.credit.unaided import UnaidedLimits, UnaidedRows, UnaidedTerms
from rtbill.domain.account import Account, AccountKind, AccountState
from rtbill.domain.errors import OutcomeUnknown, Unavailable
from rtbill.domain.numbering import NumberPlan
from rtbill.domain.stance import Stance, Unaided
from rtbill.domain.tariff import Tariff
from rtbill.exchanges import rounds
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import Assignment
from rtbill.rating.price_book import PriceBook
from tests.fakes.builders import (
    PBX,
    a_directory,
    a_membership,
    a_rate,
    a_state,
    a_tariff,
    an_account,
    an_assessor,
    at,
)
from tests.fakes.office import DESTINATIONS, an_office
from tests.fakes.virtual_clock import settle

NOON = at("12:00:00")
OPEN = UnaidedTerms(Unaided.OPEN)
TARIFF = a_tariff(a_rate("60/60", "0.06", prefix="49"), a_rate("60/1", "0.60", prefix="41"))
POSTPAID = an_account(kind=AccountKind.POSTPAID)
LIMITED = an_account(kind=AccountKind.POSTPAID, limit="1.20")


def row(
    balance: str = "1.20",
    terms: UnaidedTerms = OPEN,
    *,
    account: Account | None = None,
    tariff: Tariff = TARIFF,
    **limits: Any,
) -> str:
    """The row of an extension of room-1."""
    directory = a_directory([a_state(balance, account)])
    rows = UnaidedRows(
        an_assessor(directory, tariff),
        directory,
        ENFORCED,
        UnaidedLimits(**limits),
        DESTINATIONS,
        {"standard": terms},
    )
    return rows.row(directory.state("room-1"), NOON)


# ---------------------------------------------------------------------- the text


@pytest.mark.parametrize(
    ("terms", "account", "expected"),
    [
        (UnaidedTerms(), an_account(), "closed"),
        (UnaidedTerms(), POSTPAID, "open"),
        (UnaidedTerms(Unaided.CLOSED), POSTPAID, "closed"),
        (UnaidedTerms(Unaided.CLOSED), an_account(), "closed"),
        (OPEN, POSTPAID, "open"),
    ],
)
def test_prepaid_is_closed_and_postpaid_open_unless_the_class_says_otherwise(
    terms: UnaidedTerms, account: Account, expected: str
) -> None:
    assert row(terms=terms, account=account) == expected


def test_each_of_the_calls_that_may_run_at_once_gets_its_share_less_the_guard() -> None:
    # 0.60 each: ten minutes at home, the first minute in Europe; other has no rate.
    assert row("1.20") == "home:europe:other/599:59:0"
    assert row("1.20", replace(OPEN, calls=1)) == "home:europe:other/1199:119:0"


@pytest.mark.parametrize(
    ("cap", "expected"),
    [("0", "599:59:0"), ("0.12", "59:0:0"), ("1.00", "479:0:0"), ("9.00", "599:59:0")],
)
def test_the_cap_bounds_what_is_available_and_zero_does_not(cap: str, expected: str) -> None:
    terms = replace(OPEN, cap_micros=round(float(cap) * 1_000_000))

    assert row("1.20", terms) == f"home:europe:other/{expected}"


@pytest.mark.parametrize("balance", ["0", "-3.00", "0.05"])
def test_without_money_every_class_is_refused(balance: str) -> None:
    assert row(balance) == "home:europe:other/0:0:0"


def test_a_credit_limit_is_money_too() -> None:
    assert row("0", account=LIMITED) == "home:europe:other/599:59:14400"


def test_an_account_without_limit_is_bounded_by_the_cap_alone() -> None:
    terms = replace(OPEN, cap_micros=1_200_000)

    assert row("-500.00", terms, account=POSTPAID) == "home:europe:other/599:59:14400"


def test_no_call_is_promised_more_than_the_longest_one_may_last() -> None:
    assert row("1000000", call_max_s=600) == "home:europe:other/599:599:0"


def test_the_guard_is_taken_off_before_seconds_are_made_whole() -> None:
    assert row("1.22", guard_s=0.0) == "home:europe:other/600:61:0"
    assert row("1.22", guard_s=0.5) == "home:europe:other/599:60:0"
    assert row("1.22", guard_s=60.0) == "home:europe:other/540:1:0"


def test_a_class_in_which_nothing_has_a_rate_is_as_long_as_unrated_calls_are_let() -> None:
    assert row("1.20", unrated_s=60) == "home:europe:other/599:59:60"
    assert row("0", unrated_s=60) == "home:europe:other/0:0:0"


def test_without_a_tariff_of_its_currency_nothing_has_a_rate() -> None:
    dollars = an_account(currency="USD")

    assert row("5.00", account=dollars) == "home:europe:other/0:0:0"


@pytest.mark.parametrize(
    ("ceiling", "expected"), [(600_000, "599:59:0"), (599_999, "599:0:0"), (59_999, "0:0:0")]
)
def test_a_class_that_is_dearer_than_the_account_may_pay_is_refused(
    ceiling: int, expected: str
) -> None:
    terms = replace(OPEN, ceiling_micros=ceiling)

    assert row("1.20", terms) == f"home:europe:other/{expected}"


def test_a_ceiling_bounds_postpaid_accounts_without_limit_too() -> None:
    terms = UnaidedTerms(ceiling_micros=100_000)

    assert row("-500.00", terms, account=POSTPAID) == "home:europe:other/14399:0:14400"
    assert row(terms=terms) == "closed"


def test_a_rate_that_ends_calls_ends_those_of_its_class() -> None:
    short = a_rate("60/60", "0.06", prefix="4930")
    ending = replace(short, terms=replace(short.terms, call_max_s=300))
    tariff = replace(TARIFF, rates=(*TARIFF.rates, ending))

    assert row("1.20", tariff=tariff) == "home:europe:other/299:59:0"


# ---------------------------------------------------------------------- which extensions


def test_every_held_extension_has_a_row_and_no_other() -> None:
    directory = a_directory(
        [a_state("1.20"), a_state("0", an_account("office", AccountKind.POSTPAID))],
        [
            a_membership(number="1001"),
            a_membership("office", "2001"),
            a_membership(number="1009", until="2026-06-01"),
        ],
    )
    rows = UnaidedRows(
        an_assessor(directory, TARIFF), directory, ENFORCED, UnaidedLimits(), DESTINATIONS, {}
    )

    held = {"1001": "closed", "2001": "open"}
    assert rows.rows(PBX, ["1001", "1009", "2001", "3001"], NOON) == held
    assert rows.rows("annex", ["1001"], NOON) == {}


@pytest.mark.parametrize("stance", [Stance.OBSERVE, Stance.WARN])
def test_where_it_is_not_enforced_every_row_is_open(stance: Stance) -> None:
    directory = a_directory([a_state("0")], [a_membership()])
    rows = UnaidedRows(
        an_assessor(directory, TARIFF),
        directory,
        Stances({PBX: stance}),
        UnaidedLimits(),
        DESTINATIONS,
        {},
    )

    assert rows.rows(PBX, ["1001"], NOON) == {"1001": "open"}


def test_a_row_follows_the_balance_the_terms_and_the_tariff() -> None:
    directory = a_directory([a_state("1.20")], [a_membership()])
    assessor = an_assessor(directory, TARIFF)
    rows = UnaidedRows(
        assessor, directory, ENFORCED, UnaidedLimits(), DESTINATIONS, {"standard": OPEN}
    )

    def now() -> str:
        return rows.rows(PBX, ["1001"], NOON)["1001"]

    assert now() == "home:europe:other/599:59:0"
    known = directory.state("room-1")
    directory.put(AccountState(known.account, 120_000, known.version + 1, known.service))
    assert now() == "home:europe:other/59:0:0"
    directory.change_terms(replace(known.account, kind=AccountKind.POSTPAID))
    assert now() == "open"
    directory.change_terms(known.account)
    dearer = replace(TARIFF, version=2, rates=(a_rate("60/60", "0.12", prefix="49"),))
    assessor.replace_book(PriceBook([TARIFF, dearer]))
    assert now() == "home:europe:other/0:0:0"


# ---------------------------------------------------------------------- at the exchange


async def test_the_rows_are_at_the_exchange_as_soon_as_the_link_is_up() -> None:
    members = [a_membership(number=number) for number in ("1001", "1002")]
    async with an_office("1.20", memberships=members, unaided={"standard": OPEN}) as office:
        assert office.pbx.rows == dict.fromkeys(["1001", "1002"], "home:europe:other/0:59:0")


async def test_a_row_that_nobody_wants_is_taken_away_and_a_wrong_one_put_right() -> None:
    async with an_office("1.20") as office:
        office.pbx.rows = {"1001": "open", "1999": "open"}
        await office.clock.advance(rounds.READ_BACK_S + rounds.ROUND_S)

        assert office.pbx.rows == {"1001": "closed"}


async def test_a_row_that_stays_the_same_is_not_written_again() -> None:
    async with an_office("9.00") as office:
        for number in range(3):
            await office.credit("1.00", key=f"receipt {number}")
            await office.clock.advance(jobs.UNAIDED_PAUSE_S)

        assert office.pbx.done("set_unaided") == []


async def test_rows_are_read_back_by_the_clock_however_busy_the_account_is() -> None:
    async with an_office("100.00", unaided={"standard": OPEN}) as office:
        await office.clock.advance(2 * jobs.UNAIDED_PAUSE_S)
        office.pbx.commands.clear()
        for number in range(60):  # a round every two seconds
            await office.credit("1.00", key=f"receipt {number}")
            await office.clock.advance(jobs.UNAIDED_PAUSE_S)
        assert office.pbx.done("unaided") == []

        await office.clock.advance(rounds.READ_BACK_S)
        assert len(office.pbx.done("unaided")) == 1


async def test_a_busy_account_writes_its_row_at_most_every_two_seconds() -> None:
    async with an_office("100.00", unaided={"standard": OPEN}) as office:
        await office.clock.advance(2 * jobs.UNAIDED_PAUSE_S)
        office.pbx.commands.clear()
        for number in range(80):  # eight a second, for ten seconds
            await office.credit("1.00", key=f"receipt {number}")
            await office.clock.advance(0.125)
        await office.clock.advance(jobs.UNAIDED_PAUSE_S)

        written = office.pbx.done("set_unaided")
        assert 5 <= len(written) <= 7
        # 180.00 by two, at a cent a second
        assert office.pbx.rows == {"1001": "home:europe:other/0:8999:0"}


async def test_prices_that_no_row_needs_are_not_reckoned(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_asked: object) -> Iterator[None]:
        raise AssertionError("nobody needs them")

    monkeypatch.setattr("rtbill.credit.unaided.worst_prices_in_steps", never)
    members = [a_membership(), a_membership("office", "2001")]
    accounts = [an_account(), an_account("office", AccountKind.POSTPAID)]
    async with an_office("1.20", accounts=accounts, memberships=members) as office:
        await office.clock.advance(2 * rounds.ROUND_S)
        assert office.pbx.rows == {"1001": "closed", "2001": "open"}


async def test_a_round_after_a_payment_looks_at_the_extensions_of_its_account_alone() -> None:
    accounts = [an_account(), an_account("room-2")]
    memberships = [a_membership(), a_membership(number="1002"), a_membership("room-2", "2001")]
    async with an_office(
        "1.20", accounts=accounts, memberships=memberships, unaided={"standard": OPEN}
    ) as office:
        await office.clock.advance(2 * jobs.UNAIDED_PAUSE_S)
        looked_at: list[list[str]] = []
        wanted_of = office.unaided.wanted_of

        def watched(pbx: str, numbers: Collection[str]) -> Mapping[str, str | None]:
            looked_at.append(sorted(numbers))
            return wanted_of(pbx, numbers)

        office.unaided.wanted_of = watched  # type: ignore[method-assign]
        await office.credit("1.20")
        await office.clock.advance(jobs.UNAIDED_PAUSE_S)

        assert looked_at
        assert {tuple(each) for each in looked_at} == {("1001", "1002")}
        assert office.pbx.rows["1002"] == "home:europe:other/0:119:0"


async def test_a_new_tariff_is_at_the_exchange_at_once() -> None:
    csv = (
        "prefix,destination,connect_fee,price_per_minute,first_increment,next_increment\n"
        "41,Switzerland,0,6.00,60,60\n"
    )
    async with an_office("12.00", unaided={"standard": OPEN}) as office:
        assert office.pbx.rows == {"1001": "home:europe:other/0:599:0"}
        await office.clock.advance(jobs.UNAIDED_PAUSE_S)
        await office.order("tariff.import", name="retail", csv=csv, apply=True)

        assert office.pbx.rows == {"1001": "home:europe:other/0:59:0"}


async def test_an_extension_that_changes_hands_gets_the_row_of_its_new_account() -> None:
    accounts = [an_account(), an_account("office", AccountKind.POSTPAID)]
    async with an_office("1.20", accounts=accounts) as office:
        assert office.pbx.rows == {"1001": "closed"}
        await office.clock.advance(jobs.UNAIDED_PAUSE_S)
        await office.order("group.add", account="office", extension="1001", move=True)
        assert office.pbx.rows == {"1001": "open"}

        await office.clock.advance(jobs.UNAIDED_PAUSE_S)
        await office.order("group.remove", account="office", extension="1001")
        assert office.pbx.rows == {}


@pytest.mark.parametrize("error", [Unavailable("no link"), OutcomeUnknown("no answer")])
async def test_a_row_that_cannot_be_written_is_an_alarm_and_tried_again(
    error: Unavailable | OutcomeUnknown,
) -> None:
    async with an_office("1.20", unaided={"standard": OPEN}) as office:
        await office.clock.advance(jobs.UNAIDED_PAUSE_S)
        office.pbx.fail("set_unaided", error)
        await office.credit("1.20")
        assert office.alarm_kinds() == ["unaided"]
        [alarm] = office.alarms.active()
        assert f"1001 ({error})" in alarm.text
        assert (await office.unaided.tally(office.line)).differing == ["1001"]

        await office.clock.advance(jobs.UNAIDED_PAUSE_S + rounds.RETRY_ROUNDS_S[0])

        assert office.pbx.rows == {"1001": "home:europe:other/0:119:0"}
        assert office.alarm_kinds() == []


async def test_rows_and_locks_do_not_wait_for_each_other() -> None:
    async with an_office("1.20") as office:
        await office.clock.advance(jobs.UNAIDED_PAUSE_S)
        office.pbx.fail("unaided", *[Unavailable("no link")] * 100)
        await office.hear("12:00:30 lost\n12:00:40 back")
        await office.hear("12:01:00 answer 1\n12:03:00 end 1")
        await settle()

        assert list(office.pbx.held) == ["1001"]
        assert office.alarm_kinds() == ["unaided"]


# ---------------------------------------------------------------------- price books come and go


def test_an_old_price_book_is_not_kept_in_memory() -> None:
    directory = a_directory([a_state("1.20")])
    old = PriceBook([TARIFF])
    assessor = Assessor(directory, NumberPlan(), old, Assignment(default="retail"))
    rows = UnaidedRows(
        assessor, directory, ENFORCED, UnaidedLimits(), DESTINATIONS, {"standard": OPEN}
    )
    before = rows.row(directory.state("room-1"), NOON)
    offer = weakref.ref(old.offer("retail", NOON))

    assessor.replace_book(PriceBook([TARIFF]))
    assert rows.row(directory.state("room-1"), NOON) == before
    del old
    gc.collect()

    assert offer() is None
