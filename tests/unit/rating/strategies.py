"""Terms and bands of every kind that a tariff file can say."""

from __future__ import annotations

from hypothesis import strategies as st

from rtbill.domain.tariff import Counting, OnHolidays, Step, Terms, TimeBand

day_sets = st.frozensets(st.integers(0, 6), min_size=1)


amounts = st.integers(0, 10**12)
lengths = st.integers(1, 86_400)
seconds = st.integers(0, 86_400)
units = st.sampled_from([1, 6, 30, 60, 3600, 86_400])


@st.composite
def all_terms(draw: st.DrawFn) -> Terms:
    begins = [0, *sorted(draw(st.sets(st.integers(1, 999_999), max_size=3)))]
    least, most = sorted((draw(amounts), draw(amounts)))
    fee, recurring = draw(amounts), draw(amounts)
    greatest = draw(st.sampled_from([None, most]))
    return Terms(
        steps=tuple(Step(begin, draw(amounts), draw(units), draw(lengths)) for begin in begins),
        first_increment_s=draw(lengths),
        connect_fee_micros=draw(amounts),
        counting=draw(st.sampled_from(Counting)),
        free_s=draw(seconds),
        billable_min_s=draw(seconds),
        grace_s=draw(seconds),
        charge_min_micros=least,
        charge_max_micros=greatest,
        disconnect_fee_micros=fee,
        disconnect_after_s=draw(seconds) if fee else 0,
        recurring_fee_micros=recurring,
        recurring_every_s=draw(lengths) if recurring else 0,
        added_s=draw(seconds),
        call_max_s=draw(st.none() | lengths),
    )


@st.composite
def all_bands(draw: st.DrawFn) -> TimeBand:
    start, end = sorted(draw(st.sets(st.integers(0, 1440), min_size=2, max_size=2)))
    asks = draw(st.sampled_from(OnHolidays))
    month_days = draw(st.frozensets(st.integers(1, 28)))
    return TimeBand(
        days=draw(day_sets),
        start_minute=start,
        end_minute=end,
        months=draw(st.frozensets(st.integers(1, 12))),
        month_days=month_days,
        years=frozenset() if month_days else draw(st.frozensets(st.integers(1990, 2199))),
        on_holidays=asks,
        calendar="" if asks is OnHolidays.ALSO else draw(st.sampled_from(["berlin", "DE.2-b_c"])),
        priority=draw(st.integers(-999, 999)),
    )
