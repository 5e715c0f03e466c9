"""Which addresses never leave a machine."""

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
