"""How late calls end after their limit, and what is said when the guard does not cover it."""

from __future__ import annotations

import pytest

from rtbill.credit.cuts import CUTS_KEPT, Cuts, Lateness
from rtbill.credit.stances import Stances
from rtbill.domain.stance import Stance
from tests.fakes.builders import PBX, a_directory, a_rate, a_tariff
from tests.fakes.environment import CountingMeter
from tests.fakes.office import Office, an_office

SECOND = a_tariff(a_rate("1/1", "0.60"))


async def ended(office: Office, at: str, leg: str = "1", cut: str = "pbx_timer") -> None:
    """The call, answered at noon with money for 75 s, ends at this second of its talk."""
    await office.hear(f"12:00:00 answer {leg}")
    await office.clock.advance(70)
    await office.hear(f"12:01:{at} end {leg} cut={cut}")


def lateness(office: Office) -> Lateness | None:
    return office.billing.cuts.lateness(PBX)


async def test_lateness_is_talk_beyond_what_was_granted_less_the_guard() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await ended(office, "14.52")  # granted are 75 s, the guard is 0.5 s

        assert lateness(office) == Lateness(1, 0.02, 0.02, 0.02)
        assert office.meter.observed["rtbill_cut_late_seconds"] == [0.02]
        assert office.alarm_kinds() == []


async def test_a_cut_later_than_the_guard_is_an_alarm_that_says_what_to_set() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await ended(office, "15.3")

        [alarm] = [each for each in office.alarms.active() if each.kind == "guard"]
        assert alarm.subject == PBX
        assert "0.80 s after its limit" in alarm.text
        assert "rating.guard_s above 0.80" in alarm.text
        assert office.meter.counts["rtbill_cuts_beyond_guard_total"] == 1


async def test_a_call_that_outlived_its_timer_and_was_hung_up_counts_as_late() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(79)
        assert office.pbx.done("hang_up") == [("1",)]
        await office.hear("12:01:18.5 end 1 cut=biller")

        found = lateness(office)
        assert found is not None
        assert found.max_s == 4.0
        assert office.alarm_kinds() == ["guard"]


@pytest.mark.parametrize("text", ["12:01:14.6 end 1", "12:00:20 end 1 cut=pbx_timer"])
async def test_who_hung_up_himself_or_fell_to_an_older_limit_measures_nothing(text: str) -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        await office.hear("12:00:00 answer 1")
        await office.clock.advance(70)
        await office.hear(text)
        assert lateness(office) is None


async def test_what_is_only_observed_is_not_measured() -> None:
    stances = Stances({PBX: Stance.OBSERVE})
    async with an_office("0.75", tariff=SECOND, stances=stances) as office:
        await ended(office, "14.52")
        assert lateness(office) is None


async def test_the_alarm_ends_when_none_of_the_latest_cuts_was_too_late() -> None:
    async with an_office("0.75", tariff=SECOND) as office:
        cuts = Cuts(a_directory(), 0.5, office.alarms, CountingMeter())
        cuts._measure(PBX, 0.6)
        for _ in range(CUTS_KEPT - 1):
            cuts._measure(PBX, 0.01)
        assert office.alarm_kinds() == ["guard"]
        cuts._measure(PBX, 0.01)
        assert office.alarm_kinds() == []


async def test_shares_are_of_all_cuts_of_the_exchange() -> None:
    async with an_office() as office:
        cuts = Cuts(a_directory(), 10.0, office.alarms, CountingMeter())
        for hundredths in range(101):
            cuts._measure(PBX, hundredths / 100)

        assert cuts.lateness(PBX) == Lateness(101, 0.5, 0.99, 1.0)
        assert cuts.lateness("other") is None
