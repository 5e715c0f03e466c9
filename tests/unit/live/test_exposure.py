"""What could be spent beyond what there is, reckoned by hand for small offices."""

from __future__ import annotations

from collections.abc import Callable

from rtbill.credit.hold_terms import HoldTerms
from rtbill.credit.stances import Stances
from rtbill.credit.unaided import UnaidedLimits, UnaidedRows, UnaidedTerms
from rtbill.domain.account import AccountKind, AccountState
from rtbill.domain.stance import Stance, Unaided
from rtbill.live.exposure import Exposure, Exposures, Risk, RiskKind
from tests.fakes.builders import PBX, a_membership, a_rate, a_tariff, an_account
from tests.fakes.office import DESTINATIONS, Office, an_office

SECOND = a_tariff(a_rate("1/1", "0.60"))
DEAR = a_tariff(a_rate("60/1", "0.60", "0.10"), a_rate("30/10", "6.00", "0.25", prefix="88"))
"""An answer costs at most 0.25 and 30 s of 6.00 a minute: 3.25."""
TWO_ROOMS = [a_membership(), a_membership("room-2", "1002")]
OPEN = {"standard": UnaidedTerms(Unaided.OPEN, cap_micros=2_000_000, calls=3)}


def two(_state: AccountState) -> int:
    return 2


async def exposure(
    office: Office,
    mode: str = "reactive",
    calls_max: Callable[[AccountState], int] = two,
    unaided: dict[str, UnaidedTerms] | None = None,
) -> Exposure:
    rows = UnaidedRows(
        office.assessor,
        office.directory,
        office.control.stances,
        UnaidedLimits(),
        DESTINATIONS,
        unaided or {},
    )
    terms = HoldTerms(calls_max=calls_max)
    return await Exposures(office.billing, terms, rows, office.clock).of(office.line, mode)


def of_kind(found: Exposure, kind: RiskKind) -> Risk:
    [risk] = [risk for risk in found.risks if risk.kind is kind]
    return risk


async def test_asked_before_dialling_nothing_is_at_risk_while_cuts_are_in_time() -> None:
    async with an_office("5.00", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        found = await exposure(office, "inline")

    assert found.micros == {}
    assert (found.holds, found.held_micros) == (1, {"EUR": 600_000})


async def test_reactive_risks_the_dearest_answer_of_as_many_calls_as_may_be_out() -> None:
    rooms = [an_account(), an_account("room-2")]
    async with an_office("9.00", accounts=rooms, memberships=TWO_ROOMS, tariff=DEAR) as office:
        found = await exposure(office)

    assert of_kind(found, RiskKind.START) == Risk(RiskKind.START, {"EUR": 4 * 3_250_000}, 2)
    assert found.micros == {"EUR": 13_000_000}


async def test_postpaid_accounts_and_those_without_an_extension_risk_nothing_at_the_start() -> None:
    accounts = [an_account(), an_account("office", AccountKind.POSTPAID, limit="5.00")]
    members = [a_membership("office", "1001")]
    async with an_office("9.00", accounts=accounts, memberships=members, tariff=DEAR) as office:
        found = await exposure(office)

    assert of_kind(found, RiskKind.START) == Risk(RiskKind.START, {}, 0)


async def test_without_a_highest_number_of_calls_there_is_no_bound() -> None:
    async with an_office("9.00", tariff=DEAR) as office:
        found = await exposure(office, calls_max=lambda _state: 0)

    assert of_kind(found, RiskKind.START).micros is None
    assert found.micros is None


async def test_a_cut_later_than_the_guard_puts_the_next_increments_at_risk() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(70)
        await office.hear("12:01:16.9 end 1 cut=pbx_timer")  # 2.4 s after its limit
        await office.credit("5.00")
        await office.hear("12:02:00 answer 2\n12:02:00 answer 3")
        found = await exposure(office, "inline")

    # 1.9 s beyond what is held: two more seconds of each of two calls, a cent a second.
    assert of_kind(found, RiskKind.LATE) == Risk(RiskKind.LATE, {"EUR": 40_000}, 1)


async def test_while_rtbill_is_silent_open_classes_risk_their_cap() -> None:
    async with an_office("9.00", tariff=SECOND) as office:
        found = await exposure(office, "inline", unaided=OPEN)

    # Each of three calls may spend a third of 2.00, in whole micro-units.
    assert of_kind(found, RiskKind.SILENT) == Risk(RiskKind.SILENT, {"EUR": 1_999_998}, 1)


async def test_no_more_than_there_is_is_spent_in_a_silence() -> None:
    async with an_office("0.60", tariff=SECOND) as office:
        found = await exposure(office, "inline", unaided=OPEN)

    assert of_kind(found, RiskKind.SILENT).micros == {"EUR": 600_000}


async def test_prepaid_classes_are_closed_in_a_silence_and_postpaid_ones_open() -> None:
    accounts = [an_account(), an_account("office", AccountKind.POSTPAID, limit="5.00")]
    members = [a_membership(), a_membership("office", "2001")]
    async with an_office("0", accounts=accounts, memberships=members, tariff=SECOND) as office:
        found = await exposure(office, "inline")

    assert of_kind(found, RiskKind.SILENT) == Risk(RiskKind.SILENT, {"EUR": 5_000_000}, 1)


async def test_where_limits_are_only_observed_there_is_no_bound() -> None:
    stances = Stances({PBX: Stance.OBSERVE})
    async with an_office("9.00", tariff=SECOND, stances=stances) as office:
        found = await exposure(office, "inline")

    assert of_kind(found, RiskKind.UNLIMITED) == Risk(RiskKind.UNLIMITED, None, 1)
    assert found.micros is None


async def test_calls_told_of_afterwards_have_no_bound() -> None:
    async with an_office("9.00", tariff=SECOND) as office:
        found = await exposure(office, "post")

    assert found.micros is None
    assert of_kind(found, RiskKind.UNLIMITED).accounts == 1
