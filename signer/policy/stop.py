"""The emergency stop: one administrator's word that nothing more is to be signed. Pure.

The policy in force names who may say so, and one of them is enough. The word names the signer's log
and the version of the policy in force, so it is good for that signer under that version and for
nothing else: only a newer version, signed by the quorum, ends it, and none that was ended can be
brought again. What it signs begins with a domain of its own, so it is never a signature of a
policy, an approval or a checkpoint, nor they of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from signer.policy.credentials import Credential, NotSigned, check_signed
from signer.reading import Identifier, Message, Signed, Words
from signer.wire import canonical_json

_DOMAIN: Final = b"custody-wallet/stop/v1\n"


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """`origin`: of the signer's log. `policy_version`: of the policy in force. `administrator`: who
    says so; `reason`: for people, one line. `signature`: Ed25519 over `message()`."""

    origin: Identifier
    policy_version: int
    administrator: Identifier
    reason: Words
    signature: Signed

    def message(self) -> bytes:
        """What the administrator's credential signs."""
        return stop_message(self.origin, self.policy_version, self.administrator, self.reason)

    def is_by(self, administrators: Mapping[str, tuple[Credential, ...]]) -> bool:
        """Whether it is by one of them."""
        try:
            check_signed(administrators.get(self.administrator, ()), self.signature, self.message())
        except NotSigned:
            return False
        return True


def stop_message(origin: str, policy_version: int, administrator: str, reason: str) -> bytes:
    """What is signed: canonical JSON (RFC 8785) behind a domain."""
    return _DOMAIN + canonical_json(
        {
            "origin": origin,
            "policy_version": policy_version,
            "administrator": administrator,
            "reason": reason,
        }
    )
