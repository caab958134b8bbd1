"""How a policy comes into force: signed by the quorum, newer than the last, and readable here. And
how one administrator stops it."""

from __future__ import annotations

from chains.errors import InvalidAddress
from signer.auditlog import AuditLog
from signer.clock import TrustedClock
from signer.codecs import CodecSource
from signer.errors import Refused
from signer.guard import Guard
from signer.inforce import policy_record, stop_record
from signer.policy import Policy, SignedPolicy, Stop
from signer.wire import RefusalCode


class Publisher:
    """Lives while unlocked; one thread."""

    def __init__(
        self,
        codecs: CodecSource,
        guard: Guard,
        log: AuditLog,
        clock: TrustedClock,
    ) -> None:
        self._codecs = codecs
        self._guard = guard
        self._log = log
        self._clock = clock

    def current(self) -> SignedPolicy | None:
        return self._guard.in_force.signed

    def publish(self, signed: SignedPolicy) -> int:
        """The version now in force. Publishing again what is in force changes nothing.

        Raises Refused: not signed by the quorum, not newer, not a policy, one that changes what
        addresses and money hang on, or with an address that no transaction of its network can ever
        pay, so that a deny rule about it would be idle.
        """
        in_force = self._guard.in_force
        if in_force.signed is not None and in_force.signed.document == signed.document:
            return in_force.version
        accepted = in_force.check(signed)
        self._check_addresses(accepted)
        with self._guard.transaction():
            self._guard.journal.append(policy_record(signed, accepted.version, self._clock()))
        in_force.adopt(signed)
        self._log.append()
        return accepted.version

    def stop(self, stop: Stop) -> int:
        """Sign nothing but cancels until a newer policy is published. The version in force. What is
        stopped already stays so, and nothing is recorded twice.

        Raises Refused: about another log or version, or by nobody who may.
        """
        in_force = self._guard.in_force
        in_force.check_stop(stop, self._guard.journal.end.origin)
        if not in_force.is_stopped:
            with self._guard.transaction():
                self._guard.journal.append(stop_record(stop, self._clock()))
            in_force.stop(stop)
            self._log.append()
        return in_force.version

    def _check_addresses(self, policy: Policy) -> None:
        """Of every network there is, enabled here or not: enabled later, nobody checks again."""
        for group in policy.destinations.values():
            for network, (address, _) in group.entries:
                try:
                    codec = self._codecs.get(network) or policy.catalogue.codec(network)
                    canonical = codec.parse_address(address).address
                except InvalidAddress as error:
                    raise _unusable(group.id, address) from error
                if canonical != address:
                    raise _unusable(group.id, address)


def _unusable(group: str, address: str) -> Refused:
    message = f"destinations: {group}: {address} is not an address in its canonical form"
    return Refused(RefusalCode.MALFORMED, "policy", message)
