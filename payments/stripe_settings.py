"""What the Stripe gateway is told about its account."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rtbill.domain.errors import ConfigError

API_BASE = "https://api.stripe.com"
TIMEOUT_S = 20.0
_LOOPBACK = {("http", host) for host in ("127.0.0.1", "::1", "localhost")}


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSettings:
    """One account at Stripe; ConfigError names every setting that cannot be used, and never shows a
    secret.
    """

    name: str = "stripe"
    """Of the gateway; part of every key in our books."""
    api_key: str = field(repr=False)
    """Secret or restricted, of the mode `is_live` says."""
    webhook_secrets: tuple[str, ...] = field(repr=False)
    """Of the endpoint; two while one is being replaced."""
    is_live: bool
    """Real money."""
    api_base: str = API_BASE
    timeout_s: float = TIMEOUT_S
    """For one attempt. No further attempt begins when as much has passed since the first."""
    attempts_max: int = 3
    """Of one call, all with the same idempotency key."""

    def __post_init__(self) -> None:
        problems = [*self._key_problems(), *self._limit_problems()]
        if problems:
            raise ConfigError([f"payment gateway {self.name}: {each}" for each in problems])

    def _key_problems(self) -> list[str]:
        problems = []
        mode, other = ("live", "test") if self.is_live else ("test", "live")
        if not self.api_key.startswith(("sk_", "rk_")):
            problems.append("the API key does not begin with sk_ or rk_; copy the secret key")
        elif self.api_key[3:].startswith(f"{other}_"):
            problems.append(f"the API key is of {other} mode, the gateway of {mode} mode")
        if not self.webhook_secrets or not all(
            each.startswith("whsec_") for each in self.webhook_secrets
        ):
            problems.append("a webhook secret begins with whsec_; copy it from the endpoint")
        return problems

    def _limit_problems(self) -> list[str]:
        problems = []
        if not 0.1 <= self.timeout_s <= 120:
            problems.append(f"the time-out is {self.timeout_s} s; use 0.1 to 120")
        if not 1 <= self.attempts_max <= 10:
            problems.append(f"there are {self.attempts_max} attempts; use 1 to 10")
        if not _is_safe(self.api_base):
            problems.append(f"{self.api_base!r} is not https, and only this machine may be without")
        return problems


def _is_safe(url: str) -> bool:
    """It is https, or does not leave this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme, host) in _LOOPBACK)
