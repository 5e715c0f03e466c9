"""People of the demonstration who buy credit: by links, in a browser without scripts.

    python -m simulator.holders --config config.toml

Nina's card pays whenever her telephone runs low. Aisha's is refused for good; some time after her
telephone was locked she asks for a link, gives another card and pays. Links are asked for on the
biller's command line, as the desk would.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import httpx

START_TIMEOUT_S = 60.0
PAGE_TIMEOUT_S = 30.0
LOOK_S = 4.0
LOCKED_FOR_S = 22.0
"""Long enough to see what a locked telephone does and does not do."""
_FORM = re.compile(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">')
_ONWARD = re.compile(r'<a class="button" href="(http[^"]+)">')
_METHOD = re.compile(r'name="method" value="([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who lets an account buy credit by itself."""

    account: str
    card: str
    """By its name in card_behaviour."""
    below: str
    buys: str
    month_max: str = "100.00"


PEOPLE = (
    Person(account="s1007", card="visa", below="0.10", buys="5.00"),
    Person(account="s1003", card="stolen_card", below="0.15", buys="5.00"),
)
PAYS_WITH = "mastercard"
"""Whoever's own card was refused for good."""


class WentWrong(Exception):
    """A page or a command is not as expected; says which."""


class Browser:
    """Reads pages and sends their forms, with cookies and hidden fields."""

    def __init__(self) -> None:
        self._http = httpx.Client(follow_redirects=True, timeout=PAGE_TIMEOUT_S)
        self._page: httpx.Response | None = None

    def close(self) -> None:
        """Forget everything."""
        self._http.close()

    def read(self, url: str) -> str:
        """The page there, or where it leads."""
        base = self._page.url if self._page is not None else httpx.URL(url)
        return self._seen(self._http.get(base.join(url)))

    def send(self, action: str, **fields: str) -> str:
        """The form of the page that goes to this address."""
        assert self._page is not None
        forms = dict(_FORM.findall(self._page.text))
        if action not in forms:
            raise WentWrong(f"{self._page.url.path} has no form for {action}")
        hidden = {name: unescape(value) for name, value in _HIDDEN.findall(forms[action])}
        url = self._page.url.join(action)
        return self._seen(self._http.post(url, data={**hidden, **fields}))

    def choose(self, **fields: str) -> str:
        """On to the provider's page, a button there, and back."""
        assert self._page is not None
        onward = _ONWARD.search(self._page.text)
        if onward is None:
            raise WentWrong(f"{self._page.url.path} leads to no provider")
        self._seen(self._http.get(onward[1]))
        self._seen(self._http.post(onward[1], data=fields))
        return self.read("/pay/done")

    def _seen(self, page: httpx.Response) -> str:
        self._page = page
        if page.status_code >= 400:
            raise WentWrong(f"{page.url.path} answers {page.status_code}")
        return page.text


class Desk:
    """The biller's command line."""

    def __init__(self, config: Path) -> None:
        self._config = config

    def ask(self, *words: str) -> dict[str, Any]:
        """What a command answers in JSON."""
        done = subprocess.run(
            [sys.executable, "-m", "rtbill", *words, "--json", "--config", str(self._config)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise WentWrong(f"rtbill {' '.join(words)}: {done.stderr.strip()}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def visitor(self, account: str) -> Browser:
        """A browser in which a link of the account is open."""
        url = str(self.ask("pay", "link", account)["url"])
        browser = Browser()
        browser.read(url)
        browser.send(httpx.URL(url).path)
        return browser


def give_card(browser: Browser, card: str) -> None:
    """On the provider's page; only the provider sees it."""
    browser.read("/pay/card")
    browser.send("/pay/card", agree="yes")
    browser.choose(choice="save", card=card)


def agree(browser: Browser, person: Person) -> None:
    """To be charged by itself, within limits."""
    method = _newest_method(browser.read("/pay/settings"))
    amounts = {"threshold": person.below, "increment": person.buys, "month_max": person.month_max}
    browser.send("/pay/settings", method=method, **amounts)
    browser.send("/pay/agree", agree="yes")


def pay(browser: Browser, amount: str) -> None:
    """Once, now."""
    method = _newest_method(browser.read("/pay/top-up"))
    browser.send("/pay/top-up", method=method, amount=amount)


def _newest_method(page: str) -> str:
    found = _METHOD.findall(page)
    if not found:
        raise WentWrong("the page offers no card")
    return str(found[-1])


def set_up(desk: Desk, person: Person) -> None:
    """A card and an agreement, unless an earlier run left them."""
    if desk.ask("pay", "status", person.account)["methods"]:
        return
    browser = desk.visitor(person.account)
    give_card(browser, person.card)
    agree(browser, person)
    browser.close()


def see_to(desk: Desk, person: Person) -> None:
    """Pay with another card when the telephone is locked because every card was refused."""
    status = desk.ask("pay", "status", person.account)
    methods = status["methods"]
    if (
        Decimal(status["balance"]) >= Decimal("0.01")
        or not methods
        or not all(m["barred"] for m in methods)
    ):
        return
    time.sleep(LOCKED_FOR_S)
    browser = desk.visitor(person.account)
    give_card(browser, PAYS_WITH)
    pay(browser, person.buys)
    browser.close()


def pages_of(config: Path) -> str:
    """The address of the biller's pages; WentWrong when the file names none."""
    try:
        return str(tomllib.loads(config.read_text(encoding="utf-8"))["payments"]["url"])
    except (OSError, ValueError) as error:
        raise WentWrong(f"{config} cannot be read: {error}") from error
    except (KeyError, TypeError) as error:
        raise WentWrong(f"{config} has no payments.url, without which nobody can pay") from error


def wait_for_pages(url: str, until: float) -> None:
    """Until the pages answer, and the biller has opened its books: a command that came before it
    would open them itself, and keep the biller out.
    """
    while True:
        try:
            httpx.get(url, timeout=PAGE_TIMEOUT_S)
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return


def live(desk: Desk, people: Sequence[Person], pages: str) -> None:
    """Set everybody up once the biller answers, then do what they do, for ever."""
    until = time.monotonic() + START_TIMEOUT_S
    wait_for_pages(pages, until)
    while True:
        try:
            for person in people:
                set_up(desk, person)
            break
        except (WentWrong, httpx.HTTPError):
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
    while True:
        for person in people:
            see_to(desk, person)
        time.sleep(LOOK_S)


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 1 when a page or a command is not as expected; it ends with its parent."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.holders", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--config", type=Path, default=Path("config.toml"), help="the biller's")
    options = parser.parse_args(arguments)
    try:
        live(Desk(options.config), PEOPLE, pages_of(options.config))
    except (WentWrong, httpx.HTTPError) as error:
        print(f"holders: {error}", file=sys.stderr)  # noqa: T201 -- a command's output
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
