"""Tariffs on the command line: sheets of others, dry runs, diff, check, copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from tests.fakes.workbook import a_workbook
from tests.unit.cli.test_commands import CONFIG

HEADER = "prefix,destination,connect_fee,price_per_minute,first_increment,next_increment\n"
TARIFF = HEADER + "49,Germany,0,0.06,60,1\n41,Switzerland,0,0.10,60,1\n"
SHEET = "Vorwahl;Ziel;Preis/Min. (EUR);Taktung\n+49;Deutschland;0,07;60/1\n43-44;Fern;0,5;1/1\n"
UNNAMED = "9375;Afghanistan - Mobile;TEST;0;0;2137;2778\n9370;Afghanistan;TEST;0;0;1944;2527\n"
MAPPING = """\
delimiter = ";"
header = false
[prefix]
column = 1
[destination]
columns = [2]
[price]
column = 7
divide_by = 10000
[increments]
value = "60/60"
"""


class Shop:
    """A command line with books that hold one tariff."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "config.toml").write_text(CONFIG)
        self.put("tariff.csv", TARIFF)
        self.must("migrate")
        self.must("tariff", "import", self.path("tariff.csv"), "--apply")

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def put(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def run(self, *arguments: str) -> Result:
        config = str(self.folder / "config.toml")
        return CliRunner().invoke(app, [*arguments, "--config", config])

    def must(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.exit_code == 0, done.output
        return done.output

    def versions(self) -> list[tuple[str, int, int]]:
        listed = json.loads(self.must("tariff", "list", "--json"))
        return [(each["name"], each["version"], each["rates"]) for each in listed]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_sheet_of_others_is_read_compared_and_told(shop: Shop) -> None:
    told = shop.must("tariff", "import", shop.put("sheet.csv", SHEET)).splitlines()
    assert told == [
        "read     text in utf-8, parted by semicolons",
        'read     prefix from column 1 "Vorwahl"',
        'read     price from column 3 "Preis/Min. (EUR)"',
        'read     increments from column 4 "Taktung"',
        'read     destination from column 2 "Ziel"',
        "read     prices are for a minute, decimal ','",
        "read     connect fee 0 for all",
        "read     currency EUR for all",
        "new      43 Fern 0.50/min 1/1",
        "new      44 Fern 0.50/min 1/1",
        "changed  49 Germany 0.06/min 60/1 -> 49 Deutschland 0.07/min 60/1",
        "ended    41 Switzerland 0.10/min 60/1",
        "missing  41 Switzerland: its numbers have no rate any more",
        "no call of the last 30 days was rated by retail",
        "2 new, 1 changed, 1 ended, 1 missing prefixes; this was a dry run, add --apply to do it",
    ]
    assert shop.versions() == [("retail", 1, 2)]
    shop.must("tariff", "import", shop.path("sheet.csv"), "--apply")
    assert shop.versions() == [("retail", 1, 2), ("retail", 2, 3)]


def test_jumps_are_shown_above_the_percentage_that_is_asked_for(shop: Shop) -> None:
    dearer = shop.put("dearer.csv", TARIFF.replace("0.06", "0.07").replace("0.10", "0.30"))
    assert "jump     Switzerland: 0.30 -> 0.90 for 180 s, +200 % (41)" in shop.must(
        "tariff", "import", dearer
    )
    assert "Germany: " not in shop.must("tariff", "import", dearer)
    assert "jump     Germany: 0.18 -> 0.21 for 180 s, +17 % (49)" in shop.must(
        "tariff", "import", dearer, "--jump", "10"
    )


def test_json_has_every_line_and_text_twenty(shop: Shop) -> None:
    lines = "".join(f"4{number},Place {number},0,1,1,1\n" for number in range(1000, 1050))
    file = shop.put("long.csv", TARIFF + lines)
    assert shop.must("tariff", "import", file).count("\nnew ") + 1 == 20
    assert "… and 30 more new; --json lists all" in shop.must("tariff", "import", file)
    answer = json.loads(shop.must("tariff", "import", file, "--json"))
    assert len(answer["new"]) == answer["counts"]["new"] == 50


def test_a_sheet_without_names_is_read_by_a_mapping(shop: Shop) -> None:
    file = shop.put("unnamed.csv", UNNAMED)
    refused = shop.run("tariff", "import", file, "--increments", "60/60")
    assert refused.exit_code == 1
    assert "price may be column 6 or 7" in refused.output
    shown = shop.must("tariff", "import", file, "--show-mapping")
    assert "column = 6\n# or column = 7\n" in shown
    mapping = shop.put("mapping.toml", MAPPING)
    told = shop.must("tariff", "import", file, "--mapping", mapping)
    assert "new      9375 Afghanistan - Mobile 0.2778/min 60/60" in told
    assert "prices are for a minute, in 1/10000 of the main unit, decimal '.'" in told


def test_every_mistake_of_a_mapping_is_told_with_its_file(shop: Shop) -> None:
    mapping = shop.put("mapping.toml", MAPPING.replace("column = 7", "colum = 7"))
    refused = shop.run("tariff", "import", shop.put("a.csv", UNNAMED), "--mapping", mapping)
    assert refused.exit_code == 2
    assert f"{mapping}: price.colum: is no key here" in refused.output
    assert f"{mapping}: price.column: is missing" in refused.output


def test_prefixes_may_come_from_a_list_beside_the_mapping(shop: Shop) -> None:
    mapping = shop.put("mapping.toml", MAPPING.replace("column = 1", 'destinations = "list.csv"'))
    shop.put(
        "list.csv", "destination;prefix\nAfghanistan - Mobile;9375\nAFGHANISTAN;93, 9370-9371\n"
    )
    told = shop.must("tariff", "import", shop.put("a.csv", UNNAMED), "--mapping", mapping)
    for prefix in ("9375", "93", "9370", "9371"):
        assert f"new      {prefix} Afghanistan" in told


def test_a_workbook_is_read_by_its_sheet(shop: Shop) -> None:
    rows: list[list[str | float | None]] = [
        ["Price list"],
        ["Code", "Destination", "Rate", "Increment"],
        [49, "Germany", 0.07, "60/1"],
        [None],
        ["x43", "Austria", 0.07, "60/1"],
    ]
    book = shop.put("book.xlsx", a_workbook({"Terms": [["none"]], "Rates": rows}))
    refused = shop.run("tariff", "import", book, "--sheet", "Rates")
    assert refused.exit_code == 1
    assert "line 5: prefix 'x43' is not 1 to 15 digits" in refused.output
    rows[4][0] = 43
    book = shop.put("book.xlsx", a_workbook({"Terms": [["none"]], "Rates": rows}))
    told = shop.must("tariff", "import", book, "--sheet", "Rates")
    assert "read     sheet 'Rates' of the workbook" in told
    assert "new      43 Austria 0.07/min 60/1" in told
    assert shop.run("tariff", "import", book, "--sheet", "X").exit_code == 1


def test_a_workbook_of_our_own_columns_is_a_tariff_file(shop: Shop) -> None:
    rows: list[list[str | float | None]] = [
        [None],
        list(HEADER.strip().split(",")),
        [49, "Germany", 0, 0.06, 60, 1],
        [41, "Switzerland", 0, 0.1, 60, 0],
    ]
    refused = shop.run("tariff", "import", shop.put("book.xlsx", a_workbook({"a": rows})))
    assert "line 4: next_increment '0' is not a whole number" in refused.output
    rows[3][5] = 1
    told = shop.must("tariff", "import", shop.put("book.xlsx", a_workbook({"a": rows})))
    assert "nothing to do: version 1 says the same" in told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--currency", "CHF"), "--currency says CHF, the sheet EUR; nothing is converted"),
        (("--sheet", "x"), "--sheet names a sheet of a workbook, but"),
        (("--increments", "60"), "'60' is not like 60/1"),
        (("--mapping", "no.toml"), "no.toml cannot be read"),
        (("--traffic-of", "x"), "no tariff 'x' whose calls could be priced anew"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    shop: Shop, arguments: tuple[str, ...], why: str
) -> None:
    refused = shop.run("tariff", "import", shop.put("sheet.csv", SHEET), *arguments)
    assert refused.exit_code != 0
    assert why in " ".join(refused.output.split())


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("49;a;0,1;0/1", "line 2: first_increment '0' is not a whole number of seconds from 1"),
        ("49;a;-0,1;1/1", "line 2: price_per_minute -0.1 is negative"),
        ("49a;a;0,1;1/1", "line 2: prefix '49a' is not 1 to 15 digits"),
        ("49;;0,1;1/1", "line 2: destination is empty"),
        ("49;a;0,1;1/1\n49;a;0,2;1/1", "line 3: prefix 49 stands with the same days and hours in"),
        ("49;a;;1/1", "line 2: price is empty"),
    ],
)
def test_bad_lines_are_refused_with_their_place(shop: Shop, line: str, why: str) -> None:
    file = shop.put("bad.csv", "Vorwahl;Ziel;Preis;Taktung\n" + line + "\n")
    refused = shop.run("tariff", "import", file, "--apply")
    assert refused.exit_code == 1
    assert f"{file}: {why}" in refused.output
    assert shop.versions() == [("retail", 1, 2)]


def test_a_sheet_with_one_day_to_come_begins_on_it(shop: Shop) -> None:
    file = shop.put(
        "a.csv", "Code,Destination,Rate,Increment,Effective date\n49,D,1,1,01.02.2031\n"
    )
    shop.must("tariff", "import", file, "--apply")
    assert "2031-02-01 00:00:00" in shop.must("tariff", "list")


def test_diff_tells_what_differs_between_two_versions(shop: Shop) -> None:
    lonely = shop.run("tariff", "diff", "retail")
    assert "tariff retail has no version before 1" in lonely.output
    shop.must("tariff", "import", shop.put("sheet.csv", SHEET), "--apply")
    found = shop.run("tariff", "diff", "retail")
    assert found.exit_code == 1
    assert "version 1 to 2: 2 new, 1 changed, 1 ended, 1 missing prefixes" in found.output
    back = shop.run("tariff", "diff", "retail", "--from", "2", "--to", "1", "--json")
    assert json.loads(back.output)["counts"]["new"] == 1
    assert shop.run("tariff", "diff", "retail", "--from", "1", "--to", "1").exit_code == 0
    assert (
        "has no version 7; it has: 1, 2" in shop.run("tariff", "diff", "retail", "--to", "7").output
    )


def test_check_tells_what_is_odd_about_a_tariff_or_a_file(shop: Shop) -> None:
    assert "2 rates, nothing odd" in shop.must("tariff", "check", "retail")
    odd = shop.put(
        "odd.csv", TARIFF + "49151,Mobile,0,60.00,60,1\n999,Nobody,0,1,1,1\n4420,UK,0,1,1,1\n"
    )
    found = shop.run("tariff", "check", odd)
    assert found.exit_code == 1
    for text in (
        "odd      999 Nobody 1.00/min 1/1: no country code begins like this",
        "jump     from the prefix above to Mobile: 0.18 -> 180.00 for 180 s, +99900 % (49151)",
        "gaps     some numbers have no rate in: 44",
        "5 rates, 3 odd",
    ):
        assert text in found.output
    assert (
        "line 2"
        in shop.run("tariff", "check", shop.put("bad.csv", HEADER + "x,a,0,1,1,1\n")).output
    )
    assert (
        "'nothing' is neither a file nor such a tariff"
        in shop.run("tariff", "check", "nothing").output
    )
    sheet = shop.put("sheet.csv", SHEET)
    assert json.loads(shop.run("tariff", "check", sheet, "--json").output)["rates"] == 3


def test_copy_makes_another_tariff_dearer_by_so_many_per_cent(shop: Shop) -> None:
    dry = shop.must("tariff", "copy", "retail", "hotel", "--markup", "12.5")
    assert "new      49 Germany 0.0675/min 60/1" in dry
    assert "no call of the last 30 days was rated by retail" in dry
    assert shop.versions() == [("retail", 1, 2)]
    shop.must("tariff", "copy", "retail", "hotel", "--markup", "12.5", "--apply")
    assert shop.versions() == [("hotel", 1, 2), ("retail", 1, 2)]
    again = shop.must("tariff", "copy", "retail", "hotel", "--markup", "12.5", "--apply")
    assert "nothing to do: version 1 says the same" in again
    assert "no such tariff 'x'" in shop.run("tariff", "copy", "x", "y").output
    assert "is not per cent" in shop.run("tariff", "copy", "retail", "y", "--markup", "x").output


def test_what_is_exported_is_imported_as_it_was(shop: Shop) -> None:
    exported = shop.put("again.csv", shop.must("tariff", "export", "retail"))
    assert "nothing to do" in shop.must("tariff", "import", exported)
