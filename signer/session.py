"""Everything that lives between unlocking and locking, composed in one place."""

from __future__ import annotations

from collections.abc import Callable, Collection

from chains.codec import TransactionCodec
from chains.networks import Network
from signer.accounts import Accounts
from signer.auditlog import AuditLog
from signer.checkpoint import verifier_key
from signer.clock import Adoption, Counter, TrustedClock, Wall, seconds_since_boot, utc_now
from signer.codecs import Codecs, codec_for
from signer.guard import Guard
from signer.journal import Journal
from signer.keychain import Root
from signer.keystore import Contents
from signer.publishing import Publisher
from signer.service import Signer
from signer.state import StateDirectory
from signer.vaults import Vaults
from signer.wire import Notice, RefusalCode, Status, format_time, parse_time

LOG_KEY = "log"
ATTESTATION_KEY = "attestation"


def root_of(contents: Contents) -> Root:
    """The keys; wipes the seed that they come from."""
    try:
        return Root(contents.seed)
    finally:
        contents.wipe()


class Session:
    """One unlocked signer. Made, used and closed in one thread."""

    def __init__(
        self,
        state: StateDirectory,
        contents: Contents,
        networks: Collection[str],
        clock: Wall = utc_now,
        counter: Counter = seconds_since_boot,
        make_codec: Callable[[Network], TransactionCodec] = codec_for,
    ) -> None:
        """Opens and verifies the journal, and wipes `contents`. `networks`: what is enabled, by
        alias or id. Raises JournalFault."""
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
        newest = self.journal.newest_at()
        times = TrustedClock(clock, counter, None if newest is None else parse_time(newest))
        self._clock = times
        codecs = self._codecs = Codecs(networks, lambda: self.guard.in_force.catalogue, make_codec)
        accounts = Accounts(self._root, codecs)
        self.signer = Signer(accounts, self.guard, log, times)
        self.vaults = Vaults(accounts, self.guard, log, self._attester, times)
        self.publisher = Publisher(codecs, self.guard, log, times)

    def status(self, notices: tuple[Notice, ...]) -> Status:
        """`notices`: what is known outside about process and disk."""
        return Status(
            locked=False,
            policy_version=self.guard.in_force.version,
            sequence=self.journal.sequence,
            head=self.journal.head,
            attestation_key=self._attester.public_key,
            warnings=(
                *notices,
                *self.journal.notices(),
                *self._log.notices(),
                *self.guard.in_force.notices(),
                *self._codecs.notices(),
                *self._clock_notices(),
            ),
            log_key=self._log_key.public_key,
            verifier_key=verifier_key(self.journal.end.origin, self._log_key.public_key),
            checkpoint=self.journal.seal(),
        )

    def tick(self) -> None:
        """Look at the wall clock: note where it left ours or came back, and believe it once it has
        been steady for long enough. To be called every few minutes. Raises Refused, sqlite3.Error
        or OSError."""
        step, adoption = self._clock.due(), None
        news = self._clock.news()
        if step is None and not news:
            return
        with self.guard.transaction():
            for moment in news:
                noticed = {"at": format_time(moment.now), "wall": format_time(moment.wall)}
                self.journal.append({"kind": "clock-noticed", **noticed})
            if step is not None:
                times = {"before": format_time(step[0]), "at": format_time(step[1])}
                record = self.journal.append({"kind": "clock", **times})
                adoption = Adoption(record.sequence, *step)
        if step is not None and adoption is not None:
            self._clock.adopt(step)
            self.guard.adopt_clock(adoption)
        self._log.append()

    def _clock_notices(self) -> tuple[Notice, ...]:
        moment = self._clock.moment()
        if moment.agrees:
            return ()
        # Whole minutes, so that the words stay while the distance does.
        away = round((moment.wall - moment.now).total_seconds() / 60)
        message = (
            f"the wall clock is some {abs(away)} minutes {'ahead of' if away > 0 else 'behind'} the"
            " seconds counted since the start: what depends on it waits"
        )
        return (Notice("clock-disagrees", message),)

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
