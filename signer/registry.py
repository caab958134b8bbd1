"""Which vault has which account number, given here and once.

Whoever could bind a vault's name to another account could apply one vault's policy to another
vault's keys: so it is the signer's own to say, from its journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chains.keys import HARDENED
from signer.answers import RefusalCode
from signer.canonical import format_time
from signer.chain import Record
from signer.errors import Refused, unavailable
from signer.journal import Journal


@dataclass(frozen=True, slots=True)
class Vault:
    """`record`: the journal's on its opening."""

    client: str
    account: int
    record: Record


class Registry:
    """Read from the journal. What is remembered of it can be forgotten at any time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, Vault] = {}
        self.next = journal.accounts_next()
        """The next account number; never one that was given out, also before a recovery."""

    def forget(self) -> None:
        self._known.clear()

    def vault(self, name: str) -> Vault | None:
        found = self._known.get(name)
        record = self._journal.vault(name) if found is None else None
        if record is not None:
            found = Vault(record.body["client"], record.body["account"], record)
            self._known[name] = found
        return found

    def open(self, client: str, name: str, now: datetime) -> Vault:
        """The vault's account number, assigned now or earlier. Raises Refused."""
        known = self.vault(name)
        if known is not None and known.client != client:
            said = "this client has no vault of that name"
            raise Refused(RefusalCode.UNKNOWN_VAULT, "other-client", said)
        if known is not None:
            return known
        if self.next >= HARDENED:
            raise unavailable("accounts", "all account numbers are taken")
        entry = {"client": client, "vault": name, "account": self.next}
        record = self._journal.append({"kind": "vault", "at": format_time(now), **entry})
        opened = self._known[name] = Vault(client, self.next, record)
        self.next += 1
        return opened
