"""Calls that bundles pay, rated again: they give back what they took and take what is there."""

from __future__ import annotations

from typing import Any

import pytest

from rtbill.domain.account import LOCKED_SERVICE, OPEN_SERVICE
from rtbill.domain.changes import MarkInvoiced
from rtbill.domain.errors import Conflict
from rtbill.domain.rerating import RunState
from rtbill.repricing import rerating
from rtbill.repricing.dry_run import Progress
from tests.fakes.office import Office, an_office
from tests.fakes.virtual_clock import settle
from tests.unit.pricing.test_bundled_calls import ROOMS, SHARING, TEN_MINUTES, WELCOME, give, taken
from tests.unit.repricing.test_rerating import CHEAPER, import_tariff, plan

ALWAYS = "2026-10-01"


async def talk(office: Office, *minutes: int, payer: str = "1001", first: int = 1) -> None:
    """Calls of so many minutes each, one after the other, at 0.60 a minute."""
    hour = 0 if payer == "1001" else 6
    for place, each in enumerate(minutes):
        number = first + place
        start, end = f"{hour + place:02}:00:00", f"{hour + place:02}:{each:02}:00"
        await office.hear(
            f"{start} answer {number} payer={payer}\n"
            f"{end} end {number} payer={payer} answered={start}"
        )


async def rerate(office: Office, **chosen: Any) -> dict[str, Any]:
    """A dry run, and its carrying out; what the dry run showed."""
    found = await plan(office, **chosen)
    done = await office.order("run.apply", run=found["run"])
    assert done["state"] == "done"
    assert done["done"] == found["changed"]
    return found


def differences(found: dict[str, Any]) -> dict[str, str]:
    return {each["account"]: each["difference"] for each in found["accounts"]}


async def test_only_what_money_pays_follows_the_tariff() -> None:
    async with an_office("10.00") as office:
        await give(office, since=ALWAYS)
        await talk(office, 4, 8)
        assert await office.balance() == 8_800_000
        await import_tariff(office, CHEAPER)

        found = await rerate(office)

        assert differences(found) == {"room-1": "-0.60"}
        assert await office.balance() == 9_400_000
        assert await taken(office) == ["1 240", "2 360"]


async def test_minutes_given_late_go_to_the_earliest_calls_whatever_was_billed_first() -> None:
    async with an_office("10.00") as office:
        await talk(office, 4, 4, 4)
        await give(office, since=ALWAYS)

        found = await rerate(office)

        assert differences(found) == {"room-1": "-6.00"}
        assert await taken(office) == ["1 240", "2 240", "3 120"]
        assert await office.balance() == 8_800_000


async def test_money_given_late_pays_calls_whose_price_stays() -> None:
    async with an_office("10.00") as office:
        await talk(office, 1, 1)
        await give(office, WELCOME, since=ALWAYS)

        found = await rerate(office)

        assert (found["changed"], differences(found)) == (2, {"room-1": "-1.00"})
        assert await taken(office) == ["1 600000", "2 400000"]
        assert await office.calls() == ["1 rated 0.60 room-1", "2 rated 0.60 room-1"]
        assert await office.balance() == 9_800_000


async def test_minutes_taken_after_an_end_are_given_back_and_paid() -> None:
    async with an_office("10.00") as office:
        await give(office, since=ALWAYS)
        await talk(office, 4, 4)
        await office.order("bundle.end", key="gift", at="2026-10-05T00:30:00")

        await rerate(office)

        assert await taken(office) == ["1 240", "2"]
        assert await office.balance() == 7_600_000
        assert dict(await office.store.pools(list(office.store._bundles.used))) == dict.fromkeys(
            office.store._bundles.used, 240
        )


async def test_a_second_run_finds_nothing() -> None:
    async with an_office("10.00") as office:
        await talk(office, 4, 4, 4)
        await give(office, since=ALWAYS)
        await rerate(office)

        found = await plan(office)

        assert (found["looked_at"], found["changed"]) == (3, 0)


async def test_accounts_that_share_take_in_their_order_and_the_dry_run_says_so() -> None:
    async with an_office("10.00", accounts=ROOMS, memberships=SHARING) as office:
        await talk(office, 4, 4)
        await talk(office, 5, payer="1002", first=7)
        await give(office, since=ALWAYS, accounts=["room-1", "room-2"])

        found = await rerate(office)

        assert differences(found) == {"room-1": "-4.80", "room-2": "-1.20"}
        assert await taken(office) == ["1 240", "2 240", "7 120"]
        assert await office.balance("room-2") == 8_200_000


async def test_a_call_that_an_invoice_charges_keeps_its_minutes_and_is_adjusted() -> None:
    async with an_office("10.00") as office:
        await give(office, since=ALWAYS)
        await talk(office, 12)
        await office.store.change(MarkInvoiced(("hotel/1",), "2026-10"))
        await office.order("bundle.end", key="gift", at="2026-10-05T00:00:00")
        await import_tariff(office, CHEAPER)

        found = await rerate(office)

        assert differences(found) == {"room-1": "-0.60"}
        assert await taken(office) == ["1 600"]
        assert await office.balance() == 9_400_000


async def test_an_invoiced_call_that_became_cheaper_than_its_bundle_paid_gives_the_rest_back() -> (
    None
):
    async with an_office("10.00") as office:
        await give(office, WELCOME, since=ALWAYS)
        await talk(office, 2)
        await office.store.change(MarkInvoiced(("hotel/1",), "2026-10"))
        await import_tariff(office, CHEAPER)

        found = await rerate(office)

        assert differences(found) == {"room-1": "-0.20"}
        assert await taken(office) == ["1 600000"]
        assert await office.balance() == 10_000_000


async def test_a_dry_run_is_not_carried_out_when_the_bundles_moved_since() -> None:
    async with an_office("10.00") as office:
        await talk(office, 4)
        await give(office, since=ALWAYS)
        found = await plan(office)
        await talk(office, 0, 8, first=5)

        with pytest.raises(Conflict, match="make a new dry run"):
            await office.order("run.apply", run=found["run"])
        assert await office.balance() == 7_600_000


async def test_a_dry_run_is_not_carried_out_when_a_bundle_was_given_since() -> None:
    async with an_office("10.00") as office:
        await talk(office, 4)
        await import_tariff(office, CHEAPER)
        found = await plan(office)
        await give(office, since=ALWAYS)

        with pytest.raises(Conflict, match="prices changed since"):
            await office.order("run.apply", run=found["run"])


class Stopping(Progress):
    """Asks to stop as soon as a slice of this attempt has changed anything."""

    def __init__(self, done: int) -> None:
        super().__init__()
        self._done_before = done

    @property
    def is_stopped(self) -> bool:
        """Whether anything was done."""
        return self.done > self._done_before

    @is_stopped.setter
    def is_stopped(self, _: bool) -> None: ...


async def carry_out(office: Office, run: int, *, stops: bool) -> int:
    """Again and again until the run is done; how often."""
    runs, attempts, state = office.desk.runs, 0, ""
    while state != RunState.DONE:
        found = await runs._found(run)
        progress = Stopping(found.done) if stops else Progress()
        state = (await runs._rerating.apply(found, progress)).state
        await settle()
        attempts += 1
    return attempts


async def test_a_run_that_was_stopped_again_and_again_comes_to_the_same_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The call that was answered first was billed last, when nothing was left: it stays as it was,
    because the others give theirs back after it, however often the run is gone on with.
    """
    monkeypatch.setattr(rerating, "SLICE", 1)
    ends = []
    for stops in (False, True):
        async with an_office("100.00") as office:
            await give(office, since=ALWAYS)
            for number, hour, minutes in ((7, 5, 5), (8, 6, 5), (1, 1, 1)):
                answered = f"{hour:02}:00:00"
                end = f"{hour:02}:{minutes:02}:00 end {number} answered={answered}"
                await office.hear(f"{answered} answer {number}\n{end}")
            assert await taken(office) == ["1", "7 300", "8 300"]
            await office.order("bundle.end", key="gift", at="2026-10-05T04:00:00")
            found = await plan(office)
            attempts = await carry_out(office, found["run"], stops=stops)
            ends.append((attempts, await taken(office), await office.balance()))

    assert ends == [
        (1, ["1", "7", "8"], 93_400_000),
        (2, ["1", "7", "8"], 93_400_000),
    ]


async def test_a_run_left_in_the_middle_of_who_shares_is_gone_on_with_by_another_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rerating, "SLICE", 1)
    async with an_office("10.00", accounts=ROOMS, memberships=SHARING) as office:
        await talk(office, 2, 2, 2, 2)
        await talk(office, 5, payer="1002", first=7)
        await give(office, since=ALWAYS, accounts=["room-1", "room-2"])
        found = await plan(office)
        assert differences(found) == {"room-1": "-4.80", "room-2": "-1.20"}

        runs = office.desk.runs
        await runs._rerating.apply(await runs._found(found["run"]), Stopping(0))
        assert await taken(office) == ["1 120", "2 120", "3", "4", "7"]
        runs._rerating._planned_here.clear()
        await carry_out(office, found["run"], stops=False)

        assert await taken(office) == ["1 120", "2 120", "3 120", "4 120", "7 120"]


async def test_locks_follow_what_is_left_after_a_run() -> None:
    async with an_office("2.40") as office:
        await talk(office, 4)
        assert office.wanted() == LOCKED_SERVICE
        await give(office, since=ALWAYS, until="2026-10-05T11:00:00")
        assert office.wanted() == LOCKED_SERVICE, "it has ended already"

        await rerate(office)

        assert await office.balance() == 2_400_000
        assert office.wanted() == OPEN_SERVICE


async def test_calls_billed_by_recycling_share_what_there_is() -> None:
    async with an_office("10.00", tariff=None) as office:
        france = " to=0033155550100"
        await give(office, TEN_MINUTES.replace('"41"', '"33"'), since=ALWAYS)
        for number in (1, 2):
            await office.hear(
                f"0{number}:00:00 answer {number}{france}\n"
                f"0{number}:08:00 end {number}{france} answered=0{number}:00:00"
            )
        await import_tariff(office, CHEAPER.replace("41,", "33,"))

        found = await plan(office, kind="recycle")
        done = await office.order("run.apply", run=found["run"])

        assert differences(found) == {"room-1": "1.80"}
        assert done["state"] == "done"
        assert await taken(office) == ["1 480", "2 120"]
        assert await office.balance() == 8_200_000
