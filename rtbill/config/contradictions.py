"""What two places of the file claim against one another; checked on the raw tables, so that it is
reported together with every other mistake.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


def contradictions(raw: Mapping[str, Any]) -> list[str]:
    """Each as `key: text`."""
    return (
        _repeated(raw)
        + _class_problems(raw)
        + _prefixes_taken_off_twice(raw)
        + _slices_out_of_order(raw)
        + _simulated_money(raw)
    )


def pbx_tables(raw: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, object]]]:
    """Every `[[pbx]]` that is a table at all, with its key path."""
    written = raw.get("pbx")
    for index, table in enumerate(written if isinstance(written, list) else []):
        if isinstance(table, dict):
            yield f"pbx[{index}]", table


def _slices_out_of_order(raw: Mapping[str, Any]) -> list[str]:
    """A shortest slice that is longer than the longest, or longer than any call may be."""
    written = raw.get("credit")
    credit = written if isinstance(written, dict) else {}
    least, most = credit.get("slice_min_s", 10), credit.get("slice_max_s", 60)
    if not (isinstance(least, int) and isinstance(most, int)) or least <= most:
        return []
    return [f"credit.slice_min_s: {least} is above slice_max_s, which is {most}; make it smaller"]


def _simulated_money(raw: Mapping[str, Any]) -> list[str]:
    """Gateways of the demonstration beside an exchange that is none of it: their secrets are known
    to everybody, so whoever has this machine could credit an account, and make real calls with it.
    """
    real = [table for _, table in pbx_tables(raw) if table.get("demo") is not True]
    written = raw.get("gateway")
    if not real:
        return []
    return [
        f"gateway[{index}].demo: its money is simulated, but pbx {real[0].get('name')!r} makes "
        "real calls; remove this [[gateway]], or make it one of a provider"
        for index, table in enumerate(written if isinstance(written, list) else [])
        if isinstance(table, dict) and table.get("demo") is True
    ]


def _repeated(raw: Mapping[str, Any]) -> list[str]:
    """Names that two exchanges, or two trunks of one exchange, claim."""
    problems = []
    tables = list(pbx_tables(raw))
    names = Counter(str(table["name"]) for _, table in tables if "name" in table)
    problems += [f"pbx: two exchanges are named {name!r}" for name, n in names.items() if n > 1]
    for place, table in tables:
        written = table.get("trunk")
        trunks = (
            [each for each in written if isinstance(each, dict)]
            if isinstance(written, list)
            else []
        )
        counted = Counter(str(each.get("name")) for each in trunks)
        problems += [
            f"{place}.trunk: two are named {name!r}" for name, n in counted.items() if n > 1
        ]
    return problems


def _class_problems(raw: Mapping[str, Any]) -> list[str]:
    """Destination classes that claim the same name or beginning."""
    written = raw.get("destination_class")
    tables = (
        [each for each in written if isinstance(each, dict)] if isinstance(written, list) else []
    )
    names = Counter(str(each.get("name")) for each in tables) + Counter(["other"])
    prefixes = Counter(
        str(prefix)
        for each in tables
        if isinstance(each.get("prefixes"), list)
        for prefix in each["prefixes"]
    )
    problems = [
        f"destination_class: two are named {name!r} (other stands for all that is not listed)"
        for name, n in names.items()
        if n > 1
    ]
    return problems + [
        f"destination_class: two hold {prefix}" for prefix, n in prefixes.items() if n > 1
    ]


def _prefixes_taken_off_twice(raw: Mapping[str, Any]) -> list[str]:
    """Outside prefixes that the plain dialplan takes off, and the biller once more."""
    site = raw.get("site")
    written = site.get("outside_prefixes") if isinstance(site, dict) else None
    problems = []
    for place, table in pbx_tables(raw):
        dialplan = table.get("dialplan")
        if not isinstance(dialplan, dict) or dialplan.get("flavour", "plain") != "plain":
            continue
        prefix = dialplan.get("outside_prefix")
        if isinstance(written, list) and prefix in written:
            problems.append(
                f"{place}.dialplan.outside_prefix: {prefix!r} stands in site.outside_prefixes too, "
                "so it would be taken off twice, and a number that begins with it be priced as "
                "another one; the dialplan takes it off: remove it from site.outside_prefixes"
            )
    return problems
