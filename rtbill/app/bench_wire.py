"""How many AMI messages a second the wire reader cuts and understands on one core."""

from __future__ import annotations

import time

from adapters.asterisk.connection import wanted_events
from adapters.asterisk.wire import Reader, header_key

CHUNK = 65_536
CALLS = 4_000
UNWANTED_PER_CALL = 39
"""Of 43 messages about one call that an AMI user like ours gets without filters, 4 matter."""

_LEG = (
    "Channel: PJSIP/carrier-{n:08x}\r\nChannelState: {state}\r\nChannelStateDesc: Up\r\n"
    "CallerIDNum: 5551234\r\nCallerIDName: <unknown>\r\nConnectedLineNum: 1001\r\n"
    "ConnectedLineName: Ext 1001\r\nLanguage: en\r\nAccountCode: 1001\r\nContext: from-carrier\r\n"
    "Exten: 5551234\r\nPriority: 1\r\nUniqueid: 1795356012.{n}\r\nLinkedid: 1795356011.{n}\r\n"
    "ChanVariable: RTB_PAYER=1001\r\nChanVariable: RTB_DEST=5551234\r\n"
    "ChanVariable: RTB_ANSWERED=1795356013.012\r\n"
)
_HEAD = "Event: {event}\r\nPrivilege: call,all\r\nTimestamp: 1795356013.011803\r\n"
_WANTED_OF_A_CALL = (("DialBegin", 0), ("Newstate", 5), ("Newstate", 6), ("Hangup", 6))


def stream(*, is_filtered: bool) -> tuple[bytes, int]:
    """Bytes of many calls and how many messages they are: only wanted ones, or all there are."""
    messages = []
    for n in range(CALLS):
        for event, state in _WANTED_OF_A_CALL:
            messages.append(_HEAD.format(event=event) + _LEG.format(n=n, state=state) + "\r\n")
        if not is_filtered:
            unwanted = _HEAD.format(event="VarSet") + _LEG.format(n=n, state=6)
            messages += [unwanted + "Variable: X\r\nValue: 1\r\n\r\n"] * UNWANTED_PER_CALL
    return "".join(messages).encode(), len(messages)


def messages_per_s(*, is_filtered: bool) -> float:
    """Messages a second, the headers that are needed of wanted ones looked up; best of three."""
    data, count = stream(is_filtered=is_filtered)
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    keys = [header_key(name) for name in ("Uniqueid", "Timestamp", "ChanVariable: RTB_PAYER=")]
    best = 0.0
    for _ in range(3):
        reader = Reader(wanted_events())
        began = time.perf_counter()
        found = 0
        for chunk in chunks:
            for message in reader.feed(chunk):
                found += 1
                for key in keys:
                    message.find(key)
        seconds = time.perf_counter() - began
        assert found == len(_WANTED_OF_A_CALL) * CALLS, found
        best = max(best, count / seconds)
    return best
