"""A call whose payer changes while it is held for: each account keeps to its own."""

from __future__ import annotations

from tests.fakes.builders import a_membership, an_account
from tests.fakes.office import an_office
from tests.fakes.virtual_clock import settle
from tests.unit.credit.test_holding import SECOND, held


async def test_a_call_moved_while_its_first_hold_is_under_way_leaves_nothing_behind() -> None:
    accounts = [an_account(), an_account("room-2")]
    async with an_office("5.00", tariff=SECOND, accounts=accounts) as office:
        await office.credit("5.00", account="room-2")
        office.store.is_stuck = office.store.has_room_for_live = True
        await office.hear("12:00:00 answer 1")
        office.directory.replace_memberships([a_membership("room-2")])
        office.billing.reassign()
        office.store.is_stuck = False
        office.store.commit()
        await office.clock.advance(5)

        assert held(office) == []
        assert held(office, "room-2") == [60]


async def test_what_cannot_be_given_back_at_the_answer_takes_nothing_with_it_later() -> None:
    accounts = [an_account(), an_account("room-2")]
    async with an_office("5.00", tariff=SECOND, accounts=accounts) as office:
        await office.credit("5.00", account="room-2")
        await office.hear("12:00:00 start 1")
        office.directory.replace_memberships([a_membership("room-2")])
        office.store.is_stuck, office.store.queue_max = True, 0
        office.store.has_room_for_live = True
        await office.hear("12:00:01 answer 1")
        office.store.is_stuck, office.store.queue_max = False, 10_000
        await office.clock.advance(20)

        assert held(office) == []
        assert held(office, "room-2") == [60]


async def test_two_accounts_never_hold_for_a_call_under_one_key() -> None:
    """The books keep open holds by key: the end of the first would take the second with it, and
    after a restart nothing would be held.
    """
    accounts = [an_account(), an_account("room-2")]
    async with an_office("5.00", tariff=SECOND, accounts=accounts) as office:
        await office.credit("3.00", account="room-2")
        await office.hear("12:00:00 answer 1")
        for holder in ("room-2", "room-1", "room-2"):
            office.directory.replace_memberships([a_membership(holder)])
            office.billing.reassign()
            await settle()

        opened: dict[str, set[str]] = {}
        for hold in [event.hold for event in office.store._hold_events]:
            opened.setdefault(hold.key, set()).add(hold.account)
        assert len(opened) == 3
        assert all(len(holders) == 1 for holders in opened.values())
        assert held(office, "room-2") == [60]
