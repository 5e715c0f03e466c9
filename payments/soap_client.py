"""Asking a SOAP service one question at a time: over TLS, with a deadline, and told apart what was
sent from what was not.

Whether a question left us is seen in the protocol, not guessed from the kind of error: as long as
no byte of it was sent the service is Unavailable, and afterwards the outcome is unknown. The one
exception is a TLS alert about our certificate, which a server gives before it reads a question.
Each question has a connection of its own: one kept open and closed by the other side in the same
moment would leave a payment in doubt.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import zeep
from zeep.exceptions import Error as ZeepError
from zeep.proxy import AsyncServiceProxy
from zeep.wsdl.utils import etree_to_string
from zeep.wsse.username import UsernameToken

from payments.cashless_mapping import CashlessMapping, Place
from payments.soap_address import SoapAddress, UserToken, check_address
from payments.soap_answer import Answer, SoapFault, printable, read_answer
from payments.soap_wsdl import CAREFUL, SoapService, nested, open_service
from rtbill.domain.errors import BadRecord, OutcomeUnknown, Unavailable
from rtbill.ports import Clock

QUESTIONS_MAX = 10
"""At once; more wait for their turn (RP-15)."""
ANSWER_BYTES_MAX = 1 << 20
CONNECT_TIMEOUT_S = 5.0
_OUR_CERTIFICATE = (
    *("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED"),
    *("CERTIFICATE_UNKNOWN", "UNSUPPORTED_CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED"),
    "ALERT_HANDSHAKE_FAILURE",
)
"""Ends of OpenSSL's words for alerts by which a server turns our certificate down."""
_NOT_FOR_US = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 410, 411, 413, 415})
"""HTTP statuses that say, without a word of SOAP, that the question did not get to the service."""


class SoapClient:
    """One service of one provider."""

    def __init__(
        self, service: SoapService, mapping: CashlessMapping, address: SoapAddress, clock: Clock
    ) -> None:
        check_address(address)
        self._address = address
        self._fault_places = mapping.fault_code, mapping.fault_text
        self._http = httpx.AsyncClient(
            # Without a context httpx would trust every CA it knows; plain HTTP needs none.
            verify=address.tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=httpx.Timeout(
                address.timeout_s, connect=min(CONNECT_TIMEOUT_S, address.timeout_s)
            ),
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,  # no proxy and no certificates out of the environment
        )
        client = zeep.AsyncClient(
            service.document,
            wsse=address.token and _Signature(address.token, clock),
            transport=self,
            settings=CAREFUL,
        )
        self._turns = asyncio.Semaphore(QUESTIONS_MAX)
        self._binding = service.binding
        self._service = AsyncServiceProxy(client, service.binding, address=address.url)

    @classmethod
    async def open(cls, mapping: CashlessMapping, address: SoapAddress, clock: Clock) -> SoapClient:
        """A client for the service of a mapping; ConfigError when WSDL or address cannot be used.
        Nothing is asked yet.
        """
        return cls(await open_service(mapping), mapping, address, clock)

    async def ask(self, operation: str, values: Mapping[Place, object]) -> Answer | SoapFault:
        """The answer to one question. Unavailable when nothing was sent or nothing can have been
        done; OutcomeUnknown when it was sent and no answer came that can be read.
        """
        question = nested(values)
        try:
            # Written once only to see that it can be: later, an error may come after the sending.
            self._binding.get(operation).create(**question)
        except (ZeepError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable("the question does not fit the WSDL; nothing was sent") from error
        reply: _Reply | SoapFault = await self._service[operation](**question)
        return reply if isinstance(reply, SoapFault) else self._read(reply)

    async def post_xml(
        self, address: str, envelope: object, headers: dict[str, str]
    ) -> _Reply | SoapFault:
        """What zeep calls with a finished message."""
        content: bytes = etree_to_string(envelope)
        async with self._turn():
            return await self._exchange(address, content, headers)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the places for questions under way; Unavailable when none gets free in time."""
        try:
            async with asyncio.timeout(self._address.timeout_s):
                await self._turns.acquire()
        except TimeoutError as late:
            text = f"{QUESTIONS_MAX} other questions are under way to it; nothing was sent"
            raise Unavailable(text) from late
        try:
            yield
        finally:
            self._turns.release()

    async def _exchange(
        self, address: str, content: bytes, headers: dict[str, str]
    ) -> _Reply | SoapFault:
        seen = _Seen()
        try:
            async with asyncio.timeout(self._address.timeout_s):
                return await self._post(address, content, headers, seen)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            wrong = _ssl_error(error)
            if wrong is not None and (wrong.reason or "").endswith(_OUR_CERTIFICATE):
                text = f"it turns our certificate down ({wrong.reason}); renew or replace it"
                return SoapFault("TLS", text, is_about_us=True)
            raise _failure(error, wrong, seen, self._address) from error
        finally:
            await seen.let_go()

    async def _post(
        self, address: str, content: bytes, headers: dict[str, str], seen: _Seen
    ) -> _Reply:
        # A compressed answer could be small on the way and huge in memory.
        headers = headers | {"Accept-Encoding": "identity", "User-Agent": "rtbill"}
        extensions: dict[str, Any] = {"trace": seen.trace}
        if self._address.server_name:
            extensions["sni_hostname"] = self._address.server_name
        async with self._http.stream(
            "POST", address, content=content, headers=headers, extensions=extensions
        ) as response:
            encoding = response.headers.get("Content-Encoding", "identity")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > ANSWER_BYTES_MAX:
                    raise OutcomeUnknown(f"its answer has more than {ANSWER_BYTES_MAX} bytes")
        if encoding.lower() != "identity":
            raise OutcomeUnknown(f"its answer is packed as {printable(encoding)}, unasked")
        return _Reply(response.status_code, bytes(body))

    def _read(self, reply: _Reply) -> Answer | SoapFault:
        unreadable: BadRecord | None = None
        try:
            answer = read_answer(reply.content, *self._fault_places)
        except BadRecord as bad:
            unreadable = bad
        else:
            if isinstance(answer, SoapFault) or reply.status == 200:
                return answer
        status = reply.status
        if status in _NOT_FOR_US:
            text = f"it answers HTTP {status}; check the address and the credentials"
            return SoapFault(f"HTTP {status}", text, is_about_us=True)
        if status == 429:
            raise Unavailable("it answers HTTP 429: too many questions just now")
        reason = unreadable or "its answer is no fault"
        raise OutcomeUnknown(f"it answers HTTP {status}, and {reason}") from unreadable


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    content: bytes = field(repr=False)


class _Seen:
    """How far a question got, and over which connection."""

    def __init__(self) -> None:
        self.sent = False
        self._connection: _Connection | None = None

    async def trace(self, event: str, details: Mapping[str, Any]) -> None:
        """Called by httpcore before and after each step."""
        if event == "connection.connect_tcp.complete":
            self._connection = details["return_value"]
        # Whatever is not the making of a connection counts as sending.
        self.sent = self.sent or not event.startswith("connection.")

    async def let_go(self) -> None:
        """Close the connection: httpcore forgets one whose handshake was cut short."""
        if self._connection is not None:
            await self._connection.aclose()


class _Connection(Protocol):
    async def aclose(self) -> None: ...


class _Wsse(Protocol):
    def apply(self, envelope: object, headers: object) -> tuple[object, object]: ...


class _Signature:
    """A fresh token for each message, at our clock's instant."""

    def __init__(self, token: UserToken, clock: Clock) -> None:
        self._token, self._clock = token, clock

    def apply(self, envelope: object, headers: object) -> tuple[object, object]:
        """The message with the token in its header."""
        token: _Wsse = UsernameToken(
            self._token.user,
            self._token.password,
            use_digest=self._token.is_digest,
            created=self._clock.now(),
            zulu_timestamp=True,
        )
        return token.apply(envelope, headers)


def _failure(
    error: BaseException, wrong: ssl.SSLError | None, seen: _Seen, address: SoapAddress
) -> Unavailable | OutcomeUnknown:
    """What an exchange that failed means."""
    if not seen.sent:
        return Unavailable(f"it cannot be reached: {_reason(error, wrong)}; nothing was sent")
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return OutcomeUnknown(f"no answer within {address.timeout_s:g} s")
    text = f"the connection broke before the answer: {_reason(error, wrong)}"
    if address.tls is not None:
        # Of TLS 1.3 a server may close so fast that its alert is lost.
        text += "; where every question ends so, it may be that our certificate is turned down"
    return OutcomeUnknown(text)


def _reason(error: BaseException, wrong: ssl.SSLError | None) -> str:
    if isinstance(wrong, ssl.SSLCertVerificationError):
        return f"its certificate is refused ({wrong.verify_message})"
    if wrong is not None:
        why = wrong.reason or str(wrong)
        return f"TLS failed ({why}); check the port, and our certificate if it asks for one"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "it does not take a connection in time"
    return printable(error) or type(error).__name__


def _ssl_error(error: BaseException | None) -> ssl.SSLError | None:
    """The TLS error at the bottom of another, if there is one."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        error = error.__cause__ or error.__context__
    return None
