"""Logins of ERC-4361 ("Sign-In with Ethereum"), read by their grammar. Pure.

What is between its lines is the site's to say. What counts is fixed: the domain, who signs, the
chain. A wallet shows the domain; here a rule names it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from chains.errors import InvalidAddress
from chains.evm import address
from chains.messages.errors import LoginMalformed
from chains.model import Address

_SCHEME: Final = r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?"
_DOMAIN: Final = r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9][0-9]{0,4})?)"
"""RFC 3986's host and port in the one spelling that a rule can name: no user, small letters."""
_URI: Final = r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+"
_STATEMENT: Final = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;= %-]+"
_TIME: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_LOGIN: Final = re.compile(
    rf"{_SCHEME}{_DOMAIN} wants you to sign in with your Ethereum account:\n"
    rf"(0x[0-9A-Fa-f]{{40}})\n\n"
    rf"(?:({_STATEMENT})\n)?\n"
    rf"URI: ({_URI})\n"
    rf"Version: 1\n"
    rf"Chain ID: ([1-9][0-9]{{0,15}})\n"
    rf"Nonce: [A-Za-z0-9]{{8,128}}\n"
    rf"Issued At: {_TIME}"
    rf"(?:\nExpiration Time: {_TIME})?"
    rf"(?:\nNot Before: {_TIME})?"
    rf"(?:\nRequest ID: [A-Za-z0-9._~:@!$&'()*+,;=%-]*)?"
    rf"(?:\nResources:(?:\n- {_URI})*)?",
    re.ASCII,
)
"""ERC-4361, "Message Format"."""


@dataclass(frozen=True, slots=True)
class Login:
    domain: str
    address: Address
    statement: str | None
    uri: str
    chain_id: int


def parse(text: str) -> Login:
    """Raises LoginMalformed."""
    found = _LOGIN.fullmatch(text)
    if found is None:
        raise LoginMalformed("not a login in the form of ERC-4361")
    domain, spelled, statement, uri, chain_id = found.groups()
    try:
        if address.parse(spelled) != spelled:
            raise LoginMalformed("its address is not in the spelling of EIP-55")
    except InvalidAddress as error:
        raise LoginMalformed(f"its address: {error}") from error
    return Login(domain, Address(spelled), statement, uri, int(chain_id))
