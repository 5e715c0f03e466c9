"""The service: run it, check its configuration, ask how it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rtbill.cli.frame import (
    DEFAULT_CONFIG,
    EXIT_PROBLEM,
    AsJson,
    ConfigPath,
    add_command,
    ask_service,
    load,
)
from rtbill.cli.paper import print_json, say
from rtbill.cli.pay_paper import say_all as say_payments
from rtbill.domain.errors import Refused
from rtbill.domain.money import decimal_text
from rtbill.domain.stance import Stance

if TYPE_CHECKING:
    from rtbill.config import AccountClass, Config, HolidayCalendar, MailConfig
    from rtbill.domain.adjustment import Bounds


class View(StrEnum):
    """What `rtbill run` shows."""

    AUTO = "auto"
    RICH = "rich"
    PLAIN = "plain"
    NONE = "none"


def add_to(app: typer.Typer) -> None:
    """Put these commands on the root."""
    add_command(app, "run", run, "rtbill run --view plain")
    add_command(app, "check-config", check_config, "rtbill check-config --config site.toml")
    add_command(app, "status", status, "rtbill status --json")
    add_command(app, "capture", capture, "rtbill capture --pbx hall hall.jsonl --seconds 300")


def run(
    view: Annotated[
        View, typer.Option(help="A live screen, plain lines, nothing, or what fits the terminal.")
    ] = View.AUTO,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Bill calls until Ctrl-C or SIGTERM."""
    from rtbill.app import service
    from rtbill.clock import SystemClock
    from rtbill.observability import set_up_logging

    loaded = load(config, opens_calendars=True)
    shown = service.wants_view(view)
    file = None
    if shown == "rich":
        # A log line would tear the screen; it goes where the books are.
        file = loaded.store.path.with_suffix(".log")
        file.parent.mkdir(parents=True, exist_ok=True)
    set_up_logging(loaded.log, SystemClock(), file)
    raise typer.Exit(asyncio.run(service.run(loaded, shown)))


def check_config(config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Read the configuration and name every mistake at once, each with its place."""
    from rtbill.app.exchanges import check_capabilities
    from rtbill.app.hook_file import load_hook
    from rtbill.app.pay_web import site_mandates
    from rtbill.clock import SystemClock
    from rtbill.config import EXPOSURES, holiday_calendars

    loaded = load(config, opens_calendars=True)
    check_capabilities(loaded, SystemClock())
    hook = load_hook(loaded)
    site_mandates(loaded)
    say(f"{config}: all right")
    say(f"site     {loaded.site.name}, {loaded.site.zone}, {loaded.site.currency}")
    say(f"books    {loaded.store.path}")
    stream = "to those who have its token" if loaded.http.live_token else "to nobody: no token"
    say(f"stream   of calls in progress: {stream}")
    say(f"mail     {_mail(loaded.mail)}")
    for pbx in loaded.pbxs:
        trunks = ", ".join(loaded.trunk_text(pbx.name, trunk.name) for trunk in pbx.trunks)
        link = "TLS" if pbx.tls else "plain text"
        say(f"pbx      {pbx.name}: {pbx.kind} at {pbx.host}:{pbx.port} ({link}), trunks {trunks}")
        say(f"         mode {pbx.mode}: {EXPOSURES[pbx.mode]}")
        if pbx.mode == "inline":
            say(f"         asks at {loaded.inline.address}")
        say(f"         stance {pbx.enforcement}: {_reach(pbx.enforcement)}")
    for name, account_class in sorted(loaded.account_classes.items()):
        say(f"class    {name}: stance {account_class.enforcement}; {_unaided(account_class)}")
        if account_class.price_per_minute_max_micros is not None:
            most = decimal_text(account_class.price_per_minute_max_micros, 2)
            say(f"         no calls dearer than {most} a minute")
    if hook is not None:
        say(f"hook     {hook.name} is asked about every call; {_bounds(hook.bounds)}")
    _say_pages(loaded)
    this_year = SystemClock().now().year
    for calendar in holiday_calendars(loaded.holidays).values():
        for text in _holidays(calendar, this_year):
            say(f"holidays {text}")


def _mail(mail: MailConfig | None) -> str:
    """Who is written to, and by which server."""
    if mail is None:
        return "to nobody: no [mail] table"
    operators = ", ".join(mail.operators) or "none: alarms are only in the log"
    return f"by {mail.host}:{mail.port} ({mail.security}) from {mail.sender}; operator {operators}"


def _say_pages(config: Config) -> None:
    if config.pay is not None:
        behind = "TLS" if config.pay.cert_file else "no TLS, for a proxy on this machine"
        say(f"pages    {config.payments.url} is served at port {config.pay.port} ({behind})")


def _holidays(calendar: HolidayCalendar, this_year: int) -> Iterator[str]:
    """The calendar's dates of this year and the next, and whether the library ends before."""
    name, known = calendar.config.name, calendar.years_known
    for year in (this_year, this_year + 1):
        dates = " ".join(f"{day:%m-%d}" for day in calendar.of_year(year))
        yield f"{name}: {year}: {dates or 'none'}"
        if known is not None and year not in known:
            yield f"{name}: {year}: none of {calendar.config.country} is known; list them as dates"


def _bounds(bounds: Bounds) -> str:
    """How much dearer the site's hook may make a call."""
    from rtbill.domain.adjustment import Adjustment, adjustment_text

    added = Adjustment(
        reason="",
        percent_ppm=bounds.percent_ppm,
        per_minute_micros=bounds.per_minute_micros,
        per_call_micros=bounds.per_call_micros,
    )
    lists = f"; or by {' or '.join(bounds.price_lists)}" if bounds.price_lists else ""
    return f"at most {adjustment_text(added) or '0'} dearer{lists}"


def _reach(stance: Stance) -> str:
    return {
        Stance.OBSERVE: "nothing is locked, limited or refused; `rtbill observed` tells what would",
        Stance.WARN: "as observe, and the account's holder is warned",
        Stance.ENFORCE: "locks, limits and refusals are carried out",
    }[stance]


def _unaided(account_class: AccountClass) -> str:
    """What an exchange does with a call of this class when rtbill gives no answer."""
    policy = account_class.unaided or "closed for prepaid, open for postpaid"
    bound = "all that is available"
    if account_class.unaided_cap_micros:
        bound = f"at most {decimal_text(account_class.unaided_cap_micros, 2)}"
    calls = account_class.unaided_calls
    return f"without an answer {policy}; where open, {bound} over {calls} calls at once"


def status(as_json: AsJson = False, config: ConfigPath = DEFAULT_CONFIG) -> None:
    """Tell how the running service is: links, money at risk and held, books, locks, alarms."""
    answer = ask_service(load(config), "status", {})
    if as_json:
        print_json(answer)
    else:
        _say_status(answer)
    if not answer["ready"]:
        raise typer.Exit(EXIT_PROBLEM)


def _say_status(answer: dict[str, Any]) -> None:
    say(f"rtbill {answer['version']}: {'ready' if answer['ready'] else 'NOT READY'}")
    for pbx in answer["pbxs"]:
        say(
            f"pbx {pbx['name']}: {pbx['link']} since {pbx['since'] or 'never'}, "
            f"{pbx['live_calls']} calls in progress, mode {pbx['mode']}, "
            f"stance {pbx['enforcement']}"
        )
        _say_exposure(pbx)
        for trunk in pbx["trunks"]:
            title = f" ({trunk['title']})" if trunk["title"] else ""
            say(f"  trunk {trunk['name']}{title}: {trunk['live_calls']} calls in progress")
        if pbx["would_lock"]:
            say(f"  {pbx['would_lock']} extensions would be locked, were that enforced")
    store, services = answer["store"], answer["services"]
    say(f"store: {store['failing'] or 'writes'}, {store['queued']} operations waiting")
    counts = ", ".join(f"{count} {name}" for name, count in store["calls"].items())
    say(f"calls: {counts or 'none'}")
    say(f"services: {services['wanted']} wanted, {services['confirmed']} confirmed")
    for differing in services["differing"]:
        say(f"  differs: {differing}")
    rows = answer["unaided"]
    say(f"rows for calls without an answer: {rows['wanted']} wanted, {rows['confirmed']} confirmed")
    say(f"outbox: {answer['outbox']} notices waiting")
    if answer["payments"]["gateways"]:
        say_payments(answer["payments"])
    for alarm in answer["alarms"]:
        say(f"ALARM {alarm['kind']} {alarm['subject']} since {alarm['since']}: {alarm['text']}")


def _say_exposure(pbx: dict[str, Any]) -> None:
    """What could be spent beyond what there is, what is held, and how late cuts came."""
    say(f"  exposure: {pbx['exposure']}")
    say(f"  at risk now: {_amounts(pbx['at_risk'])}")
    for risk in pbx["risks"]:
        if risk["amount"] is None or risk["amount"]:
            say(f"    {_amounts(risk['amount'])}, {risk['kind']}: {risk['text']}; {_whose(risk)}")
    say(f"  held: {_amounts(pbx['held'])} by {pbx['holds']} holds")
    cuts = pbx["cuts"]
    if cuts["count"]:
        say(
            f"  cuts: {cuts['count']}, after their limit by {cuts['p50_s']:.3f} s (half of them), "
            f"{cuts['p99_s']:.3f} s (99 of 100), {cuts['max_s']:.3f} s (latest); the guard is "
            f"{cuts['guard_s']:g} s"
        )
    else:
        say(f"  cuts: none yet; the guard is {cuts['guard_s']:g} s")


def _whose(risk: dict[str, Any]) -> str:
    return f"{risk['accounts']} account{'' if risk['accounts'] == 1 else 's'}"


def _amounts(amounts: dict[str, str] | None) -> str:
    if amounts is None:
        return "no bound"
    return ", ".join(f"{amount} {currency}" for currency, amount in amounts.items()) or "nothing"


def capture(
    file: Annotated[Path, typer.Argument(help="A new file; only you may read it.")],
    pbx: Annotated[str, typer.Option(help="The exchange to listen to.")],
    seconds: Annotated[int, typer.Option(min=1, max=86_400, help="At most so long.")] = 600,
    config: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Record what the exchange says to the running service, for a later `rtbill replay`.

    Secrets are masked. The file holds telephone numbers: delete it when it has served.
    """
    loaded = load(config)
    arguments = {"pbx": pbx, "file": str(file.absolute()), "seconds": seconds}
    started = ask_service(loaded, "capture.start", arguments)
    say(f"recording {pbx} into {started.get('file', file)} for {seconds} s; Ctrl-C ends it")
    try:
        threading.Event().wait(seconds)
    except KeyboardInterrupt:
        say("")
    try:
        ask_service(loaded, "capture.stop", {"pbx": pbx})
    except Refused:
        # Its time was up: the service ended it by itself.
        return
