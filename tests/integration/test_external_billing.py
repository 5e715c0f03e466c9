"""docs/external-billing.md against the real service: every example is run by curl, in order, and
what is shown of its answer holds; a receiver hears of it; a kill between two equal requests.
"""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration import program
from tests.unit.cli.test_commands import CONFIG, TARIFF

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]
ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "external-billing.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
SECRET = "webhook-secret-of-the-tests"
WITHIN_S = 30


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what it is told."""

    told: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append((self.headers["Rtbill-Signature"], body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_words: Any) -> None:
        """Nothing."""


@contextmanager
def a_receiver() -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    told: list[tuple[str, bytes]] = []
    handler = type("Told", (Receiver,), {"told": told})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, told
        server.shutdown()
        thread.join()


class House:
    """A folder with the configuration of the document, and the service that reads it."""

    service: program.Process

    def __init__(self, folder: Path, receiver: int) -> None:
        self.folder = folder
        self.port = a_free_port()
        toml = next(text for kind, text in blocks() if kind == "toml")
        toml = toml.replace("9466", str(self.port)).replace("9467", str(receiver))
        (folder / "config.toml").write_text(CONFIG + toml)
        for name, secret in (("api-token-billing", "t" * 43), ("webhook-secret", SECRET)):
            (folder / name).write_text(secret)
            (folder / name).chmod(0o400)
        (folder / "retail.csv").write_text(TARIFF)
        tariff = ("--name", "retail", "--from", "2026-01-01", "--apply")
        self.rtbill("tariff", "import", str(folder / "retail.csv"), *tariff)

    @property
    def environ(self) -> dict[str, str]:
        """What the examples find."""
        url = f"http://127.0.0.1:{self.port}"
        return os.environ | {"RTBILL": url, "TOKEN": "t" * 43, "PYTHONPATH": str(ROOT)}

    def command(self, *words: str) -> list[str]:
        config = str(self.folder / "config.toml")
        return [*words, "--config", config]

    def rtbill(self, *words: str) -> str:
        done = program.run(self.command(*words), self.environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[program.Process]:
        with (self.folder / "service.log").open("ab") as log:
            command = self.command("run", "--view", "none")
            service = program.forked(command, log, environment=self.environ)
        try:
            self.service = service
            until(self.is_ready, (self.folder / "service.log").read_text)
            yield service
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(WITHIN_S)

    def is_ready(self) -> bool:
        try:
            return self.ask("GET", "/v1/openapi.json").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, method: str, path: str, **words: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.environ['TOKEN']}"} | words.pop("headers", {})
        return httpx.request(method, self.environ["RTBILL"] + path, headers=headers, **words)


def a_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def until(holds: Callable[[], bool], why: Callable[[], str] = str) -> None:
    ends = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < ends, why()
        time.sleep(0.05)


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall(DOCUMENT)


def without_instants(value: object) -> object:
    return json.loads(INSTANT.sub("an instant", json.dumps(value)))


def credited(told: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
    """Events of money."""
    events = [json.loads(body) for _, body in told]
    return [each for each in events if each["type"] == "account.credited"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[House, list[tuple[str, bytes]]]]:
    with a_receiver() as (port, told):
        house = House(tmp_path, port)
        with house.serving():
            yield house, told


def test_every_example_does_what_is_shown_and_is_told(
    house: tuple[House, list[tuple[str, bytes]]],
) -> None:
    served, told = house
    answer: object = None
    run = shown = 0
    for kind, text in blocks():
        if kind == "sh" and "curl" in text:
            done = subprocess.run(
                ["sh", "-c", text], env=served.environ, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
            answer = json.loads(done.stdout)
            run += 1
        elif kind == "json" and answer is not None and "evt_" not in text:
            assert without_instants(answer) == without_instants(json.loads(text))
            answer = None
            shown += 1
    assert (run, shown) == (10, 3)
    served.rtbill("verify")
    log = (served.folder / "service.log").read_text()
    assert "postCredit by token billing" in log
    assert served.environ["TOKEN"] not in log
    assert SECRET not in log

    until(lambda: len(credited(told)) == 3)
    events = credited(told)
    assert [each["data"]["amount"] for each in events] == ["20.00", "-5.00", "10.00"]
    example = next(json.loads(text) for kind, text in blocks() if "evt_" in text)
    assert events[0].keys() == example.keys()
    for header, body in told:
        instant, mark = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", header).groups()  # type: ignore[union-attr]
        assert abs(int(instant) - datetime.now(UTC).timestamp()) < 60  # noqa: TID251 - the service's
        signed = f"{instant}.".encode() + body
        assert hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest() == mark


def test_a_kill_between_two_equal_requests_posts_once(
    house: tuple[House, list[tuple[str, bytes]]],
) -> None:
    served, told = house
    terms = {"name": "Lena", "kind": "prepaid", "currency": "EUR"}
    assert served.ask("PUT", "/v1/accounts/s1001", json=terms).status_code == 201
    credit = {"amount": "20.00", "currency": "EUR", "reason": "cash"}
    words: dict[str, Any] = {"json": credit, "headers": {"Idempotency-Key": "receipt-1"}}
    first = served.ask("POST", "/v1/accounts/s1001/credits", **words)
    seen = served.ask("GET", "/v1/accounts/s1001").json()
    report = {"balance": "30.00", "currency": "EUR", "as_of": seen["as_of"]}
    reported = served.ask("PUT", "/v1/accounts/s1001/balance", json=report)
    served.service.send_signal(signal.SIGKILL)
    served.service.wait(WITHIN_S)
    with served.serving():
        again = served.ask("POST", "/v1/accounts/s1001/credits", **words)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        same = served.ask("PUT", "/v1/accounts/s1001/balance", json=report)
        assert same.json() == reported.json()
        assert served.ask("GET", "/v1/accounts/s1001").json()["balance"] == "30.00"
        until(lambda: len({each["id"] for each in credited(told)}) == 2)
