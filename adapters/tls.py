"""A link under TLS: how the exchange's certificate is checked, and what a failed handshake means.

Nothing of ours is said before the certificate is accepted, so a wrong one never learns the secret.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass

_CERTIFICATES = {
    9: "its certificate is not valid yet; set both clocks by NTP",
    10: "its certificate has expired; renew it, touch manager.conf and do `manager reload`",
    18: "its certificate is signed by itself; name that very certificate as ca_file, or use a CA",
    19: "its certificate is signed by another CA than the one in ca_file",
    20: "its certificate is signed by another CA than the one in ca_file",
    21: "its certificate is signed by another CA than the one in ca_file",
    62: "its certificate is not for {server_name}; correct server_name, or make one for that name",
    64: "its certificate is not for {server_name}; correct server_name, or make one for that name",
}
"""By OpenSSL's number of what is wrong with a certificate (X509_V_ERR_...)."""
_HANDSHAKES = {
    "WRONG_VERSION_NUMBER": "that port speaks plain text; give the one of tlsbindaddr (5039)",
    "UNSUPPORTED_PROTOCOL": "it offers nothing newer than TLS 1.1; rtbill wants 1.2 or newer",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it offers nothing that rtbill speaks, TLS 1.2 or newer",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it asks for a certificate of ours (client_cert_file), or no "
    "cipher suits both (tlscipher in manager.conf)",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not accept our certificate; have client_cert_file signed by "
    "the CA that it trusts",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "it asks for a certificate of ours; give client_cert_file "
    "and client_key_file",
}
"""By OpenSSL's word for the failure."""


@dataclass(frozen=True, slots=True)
class Tls:
    """What an exchange must prove before a word is said to it."""

    context: ssl.SSLContext
    server_name: str
    """The name, or address, that its certificate must be for, whatever the host is called."""

    def sentence(self, error: ssl.SSLError) -> str:
        """What went wrong, with the remedy."""
        if isinstance(error, ssl.SSLCertVerificationError):
            text = _CERTIFICATES.get(error.verify_code, f"its certificate: {error.verify_message}")
        else:
            text = _HANDSHAKES.get(error.reason or "", f"the handshake failed: {error}")
        return text.format(server_name=self.server_name)
