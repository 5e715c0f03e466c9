"""A provider's WSDL: read from files, never from the network, and compared with a mapping.

zeep reads the WSDL and writes each question by it. It would follow an import to any address; here a
file is read only when it lies in the WSDL's own folder. Every mistake of a mapping that can be seen
in the WSDL is found at start-up: a trial message is made of each act, and each place that is read
must be one that the answer can have.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import zeep
from zeep.exceptions import DTDForbidden, ExternalReferenceForbidden
from zeep.exceptions import Error as ZeepError
from zeep.wsdl import Document
from zeep.wsdl.bindings.soap import SoapBinding
from zeep.xsd import Any as AnyElement

from payments.cashless_mapping import ActMapping, CashlessMapping, ListMapping, Place
from rtbill.domain.errors import ConfigError, Refused

CAREFUL = zeep.Settings(
    strict=True,
    forbid_dtd=True,
    forbid_entities=True,
    forbid_external=True,
    xml_huge_tree=False,
    force_https=False,
    raw_response=True,
)
"""For what is read: no document type, no entity, nothing from elsewhere. `force_https` would change
an address; whether it may be plain HTTP is decided by `soap_client.py`.
"""
FILE_BYTES_MAX = 4 << 20
OPEN_TIMEOUT_S = 30
_SAMPLES = {"amount": 1, "currency": "EUR", "since": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class SoapService:
    """A port of a service whose WSDL has been read."""

    document: Document
    binding: SoapBinding


class NoFiles:
    """Where an answer looks for more: there is nothing."""

    def load(self, url: str) -> bytes:
        """Raises Refused."""
        raise Refused(f"an answer wants {url[:200]!r} to be read; nothing is read for it")


class _Folder:
    """Files of one folder and those below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def load(self, url: str) -> bytes:
        """The content; Refused for an address, for a file elsewhere and for one too long."""
        parts = urlparse(url)
        if parts.scheme not in ("", "file") or parts.netloc:
            raise Refused(_foreign(url))
        path = Path(unquote(parts.path)).resolve()
        if not path.is_relative_to(self._folder):
            raise Refused(f"imports {url!r}, which lies outside {self._folder}; put it there")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise Refused(f"has a file {path} of more than {FILE_BYTES_MAX} bytes; shorten it")
        return content


async def open_service(mapping: CashlessMapping) -> SoapService:
    """The service of a mapping, read in a thread; ConfigError says what does not fit the WSDL."""
    async with asyncio.timeout(OPEN_TIMEOUT_S):
        return await asyncio.to_thread(_read, mapping)


def _read(mapping: CashlessMapping) -> SoapService:
    document = _document(mapping.wsdl)
    binding = _binding(document, mapping)
    problems: list[str] = []
    for act, mapped in mapping.acts.items():
        problems += [f"{act}.{text}" for text in _act_problems(binding, mapped, mapping.currency)]
    if problems:
        raise ConfigError([f"{mapping.wsdl.name}: {each}" for each in problems])
    return SoapService(document, binding)


def _document(path: Path) -> Document:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            location, files = str(path.resolve()), _Folder(path.parent)
            # zeep's annotation asks for the class of a transport; an object is what it uses.
            return Document(location, files, settings=CAREFUL)  # type: ignore[arg-type]
    except OSError as error:
        text = f"{error.filename}: cannot be read: {error.strerror}; put the WSDL there"
        raise ConfigError([f"{path.name}: {text}"]) from error
    except ExternalReferenceForbidden as error:
        raise ConfigError([f"{path.name}: {_foreign(str(error.url))}"]) from error
    except DTDForbidden as error:
        text = "brings a document type, which is never read; take it out of the file"
        raise ConfigError([f"{path.name}: {text}"]) from error
    except (ZeepError, Refused) as error:
        raise ConfigError([f"{path.name}: {_first_line(error)}"]) from error
    except (LookupError, TypeError, ValueError, AttributeError, NotImplementedError, Warning) as no:
        text = f"is no WSDL that can be used ({type(no).__name__}: {_first_line(no)}); correct it"
        raise ConfigError([f"{path.name}: {text}"]) from no


def _binding(document: Document, mapping: CashlessMapping) -> SoapBinding:
    services: Mapping[str, Any] = document.services
    name = mapping.wsdl.name
    if mapping.service not in services:
        known = ", ".join(services) or "none"
        raise ConfigError([f"{name}: service {mapping.service!r} is not there; it has {known}"])
    ports: Mapping[str, Any] = services[mapping.service].ports
    if mapping.port not in ports:
        known = ", ".join(ports) or "none"
        raise ConfigError([f"{name}: port {mapping.port!r} is not there; it has {known}"])
    binding = ports[mapping.port].binding
    if not isinstance(binding, SoapBinding):
        text = f"port {mapping.port!r} is not bound to SOAP; name one that is"
        raise ConfigError([f"{name}: {text}"])
    return binding


def _act_problems(binding: SoapBinding, act: ActMapping, currency: str) -> list[str]:
    operations: Mapping[str, Any] = binding.all()
    if act.operation not in operations:
        known = ", ".join(operations)
        return [f"operation: {act.operation!r} is not there; it has {known}"]
    problems = []
    samples = _SAMPLES | ({"currency": currency} if currency else {})
    values: dict[Place, object] = {
        place: samples.get(word, "1") for word, place in act.send.items()
    }
    try:
        operations[act.operation].create(**nested(values | dict(act.fixed)))
    except (ZeepError, LookupError, TypeError, ValueError, AttributeError) as error:
        problems.append(f"send: does not fit {act.operation}: {_first_line(error)}")
    output = operations[act.operation].output
    if output is None or output.body is None:
        return [*problems, f"read: {act.operation} has no answer; name an operation that has one"]
    for word, place in _read_places(act):
        gap = _gap(output.body.type, place)
        if gap:
            problems.append(f"read.{word}: {'.'.join(place)} is not in the answer: {gap}")
    return problems


def _read_places(act: ActMapping) -> list[tuple[str, Place]]:
    if not isinstance(act, ListMapping):
        return list(act.read.items())
    within = [(word, (*act.items, *place)) for word, place in act.read.items()]
    return [*within, ("total", act.total)] if act.total else within


def _gap(kind: Any, place: Place) -> str:  # noqa: ANN401 -- zeep's types have no common base
    """What stands where the place leaves the schema; empty when the answer can have it."""
    if not place:
        return ""
    name = place[0]
    if name.startswith("@"):
        names = [key for key, _ in getattr(kind, "attributes", [])]
        return "" if name[1:] in names else f"the attributes are {', '.join(names) or 'none'}"
    children = dict(getattr(kind, "elements", []))
    if name in children:
        return _gap(children[name].type, place[1:])
    if any(isinstance(each, AnyElement) for each in children.values()):
        return ""
    return f"instead of {name} there is {', '.join(children) or 'nothing'}"


def nested(values: Mapping[Place, object]) -> dict[str, Any]:
    """Values by place as zeep takes them: tables in tables, an attribute by its name, and the text
    of an element that has attributes as `_value_1`.
    """
    tree: dict[str, Any] = {}
    for place, value in sorted(values.items(), key=lambda each: len(each[0]), reverse=True):
        inner = tree
        for name in place[:-1]:
            inner = inner.setdefault(name, {})
        last = place[-1].removeprefix("@")
        if isinstance(inner.get(last), dict):
            inner[last]["_value_1"] = value
        else:
            inner[last] = value
    return tree


def _foreign(url: str) -> str:
    return f"imports {url!r}; put a copy beside the WSDL and import that"


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0][:500]
