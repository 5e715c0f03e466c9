"""`rtbill mail test`: one sentence about what became of a mail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rtbill.cli import app
from tests.fakes.mail_server import MailRoom, a_mail_server, part
from tests.unit.cli.test_commands import CONFIG


class ServedRoom(MailRoom):
    """A mail room whose server runs in a thread of its own."""

    port = 0


@pytest.fixture
def room() -> Iterator[ServedRoom]:
    served, ready, over = ServedRoom(), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with a_mail_server(served) as port:
            served.port = port
            loops.append(asyncio.get_running_loop())
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="mail server")
    thread.start()
    assert ready.wait(10)
    yield served
    loops[0].call_soon_threadsafe(over.set)
    thread.join(10)


def run(folder: Path, port: int, *words: str, table: str = "") -> Result:
    config = folder / "config.toml"
    mail = f'[mail]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    mail += 'sender = "rtbill@example.org"\n'
    config.write_text(CONFIG + (table or mail))
    return CliRunner().invoke(app, ["mail", "test", *words, "--config", str(config)])


def test_a_mail_that_is_taken_is_told_with_what_to_do_if_it_does_not_arrive(
    room: ServedRoom, tmp_path: Path
) -> None:
    done = run(tmp_path, room.port, "lena@example.org", "--language", "de")
    assert done.output == (
        f"mail server 127.0.0.1:{room.port} has taken the mail to lena@example.org; if it does "
        "not arrive, look for one that came back to rtbill@example.org\n"
    )
    assert room.envelopes == [("rtbill@example.org", ["lena@example.org"])]
    assert "Dies ist ein Test." in part(room.mails[0], "plain")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("550 5.1.1 no such user", "550 5.1.1 no such user; correct the address, or ask who runs"),
        ("450 4.2.1 later", "450 4.2.1 later; it may be taken later: try again in some minutes"),
        (
            "554 5.7.1 Relay access denied",
            "it does not pass mail on for us: set mail.username and its password",
        ),
    ],
)
def test_a_refusal_is_told_with_the_remedy(
    room: ServedRoom, tmp_path: Path, answer: str, said: str
) -> None:
    room.by_recipient["lena@example.org"] = answer
    done = run(tmp_path, room.port, "lena@example.org")
    assert done.exit_code == 1
    assert "does not take a mail to lena@example.org: " in done.output
    assert said in done.output
    assert len(done.output.splitlines()) == 1


def test_a_server_that_is_not_there_is_one_sentence(room: ServedRoom, tmp_path: Path) -> None:
    table = (
        '[mail]\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\nsender = "rtbill@example.org"\n'
    )
    done = run(tmp_path, room.port, "lena@example.org", table=table)
    assert done.exit_code == 1
    assert "cannot be reached: " in done.output
    assert "see mail.host and mail.port" in done.output


def test_an_address_that_is_none_is_refused(room: ServedRoom, tmp_path: Path) -> None:
    done = run(tmp_path, room.port, "lena")
    assert done.exit_code == 1
    assert "'lena' is no e-mail address" in done.output


def test_without_a_table_it_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, 1, "lena@example.org", table="\n")
    assert done.exit_code == 1
    assert "the configuration has no [mail] table" in done.output
