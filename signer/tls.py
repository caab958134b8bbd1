"""Mutual TLS: both sides show certificates of authorities that the operator chose."""

from __future__ import annotations

import ssl
from pathlib import Path

from signer.errors import SignerFault


class TlsIncomplete(SignerFault):
    """A certificate, key or authority is missing or unreadable."""


def server_context(
    certificate: Path | None, private_key: Path | None, callers_ca: Path | None
) -> ssl.SSLContext:
    """TLS 1.3, callers must show a certificate that `callers_ca` signed. Raises TlsIncomplete."""
    if certificate is None or private_key is None or callers_ca is None:
        raise TlsIncomplete("--listen needs --certificate, --private-key and --callers-ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, private_key)
        context.load_verify_locations(callers_ca)
    except (OSError, ssl.SSLError) as error:
        raise TlsIncomplete(f"TLS files: {error}") from error
    return context
