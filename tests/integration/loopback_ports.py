"""Ports for the servers of tests."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import suppress

PORTS = range(20_000, 32_000)
"""Below those that the system gives out by itself, so that nobody else is given the port of a
process that was killed and will be started again.
"""
_ports = itertools.islice(itertools.cycle(PORTS), os.getpid() * 997 % len(PORTS), None)
"""Begun elsewhere by each worker."""


def free_port() -> int:
    """A TCP port of loopback that nobody listens on, another one each time."""
    for port in itertools.islice(_ports, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"all ports from {PORTS.start} to {PORTS.stop} are taken")
