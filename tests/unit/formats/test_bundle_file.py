"""Bundles as people write them: every key, good and bad."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rtbill.domain.bundle import Bundle, Renewal, Unit
from rtbill.domain.errors import ConfigError
from rtbill.domain.tariff import OnHolidays, TimeBand
from rtbill.formats.bundle_file import BundleSite, bundle_lines, holds_text, read_bundles

EXAMPLE = Path(__file__).parents[3] / "examples" / "bundles.toml"
SITE = BundleSite(
    currency="EUR",
    zone="Europe/Berlin",
    calendars=("site",),
    tariffs={"evening": "EUR", "swiss": "CHF"},
)
WHOLE = """
[[bundle]]
name = "national-300"
title = "300 Minuten Inland"
minutes = "300:30"
currency = "CHF"
zone = "Europe/Zurich"
prefixes = ["41", "+423"]
bands = [{ days = "mon-fri", hours = "08:00-18:00" }, { holidays = "only site" }]
increment = 60
priority = 2
renewal = "monthly"
tariff = "swiss"
[[bundle]]
name = "welcome"
amount = "5.00"
exclusive = true
"""


def read(text: str) -> tuple[Bundle, ...]:
    return read_bundles(tomllib.loads(text), SITE)


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value.problems


def test_every_key_is_read() -> None:
    assert read(WHOLE) == (
        Bundle(
            name="national-300",
            version=1,
            currency="CHF",
            zone="Europe/Zurich",
            unit=Unit.SECONDS,
            amount=18_030,
            title="300 Minuten Inland",
            prefixes=("41", "423"),
            bands=(
                TimeBand(days=frozenset(range(5)), start_minute=480, end_minute=1080),
                TimeBand(on_holidays=OnHolidays.ONLY, calendar="site"),
            ),
            increment_s=60,
            priority=2,
            renewal=Renewal.MONTHLY,
            tariff="swiss",
        ),
        Bundle(
            name="welcome",
            version=1,
            currency="EUR",
            zone="Europe/Berlin",
            unit=Unit.MONEY,
            amount=5_000_000,
            is_exclusive=True,
        ),
    )


def test_minutes_alone_pay_for_every_number_by_the_second() -> None:
    (bundle,) = read('[[bundle]]\nname = "ten"\nminutes = 10\n')
    assert bundle == Bundle(
        name="ten",
        version=1,
        currency="EUR",
        zone="Europe/Berlin",
        unit=Unit.SECONDS,
        amount=600,
    )


def test_hours_past_midnight_are_two_bands() -> None:
    (bundle,) = read('[[bundle]]\nname = "n"\nminutes = 10\nbands = [{ hours = "22:00-06:00" }]\n')
    assert [(band.start_minute, band.end_minute) for band in bundle.bands] == [
        (1320, 1440),
        (0, 360),
    ]


def test_the_example_can_be_read() -> None:
    found = read(EXAMPLE.read_text())
    assert [(each.name, holds_text(each)) for each in found] == [
        ("national-300", "300 min"),
        ("weekend-100", "100 min"),
        ("welcome", "5.00 EUR"),
    ]


def test_a_bundle_is_told_in_words() -> None:
    national, welcome = read(WHOLE)
    assert bundle_lines(national) == [
        "holds: 300:30 min each month",
        "title: 300 Minuten Inland",
        "currency: CHF",
        "clock: Europe/Zurich",
        "numbers: 41, 423",
        "answered: mon-fri 08:00-18:00",
        "answered: holidays only site",
        "taken in steps of 60 s",
        "talk within costs what swiss says",
        "priority: 2",
    ]
    assert bundle_lines(welcome) == [
        "holds: 5.00 EUR",
        "currency: EUR",
        "clock: Europe/Berlin",
        "exclusive: nothing behind it pays",
    ]
    (fees,) = read('[[bundle]]\nname = "n"\nminutes = 10\ncovers_fees = false\n')
    assert "connect fee of the account's tariff" in bundle_lines(fees)


TEN = '[[bundle]]\nname = "ten"\nminutes = 10\n'
FIVE = '[[bundle]]\nname = "five"\namount = "5.00"\n'
UNPAID = "nothing could pay what a call within it costs"
WRONG: dict[str, str] = {
    "": "bundle: there is none; write [[bundle]] and what it is below",
    "bundles = 1": "bundles: is no key here; the keys are bundle",
    "[bundle]": "bundle: is no list of tables; write [[bundle]]",
    "[[bundle]]\nminutes = 10": "bundle[0].name: is missing",
    '[[bundle]]\nname = "Ten"\nminutes = 10': "bundle[0].name: 'Ten' is no name: write small "
    "letters, digits, - and _ (32 at most)",
    TEN * 2: "bundle[1].name: 'ten' is that of bundle[0]",
    '[[bundle]]\nname = "ten"': 'bundle[0]: holds nothing; write minutes = 300 or amount = "5.00"',
    TEN + 'amount = "1"': "bundle[0].amount: stands beside minutes; write one of them, or two "
    "bundles",
    '[[bundle]]\nname = "x"\nminutes = 0': "bundle[0].minutes: is not above 0 and up to 1000000",
    '[[bundle]]\nname = "x"\nminutes = 1000001': "bundle[0].minutes: is not above 0 and up to "
    "1000000",
    '[[bundle]]\nname = "x"\nminutes = 1.5': 'bundle[0].minutes: 1.5 is not like 300 or "300:30"',
    '[[bundle]]\nname = "x"\nminutes = true': 'bundle[0].minutes: True is not like 300 or "300:30"',
    '[[bundle]]\nname = "x"\nminutes = -5': "bundle[0].minutes: '-5' is not like 300 or \"300:30\"",
    '[[bundle]]\nname = "x"\nminutes = "1:60"': "bundle[0].minutes: '1:60' is not like 300 or "
    '"300:30"',
    '[[bundle]]\nname = "x"\namount = 5.00': "bundle[0].amount: 5.0 is no text; write it in "
    "quotation marks",
    '[[bundle]]\nname = "x"\namount = "0"': "bundle[0].amount: is 0: there would be nothing to use",
    '[[bundle]]\nname = "x"\namount = "-1"': "bundle[0].amount: is not from 0 to 1000000",
    TEN + 'currency = "euro"': "bundle[0].currency: unknown currency 'euro'; use an ISO 4217 code "
    "such as EUR",
    TEN + 'zone = "Berlin"': "bundle[0].zone: unknown time zone 'Berlin'; use an IANA name such as "
    "Europe/Berlin",
    TEN + 'title = ""': "bundle[0].title: is empty, longer than 80 or holds control characters",
    TEN + 'prefixes = ["49x"]': "bundle[0].prefixes: '49x' is not 1 to 15 digits",
    TEN + 'prefixes = ["49", "+49"]': "bundle[0].prefixes: '49' stands twice",
    TEN + "prefixes = [49]": "bundle[0].prefixes: 49 is no text; write it in quotation marks",
    TEN + 'bands = ["mon"]': "bundle[0].bands: is no list of tables; write [[bands]]",
    TEN + 'bands = [{ day = "mon" }]': "bundle[0].bands[0].day: is no key here; the keys are days, "
    "hours, months, month_days, years, holidays",
    TEN + 'bands = [{ days = "monday" }]': "bundle[0].bands[0]: days 'monday': 'monday' is not a "
    "day or range; write mon-fri or sat,sun",
    TEN + 'bands = [{ days = "mon" }, { hours = 8 }]': "bundle[0].bands[1].hours: 8 is no text; "
    "write it in quotation marks",
    TEN + 'bands = [{ hours = "8-18" }]': "bundle[0].bands[0]: hours '8-18' are not like "
    "08:00-18:00",
    TEN + "bands = [{ }]": "bundle[0].bands[0]: says nothing; write days, hours, months, "
    "month_days, years or holidays",
    TEN + 'bands = [{ holidays = "only moon" }]': "bundle[0].bands[0]: there is no holiday "
    "calendar 'moon'; declare it as [[holidays]] in the configuration",
    TEN + "increment = 0": "bundle[0].increment: is 0; write at least 1",
    TEN + "increment = 601": "bundle[0].increment: is longer than all the minutes: none could be "
    "used",
    TEN + 'increment = "60"': "bundle[0].increment: '60' is not a whole number from 0 to 3600",
    TEN + "priority = -1": "bundle[0].priority: -1 is not a whole number from 0 to 999",
    TEN + 'renewal = "weekly"': "bundle[0].renewal: 'weekly' is not one of: never, monthly",
    TEN + 'covers_fees = "no"': "bundle[0].covers_fees: is neither true nor false",
    TEN + 'tariff = "dawn"': "bundle[0].tariff: there is no tariff 'dawn'; import it first",
    TEN + 'tariff = "swiss"': "bundle[0].tariff: 'swiss' is in CHF, not EUR",
    TEN + 'tariff = "evening"\ncovers_fees = true': "bundle[0].covers_fees: stands beside tariff, "
    "whose connect fee is due",
    TEN + 'tariff = "evening"\nexclusive = true': f"bundle[0].exclusive: stands beside tariff: "
    f"{UNPAID}",
    TEN + "covers_fees = false\nexclusive = true": "bundle[0].exclusive: stands beside "
    f"covers_fees = false: {UNPAID}",
    TEN + "exclusive = 1": "bundle[0].exclusive: is neither true nor false",
    FIVE + "increment = 60": "bundle[0].increment: says something of minutes; the bundle has an "
    "amount",
    FIVE + 'tariff = "evening"': "bundle[0].tariff: says something of minutes; the bundle has an "
    "amount",
    FIVE + "covers_fees = true": "bundle[0].covers_fees: says something of minutes; the bundle has "
    "an amount",
}


@pytest.mark.parametrize(("text", "problem"), WRONG.items(), ids=lambda text: text[-40:])
def test_a_mistake_is_named_by_its_place(text: str, problem: str) -> None:
    found = problems(text)

    assert problem in found
    assert len(found) == 1 or text.startswith("bundles") or "day =" in text or "hours = 8 " in text


def test_all_mistakes_are_named_at_once() -> None:
    text = TEN + 'zone = "x"\nincrement = 0\n' + FIVE + 'currency = "x"\n'
    assert [each.partition(":")[0] for each in problems(text)] == [
        "bundle[0].zone",
        "bundle[0].increment",
        "bundle[1].currency",
    ]
