"""What was seen of an operator's test call, and what was missing of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from rtbill.domain.finding import Finding, note, problem


@dataclass(slots=True, kw_only=True)
class CallSeen:
    """What was seen of the call, as far as it went."""

    number: str
    """As the operator was to dial it."""
    leg: str = ""
    """Its id; empty when no leg was seen."""
    channel: str = ""
    trunk: str | None = None
    """The trunk group; None for a channel of no configured trunk."""
    payer: str | None = None
    dialled: str | None = None
    is_answered: bool = False
    is_stamped: bool = False
    """The dialplan wrote the instant of the answer on the leg."""
    timer_s: int | None = None
    """Seconds after which the exchange itself ends the call; 0: it does not; None: not asked."""
    live_row: bool | None = None
    """The exchange kept a readable row while the call lasted; None: not asked."""
    done_row: bool = False
    """It kept a readable row at the end, which nobody had fetched yet."""
    is_ended: bool = False
    cause: str = ""
    refused: str = ""
    """Why the dialplan refused it."""


def call_findings(seen: CallSeen) -> list[Finding]:
    """What was missing of a call that should have been billable."""
    if seen.refused:
        return [_refused(seen)]
    if not seen.leg:
        return [
            problem(
                "call-not-seen",
                f"no call to {seen.number} was seen at all",
                "was it dialled, and does the AMI user read call and user? The dialplan may have "
                "ended it: look with asterisk -rvvv while you dial",
            )
        ]
    found = []
    if seen.trunk is None:
        found.append(
            problem(
                "call-trunk",
                f"the call left by {seen.channel}, which belongs to no trunk of the configuration: "
                "it is not billed",
                "add the beginning of its name to match under [[pbx.trunk]]",
            )
        )
    if not seen.payer:
        found.append(
            problem(
                "call-payer",
                "the leg carries no payer: its account would be suspense",
                "telephone and trunk must pass through rtbill's dialplan; see rtbill pbx-config",
            )
        )
    if not seen.dialled:
        found.append(
            problem(
                "call-number",
                "the leg carries no number as dialled (RTB_DEST)",
                "telephone and trunk must pass through rtbill's dialplan; see rtbill pbx-config",
            )
        )
    return found + (_answer_findings(seen) if seen.is_answered else [_unanswered(seen)])


def _refused(seen: CallSeen) -> Finding:
    remedy = {
        "locked": "unlock the extension, or dial from another one",
        "unknown-payer": "the telephone's endpoint is not one of the extensions in the dialplan",
        "malformed": "dial digits only",
        "silent": "start rtbill, or choose another answer for its silence",
    }.get(seen.refused, "docs/operating.md explains the reasons")
    return problem("call-refused", f"the dialplan refused the call: {seen.refused}", remedy)


def _unanswered(seen: CallSeen) -> Finding:
    how = f"it ended with cause {seen.cause}" if seen.is_ended else "it still rang at the end"
    return note("call-answer", f"the call was not answered ({how}); dial a number that answers")


def _answer_findings(seen: CallSeen) -> list[Finding]:
    found = []
    if not seen.is_stamped:
        found.append(
            problem(
                "call-answer",
                "the answer was not stamped on the leg: something replaced rtbill's U() on this "
                "route",
                "rtbill check-pbx names routes whose options push it aside",
            )
        )
    if seen.live_row is False:
        found.append(
            problem(
                "call-record",
                "the exchange kept no record of the call, so it would be lost with the link",
                "rtbill-up must run at the answer and may write Asterisk's database",
            )
        )
    if seen.timer_s == 0:
        found.append(
            note(
                "call-timer",
                "the exchange has no timer on this call: right for an account that is not prepaid, "
                "for a free number, and while rtbill does not run",
            )
        )
    if not seen.is_ended:
        found.append(note("call-record", "the call had not ended when the time was up"))
    return found
