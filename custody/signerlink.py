"""Where the signer is and how it is reached: a socket beside us, or mutual TLS to another host."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from custody.config import Settings
from signer.client import SignerClient

LoadNewest = Callable[[], Awaitable[tuple[int, bytes] | None]]


class BadLink(ValueError):
    """The settings say no way to the signer. The message names the setting."""


def connect_signer(settings: Settings, load_newest: LoadNewest | None = None) -> SignerClient:
    """Not connected yet. `load_newest`: as SignerClient takes it. Raises BadLink."""
    if settings.signer_url is None:
        return SignerClient(settings.signer_socket, load_newest=load_newest)
    url = urlsplit(settings.signer_url)
    if url.scheme == "unix" and url.path and not (url.netloc or url.query or url.fragment):
        return SignerClient(Path(url.path), load_newest=load_newest)
    host, port = _place(url)
    return SignerClient.over_tls(host, port, _context(settings), load_newest=load_newest)


def _place(url: SplitResult) -> tuple[str, int]:
    try:
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    more = url.username or url.password or url.path or url.query or url.fragment
    if url.scheme != "tls" or host is None or port is None or more:
        raise BadLink("CUSTODY_SIGNER_URL must be unix:///FILE or tls://HOST:PORT")
    return host, port


def _context(settings: Settings) -> ssl.SSLContext:
    """TLS 1.3; the signer must show a certificate of its host's name by our authority, and of no
    public one: whoever can have a certificate made for that name must not be taken for it."""
    files = {
        "CUSTODY_SIGNER_CA_FILE": settings.signer_ca_file,
        "CUSTODY_SIGNER_CERTIFICATE_FILE": settings.signer_certificate_file,
        "CUSTODY_SIGNER_PRIVATE_KEY_FILE": settings.signer_private_key_file,
    }
    missing = [name for name, file in files.items() if file is None]
    if missing:
        raise BadLink(f"CUSTODY_SIGNER_URL with TLS needs {', '.join(missing)}")
    authority, certificate, key = files.values()
    assert authority is not None and certificate is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(authority)
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError, ssl.SSLError) as error:
        raise BadLink(f"{', '.join(files)}: not PEM that can be read: {error}") from None
    return context


def _no_passphrase() -> str:
    """A process that starts by itself has nobody to ask."""
    raise ValueError("the private key has a passphrase")
