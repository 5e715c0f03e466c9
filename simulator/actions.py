"""What the exchange answers to each AMI action, in the words of Asterisk 16 and 22."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from simulator import database_actions
from simulator.channel import Channel, Headers, Message, timestamp
from simulator.clock import US
from simulator.exchange import Exchange
from simulator.filters import BadFilter, parse_filter
from simulator.replies import (
    Handler,
    Request,
    Session,
    action_id,
    error,
    list_reply,
    parse_classes,
    success,
)

AMI_VERSIONS = {16: "5.0.4", 22: "11.0.0"}
ASTERISK_VERSIONS = {16: "16.28.0", 22: "22.10.1"}


def answer_action(exchange: Exchange, session: Session, request: Request) -> Iterator[Message]:
    """The messages that answer one action, in order."""
    name = request.get("action", "")
    if not name:
        yield error(request, "Missing action in request")
    elif (entry := ACTIONS.get(name.lower())) is None:
        text = (
            f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands."
        )
        yield error(request, text)
    elif not session.rights.may_do(entry[0]) or entry[1] is None:
        yield error(request, "Permission denied")
    else:
        yield from entry[1](exchange, session, request)


def fully_booted(exchange: Exchange) -> Message:
    """The event that follows a login: its uptime tells of a restart."""
    uptime = str(exchange.uptime_s())
    headers = (
        ("Event", "FullyBooted"),
        ("Privilege", "system,all"),
        ("Uptime", uptime),
        ("LastReload", uptime),
        ("Status", "Fully Booted"),
    )
    return Message(headers, "system")


def _ping(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    yield success(request, ("Ping", "Pong"), ("Timestamp", timestamp(exchange.tick())))


def _logoff(_exchange: Exchange, session: Session, request: Request) -> Iterator[Message]:
    session.is_leaving = True
    goodbye = ("Message", "Thanks for all the fish.")
    yield Message((("Response", "Goodbye"), *action_id(request), goodbye))


def _events(_exchange: Exchange, session: Session, request: Request) -> Iterator[Message]:
    session.event_classes = parse_classes(request.get("eventmask", ""))
    yield success(request, ("Events", "On" if session.event_classes else "Off"))


def _filter(exchange: Exchange, session: Session, request: Request) -> Iterator[Message]:
    if request.get("operation", "").lower() != "add":
        yield error(request, "Unknown operation")
        return
    try:
        text, criteria = request.get("filter", ""), request.get("matchcriteria", "")
        session.filters.add(parse_filter(text, criteria, exchange.version))
    except BadFilter as bad:
        yield error(request, str(bad))
        return
    yield success(request, ("Message", "Success"))


def _core_settings(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    yield success(
        request,
        ("AMIversion", AMI_VERSIONS[exchange.version]),
        ("AsteriskVersion", ASTERISK_VERSIONS[exchange.version]),
        ("SystemName", ""),
        ("CoreMaxCalls", "0"),
        ("CoreMaxLoadAvg", "0.000000"),
        ("CoreRunUser", ""),
        ("CoreRunGroup", ""),
        ("CoreMaxFilehandles", "0"),
        ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", "Yes"),
        ("CoreHTTPenabled", "No"),
        *([("SoundsSearchCustomDir", "No")] if exchange.version >= 22 else []),
    )


def _core_status(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    booted = datetime.fromtimestamp(exchange.booted_us // US, UTC)
    day, time = booted.strftime("%Y-%m-%d"), booted.strftime("%H:%M:%S")
    headers: Headers = [
        ("CoreStartupDate", day),
        ("CoreStartupTime", time),
        ("CoreReloadDate", day),
        ("CoreReloadTime", time),
        ("CoreCurrentCalls", str(len(exchange.calls))),
    ]
    if exchange.version >= 22:
        headers.append(("CoreProcessedCalls", str(exchange.calls_processed)))
    yield success(request, *headers)


def _status(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    wanted = request.get("channel", "")
    if wanted and wanted not in exchange.channels:
        yield error(request, "No such channel")
        return
    channels = [exchange.channels[wanted]] if wanted else list(exchange.channels.values())
    names = [name for name in request.get("variables", "").split(",") if name]
    items = [_status_item(exchange, channel, names, request) for channel in channels]
    count = str(len(items))
    end: Headers = [("StatusComplete", count), ("Items", count)]
    yield from list_reply(request, "Channel status will follow", items, end)


def _status_item(
    exchange: Exchange, channel: Channel, names: list[str], request: Request
) -> Message:
    now_us = exchange.tick()
    # The instant, as an epoch: that is what Asterisk 16 and 22 tell, whatever the name says.
    ends_at_s = 0 if channel.timeout_at_us is None else channel.timeout_at_us // US
    headers: Headers = [
        ("Event", "Status"),
        ("Privilege", "Call"),
        *channel.snapshot(),
        ("Type", channel.device.split("/")[0]),
        ("DNID", "" if channel.dialled_by_us else channel.exten),
        ("EffectiveConnectedLineNum", channel.connected_number),
        ("EffectiveConnectedLineName", channel.connected_name),
        ("TimeToHangup", str(ends_at_s)),
        ("BridgeID", channel.bridge_id),
        ("Application", channel.application),
        ("Data", channel.application_data),
        ("Nativeformats", "(ulaw)"),
        ("Readformat", "ulaw"),
        ("Readtrans", ""),
        ("Writeformat", "ulaw"),
        ("Writetrans", ""),
        ("Callgroup", "0"),
        ("Pickupgroup", "0"),
        ("Seconds", str((now_us - channel.created_us) // US)),
        *(("Variable", f"{name}={channel.variables.get(name, '(null)')}") for name in names),
        *action_id(request),
    ]
    return Message(tuple(headers))


def _show_channels(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    items = []
    for channel in exchange.channels.values():
        age_s = (exchange.tick() - channel.created_us) // US
        headers: Headers = [
            ("Event", "CoreShowChannel"),
            *action_id(request),
            *channel.snapshot(),
            ("Application", channel.application),
            ("ApplicationData", channel.application_data),
            ("Duration", f"{age_s // 3600:02d}:{age_s // 60 % 60:02d}:{age_s % 60:02d}"),
            ("BridgeId", channel.bridge_id),
        ]
        items.append(Message(tuple(headers)))
    end: Headers = [("CoreShowChannelsComplete", str(len(items)))]
    yield from list_reply(request, "Channels will follow", items, end)


def _absolute_timeout(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    name, value = request.get("channel", ""), request.get("timeout", "")
    channel = exchange.channels.get(name)
    if not name:
        yield error(request, "No channel specified")
    elif (seconds := _seconds(value)) <= 0:
        yield error(request, "No timeout specified")
    elif channel is None:
        yield error(request, "No such channel")
    else:
        exchange.set_timeout(channel, seconds)
        yield success(request, ("Message", "Timeout Set"))


def _play_dtmf(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    if not request.get("digit"):
        yield error(request, "No digit specified")
    elif request.get("channel", "") not in exchange.channels:
        yield error(request, "Channel not found")
    else:
        yield success(request, ("Message", "DTMF successfully queued"))


def _hangup(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    name = request.get("channel", "")
    if not name:
        yield error(request, "No channel specified")
    elif name not in exchange.channels:
        yield error(request, "No such channel")
    else:
        yield success(request, ("Message", "Channel Hungup"))
        exchange.hang_up_channel(name, _whole_number(request.get("cause", "")) or 16)


def _setvar(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    name, variable = request.get("channel", ""), request.get("variable", "")
    value = request.get("value", "")
    if not variable:
        yield error(request, "No variable specified")
    elif not name:
        exchange.globals[variable] = value
        yield success(request, ("Message", "Variable Set"))
    elif (channel := exchange.channels.get(name)) is None:
        yield error(request, "No such channel")
    else:
        if variable.upper() == "TIMEOUT(ABSOLUTE)":
            exchange.set_timeout(channel, _seconds(value))
        else:
            channel.variables[variable] = value
        yield success(request, ("Message", "Variable Set"))


def _getvar(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    name, variable = request.get("channel", ""), request.get("variable", "")
    if not variable:
        yield error(request, "No variable specified")
        return
    if name and name not in exchange.channels:
        yield error(request, "No such channel")
        return
    variables = exchange.channels[name].variables if name else exchange.globals
    yield success(request, ("Variable", variable), ("Value", variables.get(variable, "")))


def _user_event(exchange: Exchange, _session: Session, request: Request) -> Iterator[Message]:
    own = {"action", "actionid", "userevent"}
    told: Headers = [("UserEvent", request.get("userevent", ""))]
    told += [(key.capitalize(), value) for key, value in request.items() if key not in own]
    yield success(request, ("Message", "Event Sent"))
    exchange.emit("UserEvent", "user", told)


def _seconds(text: str) -> float:
    """Seconds with a fraction, as Asterisk reads them; 0 for what is no number."""
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if 0 <= seconds < 1e9 else 0.0


def _whole_number(text: str) -> int:
    return int(text) if text.strip().lstrip("-").isdigit() and len(text) < 10 else 0


_ANY: frozenset[str] = frozenset()
_SYSTEM = frozenset({"system"})
_REPORTING = frozenset({"system", "reporting"})
_SYSTEM_OR_CALL = frozenset({"system", "call"})

ACTIONS: dict[str, tuple[frozenset[str], Handler | None]] = {
    "ping": (_ANY, _ping),
    "logoff": (_ANY, _logoff),
    "events": (_ANY, _events),
    "filter": (_SYSTEM, _filter),
    "coresettings": (_REPORTING, _core_settings),
    "corestatus": (_REPORTING, _core_status),
    "coreshowchannels": (_REPORTING, _show_channels),
    "status": (frozenset({"system", "call", "reporting"}), _status),
    "absolutetimeout": (_SYSTEM_OR_CALL, _absolute_timeout),
    "playdtmf": (frozenset({"call"}), _play_dtmf),
    "hangup": (_SYSTEM_OR_CALL, _hangup),
    "setvar": (frozenset({"call"}), _setvar),
    "getvar": (frozenset({"call", "reporting"}), _getvar),
    "userevent": (frozenset({"user"}), _user_event),
    "dbput": (_SYSTEM, database_actions.db_put),
    "dbget": (_REPORTING, database_actions.db_get),
    "dbdel": (_SYSTEM, database_actions.db_del),
    "dbdeltree": (_SYSTEM, database_actions.db_del_tree),
    "dbgettree": (_REPORTING, database_actions.db_get_tree),
    "originate": (frozenset({"originate"}), None),
    "command": (frozenset({"command"}), None),
}
"""Classes of rights of which one is needed, and what is done.

None: the simulator allows it to nobody.
"""
