"""Loading the site's hook: what is refused at the start, each with its key and its remedy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rtbill.alarms import Alarms
from rtbill.app.hook_file import Complaints, load_hook, site_hook
from rtbill.domain.adjustment import Bounds
from rtbill.domain.errors import ConfigError
from rtbill.pricing.site_hook import NOBODY, SiteHook
from rtbill.rating.chain import Asked
from tests.fakes.config_file import GOOD, load, problems
from tests.fakes.environment import NOON, ManualClock

HOOK = GOOD.replace('tariff = "germany"', 'tariff = "germany"\nhook = "mysite:adjust"')
SITE = '''
from __future__ import annotations
from dataclasses import dataclass
from rooms import HALVED
from rtbill.hook import Adjustment, Call

@dataclass
class Room:
    """A class of the site's own, whose annotations are looked up in its module."""
    name: str

def adjust(call: Call) -> Adjustment | None:
    half = Adjustment(percent=-50, reason=Room("Half price").name)
    return half if call.account in HALVED else None
'''
EXAMPLE = Path(__file__).parents[3] / "examples" / "rating_hook.py"


def write(folder: Path, source: str = SITE, config: str = HOOK) -> None:
    (folder / "mysite.py").write_text(source)
    (folder / "rooms.py").write_text('HALVED = {"room-1"}\n')
    (folder / "config.toml").write_text(config)


def loaded(folder: Path, source: str = SITE, config: str = HOOK) -> SiteHook:
    write(folder, source, config)
    clock = ManualClock()
    hook = site_hook(load(folder, config), clock, Alarms(clock))
    assert hook is not None
    return hook


def reason(hook: SiteHook, account: str) -> str | None:
    found = hook.ask(
        Asked("+49301234567", NOON, account, "hall"),
        NOBODY,
        trunk="carrier",
        account_class="standard",
        price_list="germany",
        check_list=lambda _: None,
    )
    return found.reason if found else None


def refusal(folder: Path, source: str, config: str = HOOK) -> str:
    write(folder, source, config)
    with pytest.raises(ConfigError) as caught:
        load_hook(load(folder, config))
    return str(caught.value)


def test_a_site_without_a_hook_has_none(tmp_path: Path) -> None:
    assert load_hook(load(tmp_path)) is None


def test_the_function_is_found_beside_the_configuration_with_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    hook = loaded(tmp_path)

    assert [reason(hook, account) for account in ("room-1", "room-2")] == ["Half price", None]


def test_another_folder_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "mysite.py").write_text("def adjust(call): return None\n")
    config = HOOK.replace('mysite:adjust"', 'mysite:adjust"\nhook_path = "hooks"')

    found = load_hook(load(tmp_path, config))

    assert found is not None
    assert found.name == "mysite:adjust"


def test_bounds_and_slowness_come_from_the_configuration(tmp_path: Path) -> None:
    bounds = """hook_slow_ms = 25
[rating.hook_bounds]
percent = "12.5"
per_minute = "0.02"
per_call = "0.000001"
price_lists = ["night"]
"""
    config = HOOK.replace('mysite:adjust"', f'mysite:adjust"\n{bounds}')
    write(tmp_path, "def adjust(call): return None\n", config)

    found = load_hook(load(tmp_path, config))

    assert found is not None
    assert found.slow_s == 0.025
    assert found.bounds == Bounds(
        percent_ppm=125_000, per_minute_micros=20_000, per_call_micros=1, price_lists=("night",)
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def adjust(call:\n", "mysite.py cannot be imported: line 1: SyntaxError: "),
        ("import nowhere\n", "mysite.py cannot be imported: ModuleNotFoundError: No module named"),
        ("raise SystemExit(1)\n", "mysite.py cannot be imported: SystemExit: 1"),
        (
            "def adjst(call): return None\ndef other(call): return None\n",
            "mysite.py has no function 'adjust'; its functions: adjst, other",
        ),
        ("adjust = 5\n", "'adjust' in "),
        ("async def adjust(call): return None\n", "must be a plain function, no async, no yield"),
        ("def adjust(call): yield None\n", "must be a plain function, no async, no yield"),
        ("def adjust(): return None\n", "must take the call alone: too many positional arguments"),
        ("def adjust(call, more): return None\n", "must take the call alone: missing a required"),
    ],
)
def test_a_hook_that_cannot_be_asked_is_refused_at_the_start(
    tmp_path: Path, source: str, said: str
) -> None:
    text = refusal(tmp_path, source)

    assert text.startswith("rating.hook: ")
    assert said in text


def test_a_file_that_is_not_there_is_named_with_the_key_of_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_hook(load(tmp_path, HOOK))

    assert str(caught.value) == (
        f"rating.hook: {tmp_path}/mysite.py cannot be read: No such file or directory; "
        "rating.hook_path names its folder"
    )


def test_a_file_that_anybody_may_change_is_not_run(tmp_path: Path) -> None:
    write(tmp_path, "raise AssertionError('it was run')\n")
    (tmp_path / "mysite.py").chmod(0o666)

    with pytest.raises(ConfigError, match=r"may be changed by anybody; run: chmod o-w "):
        load_hook(load(tmp_path, HOOK))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ('hook = "mysite"', "rating.hook: 'mysite' is not a module and a function in it"),
        ('hook = "my.site:adjust"', "rating.hook: 'my.site:adjust' is not a module"),
        ("hook_slow_ms = 0", "rating.hook_slow_ms: Input should be greater than or equal to 1"),
        ('hook_bounds.percent = "1000.1"', "rating.hook_bounds.percent: '1000.1' is not per cent"),
        ('hook_bounds.percent = "0.00001"', "rating.hook_bounds.percent: '0.00001' is not per"),
        ('hook_bounds.per_call = "-1"', "rating.hook_bounds.per_call: '-1' is below zero"),
        ('hook_bounds.price_lists = ["A"]', "rating.hook_bounds.price_lists[0]: 'A' is not a name"),
        ("hook_bounds.per_hour = 1", "rating.hook_bounds.per_hour: unknown key"),
    ],
)
def test_keys_about_the_hook_are_checked(tmp_path: Path, wrong: str, problem: str) -> None:
    config = GOOD.replace('tariff = "germany"', f'tariff = "germany"\n{wrong}')

    assert [each for each in problems(tmp_path, config) if each.startswith(problem)]


def test_another_text_of_the_file_is_another_edition(tmp_path: Path) -> None:
    first = loaded(tmp_path, "def adjust(call): return None\n").edition
    same = loaded(tmp_path, "def adjust(call): return None\n").edition
    other = loaded(tmp_path, "def adjust(call): return None  # changed\n").edition

    assert first == same
    assert first != other


def test_the_example_does_what_it_says(tmp_path: Path) -> None:
    bounds = '[rating.hook_bounds]\nper_call = "0.10"\n'
    config = HOOK.replace('mysite:adjust"', f'mysite:adjust"\n{bounds}')
    write(tmp_path, EXAMPLE.read_text(), config)
    hook = site_hook(load(tmp_path, config), ManualClock(), complaints := Complaints())
    assert hook is not None

    def said(number: str, account_class: str, day: int, extension: str) -> str | None:
        at = NOON.replace(day=day)  # the 4th of October 2026 is a Sunday
        found = hook.ask(
            Asked(number, at, "room-1", "hall"),
            NOBODY._replace(extension=extension),
            trunk="carrier",
            account_class=account_class,
            price_list="germany",
            check_list=lambda _: None,
        )
        return found.reason if found else None

    assert [
        said("+49301234567", "student", 4, "1990"),
        said("+49301234567", "student", 4, "1001"),
        said("+49301234567", "student", 5, "1001"),
        said("+4915112345678", "office", 4, "1001"),
    ] == ["Lift telephone", "Sunday in the hall", None, "Mobile"]
    assert complaints.texts == []
