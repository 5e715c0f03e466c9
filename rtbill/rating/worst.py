"""The worst price in a class of destinations: for how long may any of them be called with this
money, and for how long whatever the money?

An exchange on its own knows a number's class and no more. So what it may let a call last is
reckoned from the dearest rates of the class, over every time band, and over every change of bands
that a call could meet. A number belongs to the class with the longest prefix that it begins with; a
number that begins with none is `other`.

Each rate is reduced to a `Course`. No call that begins at that rate costs more, however long it is.
Courses that another exceeds at every length are dropped; few are left of ten thousand rates.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence

from rtbill.domain.adjustment import Bounds
from rtbill.domain.money import divide_rounding_up, largest_rounding_to
from rtbill.domain.price_plan import WHOLE_PPM, Markup, PricePlan
from rtbill.domain.tariff import MINUTE_S, Rate
from rtbill.rating.chain import largest_net
from rtbill.rating.class_bounds import ClassBounds
from rtbill.rating.course import Course, courses
from rtbill.rating.lookup import RateTable
from rtbill.rating.offer import Offer

OTHER = "other"
"""Class of every number that begins with no prefix of another class."""
PARTS = 1000
"""Of a micro-unit, in which bounds of a plan are reckoned."""
NO_HOOK = Bounds()
RATES_A_STEP = 100
"""Looked at before others get their turn: a list of ten thousand takes a fifth of a second."""
COURSES_MAX = 2000
"""Kept of a class before those are dropped that another exceeds."""

Prefixes = Mapping[str, Sequence[str]]
"""Prefixes in international form, with plus, by class."""
AlikeRates = dict[tuple[int, ...], Sequence[Rate]]
"""The bands of a prefix, by the identities of their terms: those of most prefixes are the same."""


class WorstPrices:
    """The worst courses of every class in one version of a tariff or plan. Keeps no rates."""

    def __init__(
        self, offer: Offer, found: Mapping[str, Iterable[Course]], bounds: Mapping[str, ClassBounds]
    ) -> None:
        """Made by `worst_prices`; both by class."""
        plan = self._plan = offer.plan
        self._rounding = plan.rounding if plan else offer.tables[0].tariff.rounding
        self._per_micro = _per_micro(offer)
        self._least = plan.charge_min_micros * PARTS if plan else 0
        self._bounds = bounds
        self._courses = {name: _worst_of(each) for name, each in found.items()}

    def affordable_s(self, name: str, money_micros: int, cap_s: int) -> int | None:
        """Whole seconds, 0 to `cap_s`, in which no number of the class that has a rate can cost
        more than the money; None when none of them has one.
        """
        found = self._courses.get(name)
        if not found:
            return None
        budget = self._budget(max(0, money_micros))
        if budget < self._least and not all(course.is_free for course in found):
            return 0
        return min(course.affordable_s(budget, cap_s) for course in found)

    def first_micros(self, name: str) -> int | None:
        """What being answered costs at most, first increment included, for any number of the class;
        None when none of them has a rate.
        """
        found = self._courses.get(name)
        if not found:
            return None
        due = max(course.first_cost for course in found)
        if due == 0 and all(course.is_free for course in found):
            return 0
        due = max(due, self._least)
        # The least money that pays it: the inverse of what money buys, so that both agree.
        above = 1
        while self._budget(above) < due:
            above *= 2
        least = 0
        while least < above:
            middle = (least + above) // 2
            if self._budget(middle) >= due:
                above = middle
            else:
                least = middle + 1
        return least

    def longest_s(self, name: str, cap_s: int, ceiling_micros: int | None = None) -> int | None:
        """Whole seconds, 0 to `cap_s`, after which some rate of the class ends a call, or may come
        to cost more a minute than the ceiling; None when no number of the class has a rate.
        """
        if not self._courses.get(name):
            return None
        return min(cap_s, self._bounds[name].longest_s(ceiling_micros))

    def _budget(self, money_micros: int) -> int:
        """The largest exact sum whose charge is within the money."""
        step: int = 10 ** (6 - self._rounding.digits)
        net = money_micros if self._plan is None else largest_net(self._plan, money_micros)
        return largest_rounding_to(net // step, step * self._per_micro, self._rounding.mode)


def worst_prices(offer: Offer, classes: Prefixes, hook: Bounds = NO_HOOK) -> WorstPrices:
    """Of what calls are priced by; `hook` says how much dearer a site's hook may make a call."""
    steps = worst_prices_in_steps(offer, classes, hook)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            made: WorstPrices = done.value
            return made


def worst_prices_in_steps(
    offer: Offer, classes: Prefixes, hook: Bounds = NO_HOOK
) -> Generator[None, None, WorstPrices]:
    """The same, for who has other work meanwhile: what the last step returns."""
    found: dict[str, set[Course]] = {name: set() for name in (*classes, OTHER)}
    bounds = {name: ClassBounds(offer.plan, hook) for name in found}
    most = dict.fromkeys(found, COURSES_MAX)
    for table in offer.all_tables:
        by_class = yield from _by_class(table, classes)
        for name, of_class in by_class.items():
            for count, rates in enumerate(of_class.values(), start=1):
                found[name].update(_sold(offer, table, rates, hook))
                bounds[name].add(table, rates)
                if len(found[name]) > most[name]:
                    found[name] = set(_worst_of(found[name]))
                    most[name] = max(COURSES_MAX, 2 * len(found[name]))
                if count % RATES_A_STEP == 0:
                    yield
    return WorstPrices(offer, found, bounds)


def _per_micro(offer: Offer) -> int:
    """Parts of a micro-unit in which its courses are reckoned."""
    return PARTS if offer.plan else offer.tables[0].per_micro


def _sold(offer: Offer, table: RateTable, rates: Sequence[Rate], hook: Bounds) -> list[Course]:
    """As dear as plan and hook make them."""
    sold = courses(table, rates)
    if offer.plan is not None:
        sold = [_marked_up(offer.plan, each, table.per_micro) for each in sold]
    if hook != NO_HOOK:
        sold = [_adjusted(hook, each, _per_micro(offer)) for each in sold]
    return sold


def _marked_up(plan: PricePlan, course: Course, per_micro: int) -> Course:
    """The course with the dearest markup of the plan, without discount and minimum, in thousandths
    of a micro-unit.
    """
    dearest = Markup(
        percent_ppm=max((each.percent_ppm for each in plan.markups), default=0),
        per_minute_micros=max((each.per_minute_micros for each in plan.markups), default=0),
        per_call_micros=max((each.per_call_micros for each in plan.markups), default=0),
    )
    return _raised(course, dearest, per_micro, PARTS)


def _adjusted(hook: Bounds, course: Course, per_micro: int) -> Course:
    """The course of a call that the hook made as dear as it may."""
    dearest = Markup(
        percent_ppm=hook.percent_ppm,
        per_minute_micros=hook.per_minute_micros,
        per_call_micros=hook.per_call_micros,
    )
    return _raised(course, dearest, per_micro, per_micro)


def _raised(course: Course, markup: Markup, before: int, after: int) -> Course:
    """The course with a markup; `before` and `after` are the parts of a micro-unit."""
    ppm = WHOLE_PPM + markup.percent_ppm

    def sold(cost: int, seconds: int = 0) -> int:
        marked = divide_rounding_up(cost * ppm * after, before * WHOLE_PPM)
        return marked + divide_rounding_up(markup.per_minute_micros * seconds * after, MINUTE_S)

    first = sold(course.first_cost, course.first_s + course.ahead_s)
    first += markup.per_call_micros * after
    step, jump = sold(course.step_cost, course.step_s), sold(course.jump_cost)
    return Course(course.first_s, first, course.step_s, step, jump, course.ahead_s)


def _by_class(table: RateTable, classes: Prefixes) -> Generator[None, None, dict[str, AlikeRates]]:
    """The rates that numbers of each class can meet."""
    rates: dict[str, list[Rate]] = {}
    for count, rate in enumerate(table.tariff.rates, start=1):
        rates.setdefault("+" + rate.prefix, []).append(rate)
        if count % (10 * RATES_A_STEP) == 0:
            yield
    class_of = {prefix: name for name, prefixes in classes.items() for prefix in prefixes}
    lengths = sorted({len(prefix) for prefix in class_of}, reverse=True)
    found: dict[str, AlikeRates] = {name: {} for name in (*classes, OTHER)}
    for count, (prefix, of_prefix) in enumerate(rates.items(), start=1):
        found[_longest(prefix, class_of, lengths) or OTHER][_alike(of_prefix)] = of_prefix
        if count % (10 * RATES_A_STEP) == 0:
            yield
    # A rate whose prefix is shorter than that of the class covers numbers of it all the same.
    rate_lengths = sorted({len(prefix) for prefix in rates}, reverse=True)
    for prefix, name in class_of.items():
        for length in rate_lengths:
            shorter = rates.get(prefix[:length]) if length <= len(prefix) else None
            if shorter is not None:
                found[name][_alike(shorter)] = shorter
                break
    return found


def _alike(rates: Iterable[Rate]) -> tuple[int, ...]:
    return tuple([id(rate.terms) for rate in rates])


def _longest(prefix: str, class_of: Mapping[str, str], lengths: Iterable[int]) -> str | None:
    for length in lengths:
        name = class_of.get(prefix[:length])
        if name is not None:
            return name
    return None


def _worst_of(found: Iterable[Course]) -> tuple[Course, ...]:
    """Those that no other one covers."""
    dearest = sorted(
        found, key=lambda each: (each.step_s, each.first_cost, each.step_cost), reverse=True
    )
    kept: list[Course] = []
    for candidate in dearest:
        if not any(each.covers(candidate) for each in kept):
            kept.append(candidate)
    return tuple(kept)
