"""The listener for exchanges that ask before they dial, put together."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from datetime import datetime
from typing import Any

from rtbill.app.books import Books
from rtbill.billing import Billing
from rtbill.credit.authorisation import Authoriser, Question, Refusal
from rtbill.credit.grants import Grant
from rtbill.domain.account import DeskLock, Extension
from rtbill.domain.hold import Hold
from rtbill.ports import Clock, Meter
from rtbill.serving.inline import QuestionDesk, serve_inline
from rtbill.serving.listening import server_tls


def inline_listener(books: Books, meter: Meter) -> Coroutine[Any, Any, None] | None:
    """Serves until cancelled; None when no exchange asks. Refused when its TLS cannot be used."""
    config = books.config
    tokens = {pbx.name: pbx.token for pbx in config.pbxs if pbx.mode == "inline"}
    if not tokens:
        return None
    inline = config.inline
    tls = None
    if inline.tls is not None:
        tls = server_tls(inline.tls.cert_file, inline.tls.key_file, "inline.tls")
    decide = authoriser_of(books.billing, books.enforcement.desk_locks, meter, books.clock).decide
    return serve_inline(
        inline.host,
        inline.port,
        QuestionDesk(tokens, decide, books.alarms, meter, books.clock),
        tls,
    )


def authoriser_of(
    billing: Billing, desk_locks: Mapping[Extension, DeskLock], meter: Meter, clock: Clock
) -> Authoriser:
    """Who decides for exchanges that ask, out of what billing knows and holds."""

    def let_through(question: Question, refusal: Refusal) -> None:
        # Billing notes it among the observations when the leg appears.
        reason = str(refusal.reason)
        meter.count("rtbill_refusals_let_through_total", pbx=question.pbx, reason=reason)

    async def reserve(question: Question, grant: Grant, at: datetime) -> Hold | None:
        return await billing.holdings.reserving.reserve(
            grant.account,
            question.pbx,
            question.channel,
            grant.called,
            at,
            grant.caller,
            grant.priced,
        )

    return Authoriser(
        control=billing.control,
        desk_locks=desk_locks,
        alarms=billing.alarms,
        chronicle=billing.chronicle,
        clock=clock,
        would_refuse=let_through,
        reserve=reserve,
    )
