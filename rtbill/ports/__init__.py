"""Every edge with the outside world, but for payments (rtbill/gateway.py). READ FIRST.

A port exists only where there are two implementations (the in-memory fake of the tests counts) or a
foreign library behind it. Ledger, rating and enforcement are not ports: they are the product.
"""

from __future__ import annotations

from rtbill.ports.environment import Clock, Meter
from rtbill.ports.exchange import Capabilities, Pbx
from rtbill.ports.notifier import Notifier
from rtbill.ports.reader import CallFilter, LiveRow, PostedTransfer, Reader, StoredNotice
from rtbill.ports.store import Store

__all__ = [
    "CallFilter",
    "Capabilities",
    "Clock",
    "LiveRow",
    "Meter",
    "Notifier",
    "Pbx",
    "PostedTransfer",
    "Reader",
    "Store",
    "StoredNotice",
]
