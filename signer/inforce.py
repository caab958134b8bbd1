"""Which policy is in force, and whose signatures the next one needs. No I/O.

Every policy that ever was is checked again when the journal is read, from the pinned
administrators on: each is signed by a quorum of those whom the one before it names. Of a
superseded one only version, administrators and signatures are read, so that a network or time zone
that is gone since then keeps nobody from starting.

A recovery that lost records, and was not given the policies among them, puts all that was known
out of force, because the newest may have removed a person or an administrator for good reason. The
way back is to pin administrators at the signer once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from chains.catalogue import Catalogue, built_in
from chains.errors import NetworkFixed
from chains.lasting import Lasting
from signer.canonical import MalformedMessage
from signer.chain import Record
from signer.errors import JournalDamaged, Refused
from signer.policy import (
    Administrators,
    InvalidPolicy,
    Policy,
    PolicyHead,
    PolicyUnsigned,
    SignedPolicy,
    Stop,
    check_quorum,
)
from signer.statements import STOPPED, Notice
from signer.wire import RefusalCode, format_time

KINDS: Final = ("policy", "recovered", "pinned", "stopped")
"""Records that say who has the say."""
_VOID: Final = (
    "no policy is in force since the recovery: pin administrators at the signer"
    " (custody-keys pin administrators), then publish a policy that they signed"
)
_UNREADABLE: Final = "the policy in force can't be read by this program: publish another one"


class PolicyInForce:
    """Read from records in their order; then one policy after another."""

    def __init__(self, pinned: Administrators | None) -> None:
        self._administrators = pinned
        self._signed: SignedPolicy | None = None
        self._digest = bytes(32)
        self._policy: Policy | None = None
        self._version_min = 1
        self._void = False
        self._catalogue: Catalogue | None = None
        self._lasting = Lasting()
        self._stop: Stop | None = None
        self.version = 0
        """Of the policy in force, 0 if there is none."""

    @property
    def signed(self) -> SignedPolicy | None:
        return self._signed

    @property
    def digest(self) -> bytes:
        """SHA-256 of the document in force, zeros if there is none: named in each decision to
        sign."""
        return self._digest

    @property
    def policy(self) -> Policy | None:
        """None if there is none, or none that this program can read."""
        if self._policy is None and self._signed is not None:
            try:
                self._policy = Policy.parse(self._signed.document)
            except InvalidPolicy:
                return None
        return self._policy

    @property
    def catalogue(self) -> Catalogue:
        """Which networks and assets there are: of the last policy, also if it is void since. What
        is built in, if there is none, or none that this program can read."""
        if self._catalogue is None:
            policy = self.policy
            self._catalogue = built_in() if policy is None else policy.catalogue
        return self._catalogue

    @property
    def awaits_pinning(self) -> bool:
        """Whether nobody has the say: before the first pinning, and after a recovery that put
        everything out of force."""
        return self._administrators is None

    def require(self) -> Policy:
        """The policy in force. Raises Refused, also while an administrator has stopped it."""
        if self._stop is not None:
            raise Refused(RefusalCode.STOPPED, "emergency-stop", _words(self._stop))
        policy = self.policy
        if policy is not None:
            return policy
        if self._signed is not None:
            raise Refused(RefusalCode.DENIED, "policy-unreadable", _UNREADABLE)
        said = _VOID if self._void else "no policy has been published"
        raise Refused(RefusalCode.DENIED, "no-policy", said)

    def notices(self) -> tuple[Notice, ...]:
        """What an operator should mend."""
        stopped = () if self._stop is None else (Notice(STOPPED, _words(self._stop)),)
        if self._signed is not None:
            unreadable = self.policy is None
            return stopped + ((Notice("policy-unreadable", _UNREADABLE),) if unreadable else ())
        return (Notice("policy-void", _VOID),) if self._void else ()

    def check_stop(self, stop: Stop, origin: str) -> None:
        """Whether `stop` is the word of one administrator of the policy in force about the log that
        calls itself `origin`. Raises Refused."""
        if stop.origin != origin:
            raise _not_stopped("stop-origin", f"it is about {stop.origin}, this log is {origin}")
        if self._signed is None or stop.policy_version != self.version:
            said = f"it is about version {stop.policy_version}, in force is {self.version}"
            raise _not_stopped("stop-version", said)
        if self._administrators is None or not stop.is_by(self._administrators.members):
            raise _not_stopped("stop-unsigned", "it is signed by no administrator")

    @property
    def is_stopped(self) -> bool:
        return self._stop is not None

    def stop(self, stop: Stop) -> None:
        """From now on only cancels are signed, until another policy is adopted."""
        self._stop = stop

    def check(self, signed: SignedPolicy) -> Policy:
        """Whether `signed` may be the next. Raises Refused."""
        self._check_head(signed)
        try:
            policy = Policy.parse(signed.document)
            self._lasting.check(policy.catalogue)
        except InvalidPolicy as error:
            raise Refused(RefusalCode.MALFORMED, "policy", str(error)) from error
        except NetworkFixed as error:
            raise Refused(RefusalCode.DENIED, "network-fixed", str(error)) from error
        return policy

    def adopt(self, signed: SignedPolicy) -> None:
        """Put it in force, though perhaps only to be superseded: its rules are not looked at.
        Raises Refused."""
        head = self._check_head(signed)
        self._signed, self._policy, self.version = signed, None, head.version
        self._catalogue = self._stop = None
        self._lasting.add(head.networks, head.assets)
        self._digest = sha256(signed.document).digest()
        self._administrators = head.administrators
        self._version_min = head.version + 1

    def read_all(self, rare: Callable[[str], Iterable[Record]]) -> list[Record]:
        """All that a journal says of it, which tells its records of a kind; returns those
        records, in order. Raises JournalDamaged."""
        records = sorted(record for kind in KINDS for record in rare(kind))
        for record in records:
            self.read(record)
        return records

    def read(self, record: Record) -> None:
        """The next record of one of KINDS. Raises JournalDamaged if a policy was not signed by who
        had the say then."""
        body = record.body
        try:
            if body["kind"] == "recovered":
                self._recover(body)
            elif body["kind"] == "stopped":
                stop = Stop.parse(body["stop"])
                self.check_stop(stop, stop.origin)  # whose log it was then, the record says
                self.stop(stop)
            elif body["kind"] == "pinned":
                self._administrators = Administrators.parse(body["administrators"])
            else:
                row = {"document": body["document"], "signatures": body["signatures"]}
                self.adopt(SignedPolicy.parse(row))
        except (Refused, InvalidPolicy, MalformedMessage) as error:
            raise JournalDamaged(f"policy in record {record.sequence}: {error}") from error

    def _recover(self, body: dict[str, Any]) -> None:
        if body["policies"]:  # the next records are the lost policies, or the newest was not lost
            return
        _ = self.catalogue  # what was known of networks outlives who had the say
        self._signed = self._policy = self._administrators = self._stop = None
        self.version, self._digest, self._void = 0, bytes(32), True
        self._version_min = max(self._version_min, body["policy_version"] + 1)

    def _check_head(self, signed: SignedPolicy) -> PolicyHead:
        if self._administrators is None:
            said = _VOID if self._void else "no administrators are pinned"
            raise Refused(RefusalCode.DENIED, "no-administrators", said)
        try:
            check_quorum(signed, self._administrators)
            head = PolicyHead.parse(signed.document)
        except PolicyUnsigned as error:
            raise Refused(RefusalCode.DENIED, "policy-unsigned", str(error)) from error
        except InvalidPolicy as error:
            raise Refused(RefusalCode.MALFORMED, "policy", str(error)) from error
        if head.version < self._version_min:
            raise Refused(
                RefusalCode.DENIED,
                "policy-rollback",
                f"version {head.version}, but the next is at least {self._version_min}",
            )
        return head


def _not_stopped(detail: str, said: str) -> Refused:
    return Refused(RefusalCode.DENIED, detail, f"nothing is stopped: {said}")


def _words(stop: Stop) -> str:
    return (
        f"stopped by {stop.administrator}: {stop.reason}. Cancels are signed, and nothing else,"
        f" until a policy after version {stop.policy_version} is published"
    )


def stop_record(stop: Stop, now: datetime) -> dict[str, Any]:
    """What the journal keeps of a stop."""
    return {"kind": "stopped", "at": format_time(now), "stop": stop.to_json()}


def policy_record(signed: SignedPolicy, version: int, now: datetime) -> dict[str, Any]:
    """What the journal keeps of a policy."""
    body = {"kind": "policy", "at": format_time(now), "version": version}
    return {**body, **signed.to_json()}
