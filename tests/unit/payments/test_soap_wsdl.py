"""A WSDL is read from files alone, and a mapping that does not fit it is refused at start-up."""

from __future__ import annotations

import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from payments.cashless_mapping import Act, ActMapping, CashlessMapping, Place
from payments.cashless_table import SHIPPED, read_mapping_file
from payments.soap_wsdl import FILE_BYTES_MAX, nested, open_service
from rtbill.domain.errors import ConfigError
from tests.fakes.cashless import PURSE

IMPORT = '<xsd:import namespace="http://purse.example/2009/types" schemaLocation="types.xsd"/>'

RPC = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" name="Old" targetNamespace="urn:old"
    xmlns:tns="urn:old" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <message name="In">
    <part name="ref" type="xsd:string"/>
    <part name="cents" type="xsd:int"/>
  </message>
  <message name="Out">
    <part name="ref" type="xsd:string"/>
    <part name="cents" type="xsd:int"/>
  </message>
  <portType name="P">
    <operation name="Take"><input message="tns:In"/><output message="tns:Out"/></operation>
  </portType>
  <binding name="B" type="tns:P">
    <soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Take">
      <soap:operation soapAction="urn:old#Take"/>
      <input><soap:body use="literal" namespace="urn:old"/></input>
      <output><soap:body use="literal" namespace="urn:old"/></output>
    </operation>
  </binding>
  <service name="Old">
    <port name="P" binding="tns:B"><soap:address location="https://old.example/"/></port>
  </service>
</definitions>
"""


@pytest.fixture
def purse(tmp_path: Path) -> CashlessMapping:
    """The other provider's files, free to be changed."""
    shutil.copytree(PURSE.parent, tmp_path / "purse")
    return read_mapping_file(tmp_path / "purse" / "purse.toml")


async def told(mapping: CashlessMapping) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        await open_service(mapping)
    return raised.value.problems


def with_act(mapping: CashlessMapping, act: Act, **changes: object) -> CashlessMapping:
    changed = replace(mapping.acts[act], **changes)  # type: ignore[arg-type]
    return replace(mapping, acts={**mapping.acts, act: changed})


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


async def test_both_shapes_fit_their_mappings(purse: CashlessMapping) -> None:
    for mapping in (purse, read_mapping_file(SHIPPED / "cashless.toml")):
        service = await open_service(mapping)
        assert mapping.service in service.document.services


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}/types.xsd", "https://127.0.0.1:{port}/types.xsd"]
)
async def test_an_import_from_the_network_is_refused_and_never_fetched(
    purse: CashlessMapping, address: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = address.format(port=listener.getsockname()[1])
        rewrite(purse.wsdl, "types.xsd", address)
        (problem,) = await told(purse)
        listener.setblocking(False)  # noqa: FBT003 -- its only form
        with pytest.raises(BlockingIOError):  # nobody has connected
            listener.accept()
    wanted = f"purse.wsdl: imports '{address}'; put a copy beside the WSDL and import that"
    assert problem == wanted


@pytest.mark.parametrize(
    ("address", "end"),
    [
        ("file://host/t.xsd", "put a copy beside the WSDL and import that"),
        ("ftp://127.0.0.1/t.xsd", "cannot be read: No such file or directory; put the WSDL there"),
    ],
)
async def test_any_other_address_is_refused_too(
    purse: CashlessMapping, address: str, end: str
) -> None:
    rewrite(purse.wsdl, "types.xsd", address)
    (problem,) = await told(purse)
    assert problem.endswith(end)


@pytest.mark.parametrize("written", ["../types.xsd", "/etc/hostname", "file:///etc/hostname"])
async def test_a_file_outside_the_folder_is_refused(purse: CashlessMapping, written: str) -> None:
    shutil.copy(purse.wsdl.parent / "types.xsd", purse.wsdl.parent.parent)
    rewrite(purse.wsdl, "types.xsd", written)
    (problem,) = await told(purse)
    assert "lies outside" in problem
    assert problem.endswith("put it there")


async def test_a_link_out_of_the_folder_is_refused(purse: CashlessMapping) -> None:
    types = purse.wsdl.parent / "types.xsd"
    moved = types.rename(purse.wsdl.parent.parent / "types.xsd")
    types.symlink_to(moved)
    (problem,) = await told(purse)
    assert "lies outside" in problem


async def test_an_import_that_is_not_there_is_told_by_name(purse: CashlessMapping) -> None:
    (purse.wsdl.parent / "types.xsd").unlink()
    (problem,) = await told(purse)
    assert "types.xsd: cannot be read: No such file or directory; put the WSDL there" in problem


async def test_a_document_type_in_a_wsdl_is_refused(purse: CashlessMapping) -> None:
    types = purse.wsdl.parent / "types.xsd"
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    rewrite(types, '<?xml version="1.0" encoding="UTF-8"?>', bomb)
    (problem,) = await told(purse)
    assert "brings a document type, which is never read" in problem


async def test_a_file_without_end_is_refused(purse: CashlessMapping) -> None:
    with (purse.wsdl.parent / "types.xsd").open("a") as file:
        file.write(" " * FILE_BYTES_MAX)
    (problem,) = await told(purse)
    assert "more than" in problem


@pytest.mark.parametrize(
    "content", ["", "no xml", "<a/>", "<definitions/>", '<x xmlns="http://a/">&b;</x>']
)
async def test_what_is_no_wsdl_is_told_by_name(purse: CashlessMapping, content: str) -> None:
    purse.wsdl.write_text(content)
    (problem,) = await told(purse)
    assert problem.startswith("purse.wsdl: ")


async def test_a_wrong_service_port_or_operation_is_told_with_what_there_is(
    purse: CashlessMapping,
) -> None:
    assert await told(replace(purse, service="Purse")) == [
        "purse.wsdl: service 'Purse' is not there; it has PurseService"
    ]
    assert await told(replace(purse, port="Purse11")) == [
        "purse.wsdl: port 'Purse11' is not there; it has Purse12"
    ]
    assert await told(with_act(purse, Act.VOID, operation="Release")) == [
        "purse.wsdl: void.operation: 'Release' is not there; it has ReserveAmount, CollectAmount, "
        "ReleaseAmount, InquireTrx"
    ]


@pytest.mark.parametrize(
    ("place", "gap"),
    [
        (("Result", "Code"), "Result.Code is not in the answer: instead of Code there is Rc, "),
        (("Amt", "@Cur"), "Amt.@Cur is not in the answer: the attributes are Ccy"),
        (("Head", "TrxNo", "x"), "instead of x there is nothing"),
    ],
)
async def test_a_place_that_the_answer_cannot_have_is_told(
    purse: CashlessMapping, place: Place, gap: str
) -> None:
    read = {**purse.acts[Act.CAPTURE].read, "text": place}
    (problem,) = await told(with_act(purse, Act.CAPTURE, read=read))
    assert problem.startswith("purse.wsdl: capture.read.text: ")
    assert gap in problem


async def test_a_place_that_the_question_cannot_have_is_told(purse: CashlessMapping) -> None:
    send = {**purse.acts[Act.CAPTURE].send, "amount": ("Sum",)}
    (problem,) = await told(with_act(purse, Act.CAPTURE, send=send))
    assert problem.startswith("purse.wsdl: capture.send: does not fit CollectAmount: ")
    assert "'Sum'" in problem


async def test_what_the_provider_wants_and_the_mapping_does_not_send_is_told(
    purse: CashlessMapping,
) -> None:
    (problem,) = await told(with_act(purse, Act.VOID, fixed={}))
    assert "Terminal" in problem


def test_values_by_place_become_tables_in_tables() -> None:
    assert nested({("a", "b"): "1", ("a", "c", "@d"): "2", ("a", "c"): "3", ("e",): "4"}) == {
        "a": {"b": "1", "c": {"d": "2", "_value_1": "3"}},
        "e": "4",
    }


async def test_the_old_style_of_rpc_is_spoken_too(purse: CashlessMapping) -> None:
    purse.wsdl.write_text(RPC)
    places: dict[str, Place] = {"reference": ("ref",), "amount": ("cents",)}
    take = ActMapping(operation="Take", send=places, read=places)
    old = replace(purse, service="Old", port="P", currency="EUR", acts={Act.CAPTURE: take})
    service = await open_service(old)
    sent = service.binding.get("Take").create(ref="1", cents="1250").content
    assert [(each.tag, each.text) for each in sent[0][0]] == [("ref", "1"), ("cents", "1250")]
    assert sent[0][0].tag == "{urn:old}Take"
    wrong = replace(take, read={**places, "state": ("state",)})
    assert await told(replace(old, acts={Act.CAPTURE: wrong})) == [
        "purse.wsdl: capture.read.state: state is not in the answer: instead of state there is "
        "ref, cents"
    ]
