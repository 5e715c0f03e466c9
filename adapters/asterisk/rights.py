"""What our AMI user may do, against what it needs (least privilege)."""

from __future__ import annotations

from collections.abc import Iterable

from rtbill.domain.finding import Finding, problem, warning

NEEDED_ACTIONS = {
    "DBPut": "system",
    "DBDel": "system",
    "DBGet": "system",
    "DBGetTree": "system",
    "Status": "call",
    "Hangup": "call",
    "AbsoluteTimeout": "call",
    "PlayDTMF": "call",
}
"""Actions rtbill uses, with the class to grant."""
EXCESSIVE_ACTIONS = {
    "Command": "command",
    "UpdateConfig": "config",
    "Originate": "originate",
    "AGI": "agi",
}
"""Actions that only a class we do not need allows: each could take over the exchange."""


def rights_problems(user: str, allowed: set[str]) -> list[str]:
    """What is wrong, one sentence each. `allowed` is the reply to ListCommands; without Ping in it,
    it is no list.
    """
    return [f"{finding.text}: {finding.remedy}" for finding in rights_findings(user, allowed)]


def rights_findings(user: str, allowed: set[str]) -> list[Finding]:
    """The same for an inspection."""
    if "Ping" not in allowed:
        return []
    found = []
    missing = [name for name in NEEDED_ACTIONS if name not in allowed]
    if missing:
        found.append(problem("rights-missing", *_missing(user, missing)))
    excess = [granted for name, granted in EXCESSIVE_ACTIONS.items() if name in allowed]
    if excess:
        found.append(
            warning(
                "rights-excess",
                f"the AMI user {user} may do more than rtbill needs ({', '.join(excess)})",
                "set write=system,call in manager.conf",
            )
        )
    return found


def missing_right(user: str, actions: Iterable[str]) -> str:
    """One sentence about actions that are denied, with the remedy."""
    return ": ".join(_missing(user, list(actions)))


def _missing(user: str, names: list[str]) -> tuple[str, str]:
    classes = dict.fromkeys(NEEDED_ACTIONS.get(name, "system") for name in names)
    return (
        f"the AMI user {user} may not {', '.join(names)}",
        f"add {','.join(classes)} to its write= in manager.conf",
    )
