"""Forms as Stripe's clients write them: `metadata[order]=7&expand[0]=customer`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
FIELDS_MAX = 1000


class BadForm(Exception):
    """The form cannot be read; says which field."""


def read_form(text: str) -> dict[str, Any]:
    """The fields as nested dictionaries and lists of text."""
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX):
        written = _NAME.fullmatch(name)
        if written is None:
            raise BadForm(f"Invalid parameter name: {name}")
        keys = [written.group(1), *re.findall(r"\[([^\[\]]*)\]", written.group(2))]
        _put(fields, keys, value, name)
    return {name: _with_lists(value) for name, value in fields.items()}


def _put(fields: dict[str, Any], keys: list[str], value: str, name: str) -> None:
    place = fields
    for key in keys[:-1]:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise BadForm(f"Invalid parameter: {name}")
    last = keys[-1] or str(len(place))
    place[last] = value


def _with_lists(value: Any) -> Any:  # noqa: ANN401 -- text, or a tree of it
    if not isinstance(value, dict):
        return value
    content = {key: _with_lists(each) for key, each in value.items()}
    if content and all(key.isdecimal() for key in content):
        return [content[key] for key in sorted(content, key=int)]
    return content
