"""The OpenAPI 3.1 document, made of the table of operations and of the models of the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from rtbill import __version__
from rtbill.web.models import Problem, Wire
from rtbill.web.operation import Operation
from rtbill.web.problems import KINDS, MEDIA_TYPE

ALWAYS = (401, 403, 422, 429, 500, 503, 504)
"""Statuses of problems that every operation may give."""
WITH_BODY = (413, 415)
KEY_PATTERN = r'^"?[!#-~]{1,64}"?$'
_REF = "#/components/schemas/{model}"
_PARAMETERS = {
    "account": "The account's id.",
    "pbx": "Name of the exchange.",
    "number": "Number of the extension inside the exchange.",
}


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The whole of it."""
    definitions = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        described = _described(operation, definitions)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "rtbill",
            "version": __version__,
            "description": "Real-time control of calls for an existing billing package.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(operations: Sequence[Operation]) -> dict[str, Any]:
    """By the names of the models; bodies as they are read, answers as they are written."""
    read = {each for one in operations for each in (one.body, one.query) if each is not None}
    written = {one.reply for one in operations} | {Problem}
    wanted: list[tuple[type[Wire], Any]] = [(each, "validation") for each in _sorted(read)]
    wanted += [(each, "serialization") for each in _sorted(written)]
    _, found = models_json_schema(wanted, by_alias=True, ref_template=_REF)
    definitions: dict[str, Any] = found["$defs"]
    return definitions


def _sorted(models: set[type[Wire]]) -> list[type[Wire]]:
    return sorted(models, key=lambda each: each.__name__)


def _described(operation: Operation, definitions: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the right `{operation.right}`.",
        "parameters": [*_parameters(operation, definitions)],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(operation.body)}},
        }
    return described


def _parameters(operation: Operation, definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", operation.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS[name],
            "schema": {"type": "string", "minLength": 1},
        }
    if operation.needs_key:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "Yours, new for each credit: the same again is answered as the first.",
            "schema": {"type": "string", "pattern": KEY_PATTERN},
        }
    if operation.query is not None:
        schema = definitions[operation.query.__name__]
        for name, one in schema["properties"].items():
            yield {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "schema": one,
            }


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        str(status): {
            "description": "Done",
            "content": {"application/json": {"schema": _ref(operation.reply)}},
        }
        for status in operation.status
    }
    problems = {*ALWAYS, *operation.replies_also, *(WITH_BODY if operation.body else ())}
    for status in sorted(problems):
        titles = " or: ".join(each.title for each in KINDS if each.status == status)
        content = {MEDIA_TYPE: {"schema": _ref(Problem)}}
        found[str(status)] = {"description": titles, "content": content}
    return found


def _ref(model: type[Wire]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}
