"""A site's hook on a call's way: asked before the length is known, kept, stored and explained."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from rtbill.credit.stances import Stances
from rtbill.credit.unaided import UnaidedTerms
from rtbill.domain.account import AccountKind
from rtbill.domain.adjustment import Adjustment as Kept
from rtbill.domain.changes import AddTariff
from rtbill.domain.errors import Conflict, NoRate
from rtbill.domain.stance import Stance, Unaided
from rtbill.hook import Adjustment, Call
from rtbill.pricing.assessment import Assessor
from rtbill.pricing.assignment import NOWHERE, Assignment, Place
from rtbill.pricing.site_hook import NOBODY
from rtbill.rating.chain import Asked
from rtbill.rating.explain import explain
from tests.fakes.builders import (
    PBX,
    SWITZERLAND,
    a_directory,
    a_membership,
    a_rate,
    a_state,
    a_tariff,
    an_account,
    an_assessor,
    at,
)
from tests.fakes.environment import ManualClock
from tests.fakes.hooks import Recorder, a_site_hook, half_price, some_bounds
from tests.fakes.office import Office, an_office
from tests.unit.repricing.test_rerating import CHEAPER, import_tariff, plan

HALF = Adjustment(percent=-50, reason="Half price")
KEPT_HALF = Kept(reason="Half price", percent_ppm=-500_000)
NOON = at("12:00:00")
A_CALL = """
    12:00:00 start 1
    12:00:05 answer 1
    12:01:35 end 1 cause=16
    """
"""90 s at a cent a second: 0.90."""


async def kept(office: Office, leg: str = "1") -> Kept | None:
    call = await office.store.call(f"{PBX}/{leg}")
    assert call is not None
    assert call.price is not None
    return call.price.adjustment


# ---------------------------------------------------------------------- from answer to books


async def test_a_call_is_debited_at_the_adjusted_price_which_its_row_explains() -> None:
    async with an_office("10.00", hook=half_price) as office:
        await office.hear(A_CALL)

        assert await office.calls() == ["1 rated 0.45 room-1"]
        assert await office.balance() == 9_550_000
        call = await office.store.call("hotel/1")
        assert call is not None
        assert call.price is not None
        assert call.price.adjustment == KEPT_HALF
        answered_at = call.record.answered_at
        assert answered_at is not None
        offer = office.assessor.offers.offer(an_account(), answered_at, NOWHERE)
        asked = Asked(call.number or "", answered_at, call.account, PBX)
        adjustment = call.price.adjustment
        explained = explain(offer, asked, call.record.talk_us, adjustment=adjustment)
        assert explained.price == call.price
        assert [(line.kind, line.text, line.amount) for line in explained.lines][-1] == (
            *("adjustment", "site: Half price (-50 %)", Fraction("-0.45")),
        )


async def test_the_hook_is_told_of_the_call_as_it_stands_at_the_exchange() -> None:
    told = Recorder(None)
    async with an_office(hook=told, memberships=[a_membership(person="Kim Lee")]) as office:
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")

    assert told.calls == [
        Call(
            number="+41315550100",
            dialled=SWITZERLAND,
            answered_at=at("12:00:05"),
            pbx=PBX,
            trunk="carrier",
            extension="1001",
            account="room-1",
            account_class="standard",
            person="Kim Lee",
            price_list="retail",
        )
    ]


async def test_the_money_buys_time_at_the_adjusted_price() -> None:
    async with an_office("0.60", hook=half_price) as office:
        await office.hear("12:00:00 start 1\n12:00:05 answer 1")

        await office.clock.advance(110)
        assert office.pbx.done("limit")[-1] == ("1", 119.5)


async def test_what_the_hook_says_later_changes_neither_limit_nor_price() -> None:
    changing = Recorder(HALF, HALF, Adjustment(percent=900, reason="Dear"))
    async with an_office("10.00", hook=changing) as office:
        await office.hear("12:00:00 start 1\n12:00:05 answer 1")
        await office.credit("1.00")
        await office.hear("12:01:35 end 1 answered=12:00:05")

        assert await office.calls() == ["1 rated 0.45 room-1"]
        assert len(changing.calls) == 2, "as it was dialled, and as it was answered"


async def test_the_exchanges_own_record_may_tell_another_microsecond_of_the_answer() -> None:
    changing = Recorder(HALF, Adjustment(percent=900, reason="Dear"))
    async with an_office("10.00", hook=changing) as office:
        await office.hear("12:00:05 answer 1\n12:01:00 lost")
        await office.hear("12:05:00 back; done 1 answered=12:00:05.25 ended=12:01:35")

        assert await kept(office) == KEPT_HALF


async def test_a_call_of_a_postpaid_account_keeps_the_answer_of_its_beginning_too() -> None:
    changing = Recorder(HALF, Adjustment(percent=900, reason="Dear"))
    async with an_office("0", accounts=[an_account(kind=AccountKind.POSTPAID)], hook=changing) as (
        office
    ):
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")

        assert await office.calls() == ["1 rated 0.45 room-1"]


async def test_after_a_restart_the_hook_is_asked_about_a_call_again() -> None:
    told = Recorder(None)
    async with an_office("10.00", hook=told) as office:
        await office.hear("12:00:05 lost\n12:00:40 back; live 1 answered=12:00:05")
        assert len(told.calls) == 1
        told.answers = [HALF]
        await office.hear("12:01:35 end 1 answered=12:00:05")
        assert await kept(office) is None


async def test_another_payer_is_another_question() -> None:
    def adjust(call: Call) -> Adjustment | None:
        return HALF if call.account == "room-2" else None

    rooms = [an_account(), an_account("room-2")]
    async with an_office("0.60", accounts=rooms, hook=adjust) as office:
        await office.hear("12:00:05 answer 1")
        assert office.pbx.commands == [("limit", "1", 59.5)]
        office.directory.replace_memberships([a_membership("room-2")])
        office.billing.reassign()
        await office.clock.advance(110)

        assert office.pbx.done("limit")[-1] == ("1", 119.5)


async def test_free_calls_are_nothing_to_ask_about() -> None:
    told = Recorder(HALF)
    async with an_office(hook=told) as office:
        await office.hear(
            "12:00:00 start 1 to=112\n12:00:05 answer 1 to=112\n12:01:00 end 1 to=112"
        )
        await office.hear("12:02:00 start 2\n12:02:30 end 2")

        assert await office.calls() == ["1 free - room-1", "2 unanswered - room-1"]
        assert [call.number for call in told.calls] == ["+41315550100"], "as it was dialled"


async def test_a_call_in_doubt_is_asked_about_when_it_is_billed() -> None:
    async with an_office(hook=half_price) as office:
        await office.hear("12:00:05 answer 1\n12:01:00 lost\n12:05:00 back no-outbox")
        await office.order("calls.bill", call="hotel/1", seconds=60)

        assert await office.calls() == ["1 rated 0.30 room-1"]
        assert await kept(office) == KEPT_HALF


async def test_an_extension_that_only_observes_would_have_been_cut_by_the_adjusted_price() -> None:
    stances = Stances({PBX: Stance.OBSERVE}, {})
    async with an_office("0.45", hook=half_price, stances=stances) as office:
        await office.hear("12:00:05 answer 1\n12:02:05 end 1")

        [cut] = [line for line in await office.observed() if line.startswith("cut")]
        assert "would have been cut after 89.5 s; it talked 30.5 s more for 0.15 EUR" in cut


# ---------------------------------------------------------------------- when it goes wrong


@pytest.mark.parametrize(
    "wrong",
    [
        ValueError("no such room"),
        "half price",
        Adjustment(percent=-50),
        Adjustment(percent=Decimal("NaN"), reason="Odd"),
        Adjustment(price_list="nobody", reason="Night"),
        Adjustment(price_list="swiss", reason="Night"),
        Adjustment(price_list="french", reason="Night"),
    ],
)
async def test_a_hook_that_fails_leaves_the_price_to_the_tariff_and_alarms(wrong: object) -> None:
    async with an_office("10.00", hook=Recorder(wrong)) as office:
        swiss = a_tariff(a_rate(prefix="41"), name="swiss", currency="CHF")
        french = a_tariff(a_rate(prefix="33"), name="french")
        for tariff in (swiss, french):
            await office.store.change(AddTariff(tariff))
        office.assessor.replace_book(office.assessor.book.with_versions([swiss, french]))
        await office.hear("12:00:00 start 1\n12:00:05 answer 1")
        assert office.alarm_kinds() == ["rating.hook"]
        await office.hear("12:01:35 end 1")

        assert await office.calls() == ["1 rated 0.90 room-1"]
        assert await kept(office) is None
        [alarm] = office.alarms.active()
        assert alarm.subject == "mysite:adjust"
        assert "call of room-1 to +41315550100 from hotel/1001: " in alarm.text
        assert "priced by its tariff alone" in alarm.text


async def test_the_next_good_answer_in_calm_clears_the_alarm() -> None:
    async with an_office("10.00", hook=Recorder(ValueError("no"), None)) as office:
        await office.hear("12:00:05 answer 1\n12:01:35 end 1")
        assert office.alarm_kinds() == ["rating.hook"]
        await office.clock.advance(60)
        await office.hear("12:02:05 answer 2\n12:02:35 end 2")

        assert office.alarm_kinds() == []


# ---------------------------------------------------------------------- which list, which trunk

GSM, VOIP = Place(PBX, "gsm"), Place(PBX, "voip")


def an_assessor_asking(hook: Any, bounds: Any = None, **fields: Any) -> Assessor:
    clock = ManualClock()
    board = _NoBoard()
    site_hook = a_site_hook(hook, clock, board, *([bounds] if bounds else []))
    return an_assessor(
        a_directory([a_state()]),
        a_tariff(a_rate("1/1", "0.60")),
        a_tariff(a_rate("1/1", "0.06"), name="night"),
        hook=site_hook,
        **fields,
    )


class _NoBoard:
    def raise_(self, kind: str, subject: str, text: str) -> None:
        raise AssertionError(f"{kind} {subject}: {text}")

    def clear(self, kind: str, subject: str) -> None:
        raise AssertionError(f"{kind} {subject} was not on")


def seconds(assessor: Assessor, place: Place) -> int:
    """How long 0.12 last; a cent a second is 12."""
    called = assessor.classify(SWITZERLAND)
    return assessor.pricing(an_account(), called, NOON, place).affordable_s(120_000, 3600)


def test_a_hook_may_send_a_call_to_another_list() -> None:
    night = Recorder(Adjustment(price_list="night", reason="Night"))
    assessor = an_assessor_asking(night)
    called = assessor.classify(SWITZERLAND)
    change = assessor.adjustment(an_account(), called, NOON, GSM, NOBODY)

    price = assessor.price(an_account(), called, NOON, 60_000_000, GSM, change)

    assert (price.micros, price.tariff) == (60_000, "night")
    assert seconds(assessor, GSM) == 120


def test_a_list_that_a_hook_names_rates_numbers_that_the_accounts_own_does_not() -> None:
    night = Recorder(Adjustment(price_list="night", reason="Night"))
    assessor = an_assessor_asking(night, assignment=Assignment(default="lost"))

    assessor.pricing(an_account(), assessor.classify(SWITZERLAND), NOON, GSM)
    night.answers = [None]
    with pytest.raises(NoRate):
        assessor.pricing(an_account(), assessor.classify(SWITZERLAND), NOON, GSM)


def test_before_the_trunk_is_known_the_hook_is_asked_about_each_and_the_dearest_limits() -> None:
    told = Recorder(HALF, None)
    assessor = an_assessor_asking(told, assignment=Assignment(default="retail", trunks=(GSM, VOIP)))

    assert seconds(assessor, Place(PBX)) == 12
    assert [call.trunk for call in told.calls] == ["gsm", "voip"]


def test_without_a_hook_nothing_is_told_of_a_call() -> None:
    assessor = an_assessor(a_directory([a_state()]))
    called = assessor.classify(SWITZERLAND)

    assert assessor.adjustment(an_account(), called, NOON, GSM, NOBODY) is None
    assert assessor.offers.hook_edition == ""


# ---------------------------------------------------------------------- while rtbill is silent

OPEN = {"standard": UnaidedTerms(Unaided.OPEN, calls=1)}


@pytest.mark.parametrize(
    ("bounds", "row"),
    [
        (some_bounds(), "home:europe:other/0:119:0"),
        (some_bounds("20"), "home:europe:other/0:99:0"),  # 0.012 a second
        (some_bounds("0", "0.60"), "home:europe:other/0:59:0"),  # two cents a second
        (some_bounds("0", "0", "0.30"), "home:europe:other/0:89:0"),
        (some_bounds("0", "0", "0", "dear"), "home:europe:other/0:23:0"),
    ],
)
async def test_rows_pushed_beforehand_go_by_what_the_hook_may_do_at_worst(
    bounds: Any, row: str
) -> None:
    async with an_office("1.20", unaided=OPEN, hook=half_price, hook_bounds=bounds) as office:
        dear = a_tariff(a_rate("1/1", "3.00"), name="dear")
        office.assessor.replace_book(office.assessor.book.with_versions([dear]))
        await office.clock.advance(30)

        assert office.pbx.rows == {"1001": row}


# ---------------------------------------------------------------------- rating again


async def test_rating_again_asks_anew_and_keeps_what_the_hook_said() -> None:
    hook = Recorder(None)
    async with an_office("10.00", hook=hook, memberships=[a_membership(person="Kim Lee")]) as (
        office
    ):
        await office.hear("12:00:05 answer 1\n12:01:35 end 1 answered=12:00:05")
        asked = hook.calls[-1]
        hook.answers = [HALF]

        run = await plan(office)
        assert run["accounts"][0]["after"] == "0.45"
        assert hook.calls[-1] == asked
        await office.order("run.apply", run=run["run"])

        assert await office.calls() == ["1 rated 0.45 room-1"]
        assert await kept(office) == KEPT_HALF


async def test_another_hook_asks_for_a_new_dry_run() -> None:
    async with an_office("10.00", hook=half_price) as office:
        await office.hear("12:00:05 answer 1\n12:01:35 end 1 answered=12:00:05")
        await import_tariff(office, CHEAPER)
        run = (await plan(office))["run"]
        site_hook = office.assessor.offers.hook
        assert site_hook is not None
        site_hook.edition += " changed"

        with pytest.raises(Conflict, match="prices changed since the dry run"):
            await office.order("run.apply", run=run)


async def test_what_waited_for_a_rate_is_asked_about_when_it_is_billed() -> None:
    async with an_office("10.00", hook=half_price, tariff=a_tariff(a_rate(prefix="43"))) as office:
        office.assessor.replace_book(type(office.assessor.book)([a_tariff(a_rate(prefix="43"))]))
        await office.hear("12:00:05 answer 1\n12:00:35 end 1")
        assert await office.calls() == ["1 unrated - room-1"]
        await import_tariff(office, CHEAPER)
        await office.order("calls.bill", call="hotel/1")

        assert await office.calls() == ["1 rated 0.15 room-1"]
        assert await kept(office) == KEPT_HALF
