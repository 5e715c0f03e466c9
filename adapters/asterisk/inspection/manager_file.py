"""Judging manager.conf and http.conf: who may sign in, from where, with what secret and rights.

A secret is looked at and never repeated: findings name the user.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from adapters.asterisk.inspection.config_file import Category
from rtbill.domain.finding import Finding, note, problem, warning
from rtbill.domain.hosts import is_loopback
from rtbill.domain.weak_secrets import SECRET_LENGTH_MIN, is_known, is_short

PAYER_VARIABLES = ("RTB_PAYER", "RTB_DEST", "RTB_ANSWERED", "RTB_ORIGIN", "FORWARDERNAME")
READ_NEEDED = frozenset({"call", "user", "system"})
TAKE_OVER = frozenset({"all", "system", "command", "config", "originate", "agi"})
"""Rights with which a user can run programs as Asterisk's user, or change what it runs."""
_EVERYWHERE = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - looked for, not bound to
_WITH_TLS = " with TLS"
_STRANGER = ipaddress.ip_address("198.51.100.7")
"""An address of nobody (RFC 5737): whoever admits it admits the world."""


def users(categories: Iterable[Category]) -> list[Category]:
    """The AMI users; everything but `[general]` and templates is one."""
    return [each for each in categories if each.name.lower() != "general" and not each.is_template]


def general(categories: Iterable[Category]) -> Category:
    """The `[general]` settings, those of `[general](+)` among them."""
    lines = [line for each in categories if each.name.lower() == "general" for line in each.lines]
    return Category("general", tuple(lines))


# ---------------------------------------------------------------------- settings that billing needs


def settings_findings(manager: Sequence[Category], user: str) -> list[Finding]:
    """Whether events carry payer and time, and our user may hear them."""
    found = []
    settings = general(manager)
    missing = sorted(set(PAYER_VARIABLES) - set(_words(settings, "channelvars")))
    if missing:
        found.append(
            problem(
                "channelvars",
                f"events do not carry {', '.join(missing)}, so calls have no payer, number or "
                "answer time while they run, or a telephone's own way out is not seen",
                f"under [general] in manager.conf set channelvars = {','.join(PAYER_VARIABLES)}, "
                "then: asterisk -rx 'manager reload'",
            )
        )
    if not settings.is_on("timestampevents", default=False):
        found.append(
            warning(
                "timestamps",
                "events come without the exchange's own time, so talk times include the delays of "
                "the network",
                "under [general] in manager.conf set timestampevents = yes, then: "
                "asterisk -rx 'manager reload'",
            )
        )
    for own in users(manager):
        if own.name == user:
            found += _own_reading(own)
    return found


def _own_reading(own: Category) -> list[Finding]:
    read = own.words("read")
    missing = sorted(READ_NEEDED - read)
    if not missing or "all" in read:
        return []
    return [
        problem(
            "rights-missing",
            f"the AMI user {own.name} may not read {', '.join(missing)}: rtbill does not hear "
            "what happens there",
            f"add {','.join(missing)} to its read= in manager.conf, then: "
            "asterisk -rx 'manager reload'",
        )
    ]


def _words(category: Category, name: str) -> list[str]:
    return [word.strip() for value in category.all(name) for word in value.split(",")]


# ---------------------------------------------------------------------------------- who may sign in


def secret_findings(manager: Sequence[Category]) -> list[Finding]:
    """Users whose secret everybody knows, or that is short or missing."""
    remedy = "give it a new one: openssl rand -hex 24"
    found = []
    for user in users(manager):
        secret = user.get("secret")
        if not secret:
            if user.words("read") | user.words("write"):
                text = f"the AMI user {user.name} has no secret, so it cannot be used"
                found.append(note("default-secret", text))
        elif is_known(secret) or secret.lower() == user.name.lower():
            text = f"the AMI user {user.name} has a secret that every scanner tries first"
            found.append(problem("default-secret", text, remedy))
        elif is_short(secret):
            text = (
                f"the AMI user {user.name} has a secret of {len(secret)} characters; "
                f"fewer than {SECRET_LENGTH_MIN} can be guessed"
            )
            found.append(warning("default-secret", text, remedy))
    return found


def powerful_users(manager: Sequence[Category], user: str) -> list[Finding]:
    """Users other than ours who could take the exchange over, as one note."""
    names = [
        each.name
        for each in users(manager)
        if each.name != user and each.get("secret") and each.words("write") & TAKE_OVER
    ]
    if not names:
        return []
    return [
        note(
            "rights-excess",
            f"with these AMI users the exchange can be taken over, and every lock lifted: "
            f"{', '.join(sorted(names))}",
            "keep their secrets like root's, and remove those that nothing uses",
        )
    ]


# ------------------------------------------------------------------------------ from where, and how


def exposure_findings(
    manager: Sequence[Category], http: Sequence[Category], user: str, seen_at: Sequence[str]
) -> list[Finding]:
    """Whether AMI can be reached from other machines; `seen_at` are addresses where it answered."""
    open_users = [each.name for each in users(manager) if each.get("secret") and _is_open(each)]
    listens = _listening(general(manager))
    if not open_users:
        # TLS with narrow permits is how rtbill on another host reaches the exchange.
        listens = [where for where in listens if not where.endswith(_WITH_TLS)]
    found = []
    if seen_at or listens:
        found.append(_exposed(listens, seen_at, open_users))
    elif user in open_users:
        found.append(
            warning(
                "ami-exposed",
                f"the AMI user {user} may sign in from any address; only bindaddr keeps strangers "
                "out",
                "in its section set deny = 0.0.0.0/0.0.0.0 and permit = the address of rtbill",
            )
        )
    return found + _web_findings(general(manager), general(http))


def _exposed(listens: list[str], seen_at: Sequence[str], open_users: list[str]) -> Finding:
    where = f"AMI answers at {', '.join(seen_at)}" if seen_at else f"AMI listens {listens[0]}"
    remedy = (
        "set bindaddr = 127.0.0.1 under [general] in manager.conf and restart Asterisk, or close "
        "the port in the firewall for all but the hosts that need it"
    )
    if open_users:
        return problem(
            "ami-exposed",
            f"{where}, and from any address these users may sign in: "
            f"{', '.join(sorted(open_users))}",
            f"{remedy}; and give each user deny = 0.0.0.0/0.0.0.0 and a narrow permit",
        )
    return warning(
        "ami-exposed",
        f"{where}, beyond this machine; only the permit lines of its users keep strangers out",
        remedy,
    )


def _listening(settings: Category) -> list[str]:
    """Where plain-text or TLS AMI listens beyond loopback, in words."""
    if not settings.is_on("enabled", default=False):
        return []
    found = []
    bind = settings.get("bindaddr")
    if not _is_local(bind):
        found.append(_at(bind))
    if settings.is_on("tlsenable", default=False):
        tls = settings.get("tlsbindaddr", bind)
        if not _is_local(_without_port(tls)):
            found.append(_at(_without_port(tls)) + _WITH_TLS)
    return found


def _at(bind: str) -> str:
    return "on every address" if bind in _EVERYWHERE else f"on {bind}"


def _is_local(bind: str) -> bool:
    return bind not in _EVERYWHERE and is_loopback(bind.strip("[]"))


def _without_port(address: str) -> str:
    """`127.0.0.1` of `127.0.0.1:5039`, `::1` of `[::1]:5039`."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def _web_findings(manager: Category, http: Category) -> list[Finding]:
    if not manager.is_on("webenabled", default=False) or not http.is_on("enabled", default=False):
        return []
    bind = http.get("bindaddr")
    make = warning if _is_local(bind) else problem
    return [
        make(
            "ami-exposed",
            f"AMI can also be used over HTTP, where Asterisk's web server listens {_at(bind)}: "
            "rtbill does not need it, and a browser can be made to use it",
            "set webenabled = no under [general] in manager.conf, then: "
            "asterisk -rx 'manager reload'",
        )
    ]


def _is_open(user: Category) -> bool:
    """Whether a stranger's address may sign in; a named ACL is taken to keep him out."""
    if user.all("acl"):
        return False
    admitted = True
    for sense, value in user.lines:
        if sense.lower() not in ("permit", "deny"):
            continue
        for written in value.split(","):
            turned = written.strip().startswith("!")
            if _holds(written.strip().removeprefix("!")):
                admitted = (sense.lower() == "permit") is not turned
    return admitted


def _holds(network: str) -> bool:
    try:
        return _STRANGER in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
