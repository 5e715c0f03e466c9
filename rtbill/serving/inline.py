"""The question before dialling, as an exchange puts it: a form over HTTP, a line in return.

    POST /v1/authorise/hall      token=...&call=1795356013.7&payer=1001&number=0041...&kind=direct
                                 &origin=4711/branch, where a code was entered or a trunk called
    allow,90.                    dial, and end the call after 90 s of talk
    allow,.                      dial; there is no limit
    refuse,balance.              do not dial; the words are those of rtbill.domain.refusal

The full stop is the end: an answer that broke off on its way reaches a dialplan as if it were
whole. An empty body is no answer: the exchange then follows what was pushed to it beforehand. That
is what a wrong token gets (403), a question that a wrong dialplan put, and whoever asks when no
answer can be had in time (503).
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping

from rtbill.alarms import Alarms
from rtbill.credit import authorisation
from rtbill.credit.authorisation import Permission, Question, Refusal, read_question
from rtbill.domain.errors import BadRecord, PortFailed
from rtbill.domain.refusal import Reason
from rtbill.ports import Clock, Meter
from rtbill.serving.form_server import Fields, Reply, serve_forms
from rtbill.serving.listening import tcp_listener

PATH = "/v1/authorise/"
ANSWER_TIMEOUT_S = 1.0
"""The exchange waits for two seconds in all."""
QUESTIONS_MAX = 200
"""Being decided at once; more are not answered."""
UNKNOWN = "unknown"
"""Subject of the alarm, and label of the metric, where no exchange of ours asks."""
_ANEW = "write the exchange's files anew with `rtbill pbx-config`, or put its own dialplan right"

Decide = Callable[[Question], Awaitable[authorisation.Answer]]

_logger = logging.getLogger(__name__)


async def serve_inline(
    host: str, port: int, desk: QuestionDesk, tls: ssl.SSLContext | None = None
) -> None:
    """Answer exchanges until cancelled. Refused when the port is taken."""
    with tcp_listener(host, port, "inline") as listener:
        await serve_forms(listener, desk.answer, tls)


class QuestionDesk:
    """Knows who may ask, and puts the answer into the words of the wire."""

    def __init__(
        self,
        tokens: Mapping[str, str],
        decide: Decide,
        alarms: Alarms,
        meter: Meter,
        clock: Clock,
    ) -> None:
        """`tokens` are by exchange."""
        assert all(tokens.values()), "an exchange without a token cannot ask"
        self._tokens = {name: token.encode() for name, token in tokens.items()}
        self._decide = decide
        self._alarms = alarms
        self._meter = meter
        self._clock = clock
        self._deciding = 0

    async def answer(self, path: str, fields: Fields) -> Reply:
        """What is said to a form sent to this path."""
        if not path.startswith(PATH):
            return Reply(404)
        began = self._clock.monotonic()
        name = path.removeprefix(PATH)
        pbx = name if name in self._tokens else UNKNOWN
        reply, word = await self._answered(pbx, fields)
        self._meter.count("rtbill_questions_total", pbx=pbx, answer=word)
        self._meter.observe("rtbill_question_seconds", self._clock.monotonic() - began)
        return reply

    async def _answered(self, pbx: str, fields: Fields) -> tuple[Reply, str]:
        """The reply, and one word for it."""
        if not self._is_ours(pbx, fields.get("token", "")):
            return Reply(403), "denied"
        try:
            question = read_question(pbx, fields)
        except BadRecord as bad:
            return self._unanswered(pbx, f"{bad}; {_ANEW}"), "unreadable"
        if isinstance(question, Refusal):
            return Reply(200, line(question)), word(question)
        if self._deciding >= QUESTIONS_MAX:
            return Reply(503), "busy"
        try:
            found = await self._decided(question)
        except TimeoutError:
            return self._unanswered(pbx, f"took longer than {ANSWER_TIMEOUT_S:g} s"), "late"
        except PortFailed as failed:
            return self._unanswered(pbx, f"could not be answered: {failed}"), "failed"
        except Exception:  # a mistake of ours must end neither the service nor the call
            _logger.exception("a question could not be answered", extra={"pbx": pbx})
            return self._unanswered(pbx, "failed inside rtbill; its log says where"), "failed"
        self._alarms.clear("inline", pbx)
        self._alarms.clear("inline", UNKNOWN)
        return Reply(200, line(found)), word(found)

    async def _decided(self, question: Question) -> authorisation.Answer:
        self._deciding += 1
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await self._decide(question)
        finally:
            self._deciding -= 1

    def _unanswered(self, pbx: str, why: str) -> Reply:
        text = f"a question before dialling {why}; the exchange follows what was pushed to it"
        self._alarms.raise_("inline", pbx, text)
        return Reply(503)

    def _is_ours(self, pbx: str, token: str) -> bool:
        """Whether the token is this exchange's own; told as an alarm when it is not."""
        # Somebody unknown is compared as well, so that the time tells no names.
        is_ours = pbx in self._tokens
        expected = self._tokens.get(pbx, b"nobody's")
        if hmac.compare_digest(expected, token.encode("utf-8", "replace")) and is_ours:
            return True
        text = (
            "a question before dialling came with a wrong token: give the exchange the one of "
            "token_file, with new files of `rtbill pbx-config`; until then it follows what was "
            "pushed to it"
            if is_ours
            else "a question before dialling came in the name of an exchange that is not "
            "configured with mode 'inline'; compare names, and who reaches this port"
        )
        self._alarms.raise_("inline", pbx, text)
        return False


def line(found: authorisation.Answer) -> str:
    """The answer on the wire."""
    match found:
        case Permission(None):
            return "allow,."
        case Permission(seconds):
            return f"allow,{seconds}."
        case Refusal(reason):
            return f"refuse,{reason}."


def word(found: authorisation.Answer) -> Reason | str:
    """The answer as a label: `allow`, or why not."""
    return found.reason if isinstance(found, Refusal) else "allow"
