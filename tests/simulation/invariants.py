"""What must be true of every run once it has come to rest, from the exchange's own truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from rtbill.domain.account import HOUSE, AccountKind
from rtbill.domain.call import epoch_us, from_epoch_us
from rtbill.domain.rated import CallStatus, NumberKind, RatedCall
from rtbill.domain.tariff import Rate, Tariff
from tests.property.price_oracle import oracle_price
from tests.simulation.exchange import Truth
from tests.simulation.modes import left_undone, nothing_done, pushed_rows, was_observed
from tests.simulation.plan import NUMBER_OF, PBX, tariffs
from tests.simulation.world import Observed, World

TALK_TOLERANCE_US = 50_000
CUT_SLACK_S = 2.0
"""Guard, and the delay of the order."""
STEP_MAX_US = 15_000_000
"""After steps the biller takes up to two minutes to learn the exchange's clock anew."""
UNRATED_MAX_S = 62.0
PRICED = (CallStatus.RATED, CallStatus.UNRATED, CallStatus.FREE)


def violations(world: World) -> list[str]:
    """All that is wrong, one sentence each; empty for a good run."""
    found = list(world.violations)
    found += _money(world)
    calls = world.disk.books._calls
    for truth in world.exchange.truths.values():
        call = calls.get(f"{PBX}/{truth.leg}")
        found += [f"leg {truth.leg} ({truth.dialled}): {each}" for each in _leg(world, truth, call)]
    known = {f"{PBX}/{leg}" for leg in world.exchange.truths}
    found += [f"{key} is in the books and never was" for key in sorted(calls.keys() - known)]
    return [*found, *nothing_done(world), *left_undone(world), *pushed_rows(world)]


def _money(world: World) -> Iterator[str]:
    """Sums and balances, worked out from the calls and the credits alone."""
    yield from _sums(world)
    books = world.disk.books
    expected = Counter(world.plan.openings)
    for account, amount in world.credits:
        expected[account] += _credit_micros(amount)
    for call in books._calls.values():
        if call.price is not None:
            expected[call.account] -= call.price.micros
    for account, state in books._accounts.items():
        if state.balance_micros != expected[account]:
            yield f"{account} has {state.balance_micros}, expected {expected[account]}"


def _sums(world: World) -> Iterator[str]:
    """Customers' balances and the biller's own side cancel out."""
    books = world.disk.books
    sums: Counter[str] = Counter()
    for posted in books._transfers.values():
        transfer = posted.transfer
        for side, sign in ((transfer.debit, -1), (transfer.credit, 1)):
            if side not in books._accounts:
                sums[transfer.currency] += sign * transfer.amount_micros
    for state in books._accounts.values():
        sums[state.account.currency] += state.balance_micros
    yield from (f"entries in {each} sum to {sums[each]}" for each in sums if sums[each])


def _credit_micros(amount: str) -> int:
    return int(Decimal(amount) * 1_000_000)


def _leg(world: World, truth: Truth, call: RatedCall | None) -> Iterator[str]:
    if truth.ended_us is None:
        yield "it never ended"
    elif truth.is_emergency:
        # It leaves no row at the exchange, so one that a gap swallowed is not seen: it is free.
        if call is not None and (call.price or call.status not in FREE_OR_NOTHING):
            yield f"an emergency call is {call.status} at {call.price}"
    elif truth.answered_us is None:
        if call is not None and call.status is not CallStatus.UNANSWERED:
            yield f"never answered, but {call.status}"
    elif call is None:
        yield "answered, but not in the books"
    else:
        yield from _answered(world, truth, call)


FREE_OR_NOTHING = (CallStatus.FREE, CallStatus.UNANSWERED)


def _answered(world: World, truth: Truth, call: RatedCall) -> Iterator[str]:
    number = NUMBER_OF[truth.dialled]
    payers = _payers(world, truth)
    if call.record.payer != truth.payer or call.account not in payers:
        yield f"{call.record.payer} of {call.account} pays, not {truth.payer} of {payers}"
    if call.kind is not number.kind:
        yield f"taken for {call.kind}"
    if truth.is_lost or (world.has_stepped and call.status is CallStatus.UNCONFIRMED):
        if number.kind is NumberKind.CHARGEABLE and call.status is not CallStatus.UNCONFIRMED:
            yield f"lost in a crash of the exchange, but {call.status}"
        if number.kind is not NumberKind.CHARGEABLE and call.status is not CallStatus.FREE:
            yield f"free, lost in a crash of the exchange, but {call.status}"
        yield from _evidence(truth, call, STEP_MAX_US if world.has_stepped else 0)
        return
    if call.status not in PRICED:
        yield f"ended in an orderly way, but {call.status}: {call.note}"
        return
    assert truth.answered_us is not None
    assert truth.ended_us is not None
    talk_us = truth.ended_us - truth.answered_us
    if abs(call.record.talk_us - talk_us) > TALK_TOLERANCE_US:
        yield f"talked {talk_us} us, billed {call.record.talk_us} ({call.record.source})"
    yield from _price(world, call)
    yield from _spending(world, truth, call)


def _evidence(truth: Truth, call: RatedCall, slack_us: int) -> Iterator[str]:
    """A call in doubt is kept with times that are proven."""
    assert truth.answered_us is not None
    assert truth.ended_us is not None
    answered_at, ended_us = call.record.answered_at, epoch_us(call.record.ended_at)
    if answered_at is None or abs(epoch_us(answered_at) - truth.answered_us) > TALK_TOLERANCE_US:
        yield f"in doubt, and answered at {answered_at}, not {from_epoch_us(truth.answered_us)}"
    if ended_us > truth.ended_us + TALK_TOLERANCE_US + slack_us:
        yield f"proven alive until {call.record.ended_at}, after it had gone"


def _payers(world: World, truth: Truth) -> set[str]:
    """Who held the extension at the answer; two while the desk's order was on its way."""
    assert truth.answered_us is not None
    answered_at = from_epoch_us(truth.answered_us)
    held = [
        membership
        for membership in world.disk.books._memberships
        if membership.extension.number == truth.payer
    ]
    payers = {each.account for each in held if each.covers(answered_at)} or {HOUSE}
    for move in world.moves:
        since_us = move.ordered_us - abs(world.exchange_clock.ahead_us) - 10_000_000
        if move.extension == truth.payer and since_us <= truth.answered_us <= move.known_us:
            payers |= {each.account for each in held} | {HOUSE}
    return payers


# ---------------------------------------------------------------------- prices


def _tariff(world: World, account: str) -> Tariff:
    name = world.disk.books._accounts[account].account.tariff or "retail"
    return next(each for each in tariffs() if each.name == name)


def _rates(tariff: Tariff, digits: str) -> list[Rate]:
    """Rates of the longest prefix, found the slow way."""
    for length in range(len(digits), 0, -1):
        found = [rate for rate in tariff.rates if rate.prefix == digits[:length]]
        if found:
            return found
    return []


def _micros(world: World, call: RatedCall, more_s: float = 0.0, talk_us: int | None = None) -> int:
    """What that much talk costs by the second opinion; 0 without a rate."""
    assert call.record.answered_at is not None
    tariff = _tariff(world, call.account)
    rates = _rates(tariff, NUMBER_OF[str(call.record.dialled)].digits)
    if not rates:
        return 0
    talk = timedelta(microseconds=call.record.talk_us if talk_us is None else talk_us)
    talk += timedelta(seconds=more_s)
    answer = oracle_price(replace(tariff, rates=tuple(rates)), call.record.answered_at, talk)
    return int(answer.amount.scaleb(6))


def _price(world: World, call: RatedCall) -> Iterator[str]:
    number = NUMBER_OF[str(call.record.dialled)]
    if number.kind is not NumberKind.CHARGEABLE:
        if call.status is not CallStatus.FREE or call.price is not None:
            yield f"free number, but {call.status} at {call.price}"
        return
    if not _rates(_tariff(world, call.account), number.digits):
        if call.status is not CallStatus.UNRATED or call.price is not None:
            yield f"no rate, but {call.status} at {call.price}"
        return
    expected = _micros(world, call)
    if call.price is None or call.price.micros != expected:
        yield f"costs {expected}, booked {call.status} at {call.price}"


# ---------------------------------------------------------------------- credit


def _spending(world: World, truth: Truth, call: RatedCall) -> Iterator[str]:
    """Nobody who could be stopped spends more than there was; nobody is stopped too early.

    Calls that are live at once may each spend what there was at their answer: the sum of these
    bounds is the exposure of the reactive mode.
    """
    seen = world.observed[truth.leg]
    account = world.disk.books._accounts[call.account].account
    is_limited = (
        account.kind is AccountKind.PREPAID
        and NUMBER_OF[truth.dialled].kind is NumberKind.CHARGEABLE
    )
    is_enforced = world.plan.is_enforced(account.account_class)
    if is_limited and not is_enforced:
        yield from _let_go(world, truth, call, seen)
        is_limited = False
    if truth.was_cut and not is_limited and not _moved_after(world, truth):
        yield f"a call of {account.kind} {account.id} was cut"
    if not is_limited or world.has_stepped or seen.account != call.account:
        return
    if truth.was_cut:
        yield from _too_early(world, call)
    if seen.is_calm and _stayed_calm(world, truth):
        yield from _too_late(world, call, seen.available_micros)


def _let_go(world: World, truth: Truth, call: RatedCall, seen: Observed) -> Iterator[str]:
    """A call that no limit ended, and that spent more than there was, is told of."""
    if seen.account != call.account or world.has_stepped or call.price is None:
        return
    if not seen.is_calm or not _stayed_calm(world, truth, until_end=True):
        return
    paid = sum(_credit_micros(amount) for payer, amount in world.credits if payer == call.account)
    if call.price.micros > seen.available_micros + paid and not was_observed(world, call):
        yield f"spent {call.price.micros} of {seen.available_micros}, and nobody said so"


def _moved_after(world: World, truth: Truth) -> bool:
    """Whether the extension changed hands after the call, yet from before its answer: by the
    biller's clock, which may be minutes behind the exchange's.
    """
    assert truth.ended_us is not None
    return any(
        move.extension == truth.payer and move.known_us > truth.ended_us for move in world.moves
    )


def _too_early(world: World, call: RatedCall) -> Iterator[str]:
    """A cut that the balance does not explain."""
    least = _least_available(world, call)
    if least <= 0:
        return
    talk_s = call.record.talk_us / 1e6
    if call.status is CallStatus.RATED and _micros(world, call, more_s=CUT_SLACK_S) <= least:
        yield f"cut after {talk_s:.1f} s though {least} were there"
    if call.status is CallStatus.UNRATED and talk_s < UNRATED_MAX_S - 3:
        yield f"cut after {talk_s:.1f} s for want of a rate"


def _too_late(world: World, call: RatedCall, available_micros: int) -> Iterator[str]:
    """More spent than there was at the answer and came in later; one increment is always due."""
    talk_s = call.record.talk_us / 1e6
    if call.price is None:
        if talk_s > UNRATED_MAX_S:
            yield f"talked {talk_s:.1f} s without a rate"
        return
    paid = sum(_credit_micros(amount) for payer, amount in world.credits if payer == call.account)
    bound = max(available_micros + paid, _micros(world, call, talk_us=1))
    if call.price.micros > bound:
        yield f"spent {call.price.micros} of {bound}"


def _stayed_calm(world: World, truth: Truth, *, until_end: bool = False) -> bool:
    """Whether the limit reached the exchange: nothing broke in the seconds after the answer, or
    until the call was over.
    """
    assert truth.answered_us is not None
    assert truth.ended_us is not None
    ahead_us = world.exchange_clock.ahead_us
    answered_s = (from_epoch_us(truth.answered_us - ahead_us) - world.plan.start).total_seconds()
    lasted_s = (truth.ended_us - truth.answered_us) / 1e6 if until_end else 0.0
    return all(not answered_s - 1 <= at_s <= answered_s + lasted_s + 5 for at_s in world.breaks)


def _least_available(world: World, call: RatedCall) -> int:
    """The least that the account had while the call talked."""
    assert call.record.answered_at is not None
    since = epoch_us(call.record.answered_at) - 3_000_000
    until = epoch_us(call.record.ended_at) + TALK_TOLERANCE_US
    least: int | None = None
    for at_us, available in world.history[call.account]:
        if at_us > until:
            break
        is_first = least is None or at_us <= since
        least = available if is_first or least is None else min(least, available)
    assert least is not None
    return least


def dump(world: World) -> str:
    """The books and all that was told, as text: equal for equal seeds."""
    books = world.disk.books
    lines = [f"{key} {call}" for key, call in books._calls.items()]
    lines += [f"{posted}" for posted in books._transfers.values()]
    lines += [f"{state}" for state in books._accounts.values()]
    lines += [f"{held}" for held in books._memberships]
    lines += [f"{posted}" for posted in books._observations.values()]
    lines += world.notices.told
    lines += [f"{action}" for action in world.server.actions]
    return "\n".join(lines)
