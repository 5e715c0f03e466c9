"""Debian's Chromium, unpacked into a folder, without a screen, driven over its DevTools protocol.

The protocol is spoken over two pipes, JSON objects ended by a NUL byte, so no library is needed:
commands go to file descriptor 3 of the browser, answers and events come from 4.
https://chromedevtools.github.io/devtools-protocol/ tells what there is.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.integration import borrowed_servers, debian_packages
from tests.integration.debian_packages import NotAvailable

if TYPE_CHECKING:
    from types import TracebackType

PACKAGES = ("chromium", "fonts-dejavu-core")
PROGRAM = "usr/lib/chromium/chromium"
ANSWER_TIMEOUT_S = 30.0
UNTIL_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update"),
    *("--no-proxy-server", "--remote-debugging-pipe", "about:blank"),
)
FOCUS_MAX = 30
_FOCUSED = """(() => {
  const found = document.activeElement, style = getComputedStyle(found);
  const isSeen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return isSeen ? [found.innerText, found.name].join(" ") : "";
})()"""
_IN_PLACE = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execve(sys.argv[4], sys.argv[4:], os.environ | {'LD_LIBRARY_PATH': sys.argv[3]})
"""
"""Puts the pipes where the browser looks for them, and becomes the browser."""
_FONTS = (
    '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
    "<dir>{root}/usr/share/fonts</dir><cachedir>{cache}</cachedir></fontconfig>"
)
_PLACE = """(() => {
  const found = [...document.querySelectorAll(%s)].find(each => each.innerText.includes(%s));
  if (!found) return null;
  found.scrollIntoView({block: "center", behavior: "instant"});
  const box = found.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
})()"""


def unpack() -> Path:
    """The folder of an unpacked browser; NotAvailable when no suite has one that runs."""
    return borrowed_servers.unpack("chromium", PACKAGES, _finish)


def _finish(root: Path) -> str:
    said = debian_packages.run([str(root / PROGRAM), "--version"], _environment(root, root))
    if not said.startswith("Chromium "):
        raise NotAvailable(f"{PROGRAM} says {said}")
    return said.strip()


def _environment(root: Path, home: Path) -> dict[str, str]:
    """Its processes start one another, so they find their libraries by the environment."""
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    more = [each for each in (libraries / "pulseaudio", libraries / "nss") if each.is_dir()]
    paths = [libraries, root / "lib" / libraries.name, root / "usr/lib", *more]
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LD_LIBRARY_PATH": ":".join(map(str, paths)),
        "FONTCONFIG_FILE": str(home / "fonts.conf"),
    }


@dataclass
class Chromium:
    """A running browser; `async with` starts and stops it."""

    root: Path
    folder: Path
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    async def __aenter__(self) -> Chromium:
        self.folder.mkdir(parents=True, exist_ok=True)
        fonts = _FONTS.format(root=self.root, cache=self.folder / "fonts")
        (self.folder / "fonts.conf").write_text(fonts)
        to_browser, self._commands = os.pipe()
        self._read, from_browser = os.pipe()
        profile = f"--user-data-dir={self.folder / 'profile'}"
        pipes = (to_browser, from_browser)
        environment = _environment(self.root, self.folder)
        with (self.folder / "chromium.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _IN_PLACE, *map(str, pipes)),
                environment.pop("LD_LIBRARY_PATH"),
                *(str(self.root / PROGRAM), profile, *OPTIONS),
                env=environment,
                pass_fds=pipes,
                stdout=log,
                stderr=log,
            )
        os.close(to_browser)
        os.close(from_browser)
        reader = asyncio.StreamReader(limit=1 << 26)
        loop = asyncio.get_running_loop()
        self._pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._read, "rb")
        )
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._hearing = self._tasks.create_task(self._hear(reader), name="chromium")
        await self.ask("Browser.getVersion")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hearing.cancel()
        await self._tasks.__aexit__(None, None, None)
        self._pipe.close()
        os.close(self._commands)
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                message = json.loads((await reader.readuntil(b"\0"))[:-1])
                if "id" in message:
                    waiting = self._answers.pop(message["id"], None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(message)
                else:
                    self.events.append(message)

    async def ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """What a command answers; AssertionError when it fails."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        command = {"id": number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            said = await answer
        assert "error" not in said, f"{method}: {said['error']}"
        result: dict[str, Any] = said["result"]
        return result

    async def tab(self, *, is_scripted: bool = False, language: str = "en") -> Tab:
        """A new tab with cookies of its own; pages run no scripts there, unless they shall."""
        context = (await self.ask("Target.createBrowserContext"))["browserContextId"]
        target = await self.ask("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.ask(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        tab = Tab(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await tab.ask(f"{domain}.enable")
        await tab.ask("Emulation.setScriptExecutionDisabled", value=not is_scripted)
        headers = {"Accept-Language": language}
        await tab.ask("Network.setExtraHTTPHeaders", headers=headers)
        return tab


@dataclass(frozen=True)
class Tab:
    """One page, as somebody sees it and clicks on it."""

    browser: Chromium
    session: str

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """As the browser's."""
        return await self.browser.ask(method, self.session, **parameters)

    async def value(self, expression: str) -> Any:
        """Of an expression about the page, which runs even where the page's own scripts do not."""
        told = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def open(self, url: str) -> None:
        """As if it was typed."""
        await self.ask("Page.navigate", url=url)
        await self.until(urlsplit(url).path)

    async def born(self) -> float:
        """When the page began, which tells it from the next one of the same path."""
        return float(await self.value("performance.timeOrigin"))

    async def until(self, path: str, words: str = "", *, after: float = 0.0) -> None:
        """The page of this path is there, with these words, and is not the one born then;
        AssertionError when it is not.
        """
        seen = text = ""
        try:
            async with asyncio.timeout(UNTIL_TIMEOUT_S):
                while True:
                    with suppress(AssertionError):  # a page that is leaving answers nothing
                        state = "document.readyState === 'complete' ? document.body.innerText : ''"
                        seen = urlsplit(await self.value("location.href")).path
                        text = await self.value(state)
                        is_next = await self.born() > after
                        if is_next and seen == path and text and words in text:
                            return
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise AssertionError(f"{path} with {words!r} does not come; {seen}: {text}") from None

    async def until_host(self, host: str) -> None:
        """A page of this host is there."""
        async with asyncio.timeout(UNTIL_TIMEOUT_S):
            while True:
                with suppress(AssertionError):
                    is_there = await self.value("document.readyState") == "complete"
                    if is_there and await self.value("location.hostname") == host:
                        return
                await asyncio.sleep(POLL_S)

    async def click(self, words: str, kind: str = "a, button, label") -> None:
        """With the mouse, on what bears these words."""
        place = await self.value(_PLACE % (json.dumps(kind), json.dumps(words)))
        assert place is not None, f"nothing to click says {words!r}"
        for event in ("mousePressed", "mouseReleased"):
            await self.ask(
                "Input.dispatchMouseEvent",
                type=event,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    async def type(self, name: str, text: str) -> None:
        """Instead of what stands in the field of this name."""
        await self.value(f"document.querySelector('input[name={name}]').select()")
        await self.ask("Input.insertText", text=text)

    async def key(self, key: str) -> None:
        """Pressed and let go."""
        code = {"Tab": 9, "Enter": 13, " ": 32}[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for event in ("keyDown", "keyUp"):
            await self.ask(
                "Input.dispatchKeyEvent",
                type=event,
                key=key,
                windowsVirtualKeyCode=code,
                **({"text": text} if text and event == "keyDown" else {}),
            )

    async def focus(self, name: str) -> None:
        """Press Tab until what has this text or name has the focus, which must be seen."""
        for _ in range(FOCUS_MAX):
            await self.key("Tab")
            if name in await self.value(_FOCUSED):
                return
        raise AssertionError(f"the Tab key does not come to {name!r}")

    async def look(self, *, width: int = 360, scheme: str = "light") -> None:
        """On a screen this wide, with light or dark colours."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=740,
            deviceScaleFactor=1,
            mobile=width < 700,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.ask("Emulation.setEmulatedMedia", features=features)

    async def picture(self, path: Path) -> None:
        """The whole page as a PNG file."""
        shot = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """What the browser found wrong with pages: blocked by the policy, not found, unsafe."""
        found = [
            each["params"] for each in self.browser.events if each["method"] == "Log.entryAdded"
        ]
        return [each["entry"]["text"] for each in found]
