"""Why a connection to an exchange did not come about, in words for the operator."""

from __future__ import annotations

NO_CONNECTION = (OSError, TimeoutError, UnicodeError)
"""What connecting raises; a UnicodeError comes of a name that no host can have: `pbx..example`."""


def unreachable(name: str, host: str, port: int, error: Exception, within_s: float) -> str:
    """The sentence about one of NO_CONNECTION; `within_s` is how long was waited at most."""
    why = str(error) or "it closed the connection"
    if isinstance(error, TimeoutError):
        why = f"no answer within {within_s:g} s"
    elif isinstance(error, UnicodeError):
        why = "its name, in host or tls.server_name, is none that a host can have"
    return (
        f"cannot reach {name} at {host}:{port}: {why}; "
        "check the address, the firewall and that the exchange runs"
    )
