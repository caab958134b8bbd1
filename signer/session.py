"""Everything that lives between unlocking and locking, composed in one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from chains.codec import TransactionCodec
from chains.model import NetworkId
from signer.accounts import Accounts
from signer.auditlog import AuditLog
from signer.guard import Guard
from signer.journal import Journal
from signer.keychain import Root
from signer.keystore import Contents
from signer.publishing import Publisher
from signer.service import Clock, Signer
from signer.state import StateDirectory
from signer.vaults import Vaults
from signer.wire import Notice, RefusalCode, Status, format_time
from signer.words import seed_of

LOG_KEY = "log"
ATTESTATION_KEY = "attestation"


def utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def root_of(contents: Contents) -> Root:
    """The keys; wipes the entropy that they come from."""
    seed = seed_of(contents.entropy)
    try:
        return Root(seed)
    finally:
        seed[:] = bytes(len(seed))
        contents.wipe()


class Session:
    """One unlocked signer. Made, used and closed in one thread."""

    def __init__(
        self,
        state: StateDirectory,
        contents: Contents,
        codecs: Mapping[NetworkId, TransactionCodec],
        clock: Clock = utc_now,
    ) -> None:
        """Opens and verifies the journal, and wipes `contents`. Raises JournalFault."""
        self._clock = clock
        administrators = contents.administrators
        self._root = root_of(contents)
        self._log_key = self._root.own_key(LOG_KEY)
        self._attester = self._root.own_key(ATTESTATION_KEY)
        try:
            self.journal = Journal(state.journal, self._log_key)
        except BaseException:
            self._wipe()
            raise
        try:
            self.guard = Guard(self.journal, administrators)
            log = self._log = AuditLog(state.log, self.journal)
        except BaseException:
            self.close()
            raise
        accounts = Accounts(self._root, codecs)
        self.signer = Signer(accounts, self.guard, log, clock)
        self.vaults = Vaults(accounts, self.guard, log, self._attester, clock)
        self.publisher = Publisher(codecs, self.guard, log, clock)

    def status(self, notices: tuple[Notice, ...]) -> Status:
        """`notices`: what is known outside about process and disk."""
        policy = self.guard.policy
        return Status(
            locked=False,
            policy_version=0 if policy is None else policy.version,
            sequence=self.journal.sequence,
            head=self.journal.head,
            attestation_key=self._attester.public_key,
            warnings=(*notices, *self.journal.notices(), *self._log.notices()),
            log_key=self._log_key.public_key,
        )

    def record_rejected(self, caller: str, code: RefusalCode, detail: str, message: str) -> None:
        """A message that was refused as a whole goes into the log like any other refusal."""
        body = {"kind": "rejected", "at": format_time(self._clock()), "caller": caller}
        with self.guard.transaction():
            self.journal.append({**body, "code": code.value, "detail": detail, "message": message})
        self._log.append()

    def close(self) -> None:
        """Lock: wipe every key."""
        self.journal.close()
        self._wipe()

    def _wipe(self) -> None:
        self._root.wipe()
        self._log_key.wipe()
        self._attester.wipe()
