"""What an exchange that asks before dialling is told: number, account, locks, money, stance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtbill.credit.authorisation import Answer, Permission, Refusal
from rtbill.credit.grants import Limits
from rtbill.domain.account import AccountKind, Incoming, Outgoing, Service
from rtbill.domain.events import CallRefused
from rtbill.domain.refusal import Reason
from rtbill.domain.stance import Stance
from tests.fakes.asked import MONEY_LOCK, OUTGOING_BY_HAND, Asked
from tests.fakes.builders import PBX, SWITZERLAND, at
from tests.fakes.environment import ManualClock

NO_RATE = "0033155501000"
UNREADABLE = "31234567"  # a local number at a site without an area code
FREE = "0800123456"
PREPAID, POSTPAID = AccountKind.PREPAID, AccountKind.POSTPAID
INCOMING_BY_HAND = Service(Outgoing.OPEN, Incoming.DIVERT)


# ---------------------------------------------------------------------- money


# 0.60 a minute by whole minutes, half a second taken off, whole seconds told.
@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (Asked("0.59"), Refusal(Reason.BALANCE)),
        (Asked("0.60"), Permission(59)),
        (Asked("1.20"), Permission(119)),
        (Asked("1.79"), Permission(119)),
        (Asked("100000"), Permission(14_399)),
        (Asked("100000", limits=Limits(guard_s=0)), Permission(14_400)),
        (Asked("100000", limits=Limits(call_max_s=3600)), Permission(3599)),
        (Asked("0.60", limits=Limits(guard_s=60)), Refusal(Reason.BALANCE)),
        (Asked("0"), Refusal(Reason.BALANCE)),
        (Asked("-3"), Refusal(Reason.BALANCE)),
        (Asked("5.00", service=MONEY_LOCK), Refusal(Reason.BALANCE)),
        (Asked("-900", POSTPAID), Permission()),
        (Asked("-9.00", POSTPAID, limit="10.00"), Permission()),
        (Asked("-9.99", POSTPAID, limit="10.00", service=MONEY_LOCK), Refusal(Reason.BALANCE)),
        (Asked("10", ceiling=599_999), Refusal(Reason.DEAR)),
        (Asked("0", ceiling=599_999), Refusal(Reason.DEAR)),
        (Asked("10", POSTPAID, ceiling=599_999), Refusal(Reason.DEAR)),
        (Asked("10", ceiling=599_999, service=MONEY_LOCK), Refusal(Reason.BALANCE)),
        (Asked("10", POSTPAID, ceiling=600_000), Permission()),
    ],
)
async def test_a_call_is_granted_what_its_account_can_pay(asked: Asked, answer: Answer) -> None:
    assert await asked.about() == answer


async def test_a_channel_that_asks_again_for_another_trunk_is_not_in_its_own_way() -> None:
    asked = Asked("0.60")

    assert [await asked.about(), await asked.about()] == [Permission(59), Permission(59)]


# ---------------------------------------------------------------------- kinds of number


@pytest.mark.parametrize("number", ["112", "+49112", "0049110", FREE, "116111"])
@pytest.mark.parametrize(
    "asked",
    [
        Asked("0"),
        Asked("-5", service=MONEY_LOCK),
        Asked("5", by_hand=OUTGOING_BY_HAND),
        Asked("-50", POSTPAID, limit="10", service=MONEY_LOCK),
        Asked("0", stance=Stance.OBSERVE),
    ],
    ids=["no money", "locked for money", "locked by hand", "postpaid", "observed"],
)
@pytest.mark.parametrize("payer", ["1001", "1999", None], ids=["held", "nobody's", "unknown"])
async def test_an_emergency_or_free_number_is_always_allowed_without_limit(
    number: str, asked: Asked, payer: str | None
) -> None:
    assert await asked.about(number, payer) == Permission()
    assert asked.alarm_kinds == []


@pytest.mark.parametrize("number", [NO_RATE, UNREADABLE, "**21*0049", "#"])
@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (Asked("5"), Refusal(Reason.UNRATED)),
        (Asked("0"), Refusal(Reason.UNRATED)),
        (Asked("5", service=MONEY_LOCK), Refusal(Reason.BALANCE)),
        (Asked("5", unrated="limit"), Permission(59)),
        (Asked("0", unrated="limit"), Refusal(Reason.BALANCE)),
        (Asked("5", POSTPAID), Permission()),
        (Asked("5", POSTPAID, limit="10"), Permission()),
        (Asked("-20", POSTPAID, limit="10", service=MONEY_LOCK), Refusal(Reason.BALANCE)),
    ],
)
async def test_a_number_without_a_rate_is_refused_or_kept_short_for_prepaid_only(
    number: str, asked: Asked, answer: Answer
) -> None:
    assert await asked.about(number) == answer


async def test_a_refusal_for_want_of_a_rate_is_alarmed_as_an_unrated_call_is() -> None:
    asked = Asked("5")

    await asked.about(NO_RATE)

    assert asked.alarm_kinds == [("unrated", "+33155501000")]


async def test_a_number_without_a_rate_that_is_let_through_is_alarmed_when_it_is_billed() -> None:
    asked = Asked("5", unrated="limit")

    await asked.about(NO_RATE)

    assert asked.alarm_kinds == []


# ---------------------------------------------------------------------- who pays


async def test_an_extension_of_nobody_is_paid_by_the_house_which_is_alarmed() -> None:
    asked = Asked("0")

    assert await asked.about(payer="1999") == Permission()
    assert asked.alarm_kinds == [("house", "hotel/1999")]


async def test_a_call_of_which_nobody_is_named_as_payer_is_refused() -> None:
    assert await Asked().about(payer=None) == Refusal(Reason.UNKNOWN_PAYER)


# ---------------------------------------------------------------------- locks by hand


@pytest.mark.parametrize("stance", Stance)
@pytest.mark.parametrize("kind", AccountKind)
async def test_a_lock_by_hand_refuses_whatever_the_money_and_the_stance(
    stance: Stance, kind: AccountKind
) -> None:
    asked = Asked("5", kind, by_hand=OUTGOING_BY_HAND, stance=stance)

    assert await asked.about() == Refusal(Reason.LOCKED)
    assert asked.let_through == []


async def test_a_divert_by_hand_keeps_nobody_from_calling() -> None:
    assert await Asked("1.20", by_hand=INCOMING_BY_HAND).about() == Permission(119)


async def test_the_lock_of_one_extension_is_not_anothers() -> None:
    assert await Asked(by_hand=OUTGOING_BY_HAND).about(payer="1002") == Permission()


# ---------------------------------------------------------------------- stance


@pytest.mark.parametrize("stance", [Stance.OBSERVE, Stance.WARN])
@pytest.mark.parametrize(
    ("asked", "number", "payer", "reason"),
    [
        ({"balance": "0"}, SWITZERLAND, "1001", Reason.BALANCE),
        ({"balance": "5", "service": MONEY_LOCK}, SWITZERLAND, "1001", Reason.BALANCE),
        ({"balance": "5"}, NO_RATE, "1001", Reason.UNRATED),
        ({"balance": "5", "ceiling": 0}, SWITZERLAND, "1001", Reason.DEAR),
        ({"balance": "5"}, SWITZERLAND, None, Reason.UNKNOWN_PAYER),
    ],
)
async def test_what_is_only_observed_is_allowed_and_the_refusal_told(
    stance: Stance, asked: dict[str, str], number: str, payer: str | None, reason: Reason
) -> None:
    observed = Asked(**asked, stance=stance)  # type: ignore[arg-type]  # a table of keywords

    assert await observed.about(number, payer) == Permission()
    assert observed.let_through == [(number, reason)]
    assert observed.chronicle.since(0) == []


@pytest.mark.parametrize("stance", [Stance.OBSERVE, Stance.WARN])
async def test_what_is_only_observed_has_no_limit_and_tells_nothing_when_there_is_money(
    stance: Stance,
) -> None:
    observed = Asked("1.20", stance=stance)

    assert await observed.about() == Permission()
    assert observed.let_through == []


# ---------------------------------------------------------------------- who hears of it


async def test_a_refusal_is_shown_with_its_reason() -> None:
    asked = Asked("0")

    await asked.about()

    [shown] = asked.chronicle.since(0)
    assert shown.what == CallRefused(
        PBX, ManualClock().now(), "1001", SWITZERLAND, "balance", "7.1"
    )


async def test_a_refusal_of_ours_that_the_exchange_tells_of_as_well_is_shown_once() -> None:
    asked = Asked("0")
    await asked.about()
    ours = asked.chronicle.since(0)[0].what
    assert isinstance(ours, CallRefused)

    asked.chronicle.add(at("12:00:01"), replace(ours, at=at("12:00:01")))
    asked.chronicle.add(at("12:00:02"), replace(ours, dialled="0041315550101"))
    asked.chronicle.add(at("12:00:03"), replace(ours, channel="7.2"))
    asked.chronicle.add(at("12:00:04"), replace(ours, channel=None))
    asked.chronicle.add(at("12:00:04"), replace(ours, channel=None))

    assert len(asked.chronicle.since(0)) == 5


async def test_a_call_that_is_allowed_shows_nothing() -> None:
    asked = Asked("5")

    await asked.about()

    assert asked.chronicle.since(0) == []
