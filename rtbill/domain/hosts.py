"""Which addresses never leave a machine, and which are none that can be reached."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether bytes sent to this host never leave the machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_wildcard(host: str) -> bool:
    """Whether this host is all addresses of a machine: to listen on, never to connect to."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
