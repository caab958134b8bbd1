"""What goes wrong inside the signer, as one tree.

    SignerFault
    ├── Refused                a request is refused, with a code for the wire
    ├── KeystoreFault
    │   ├── WrongPassphrase    the passphrase (or the token's key) does not open the file
    │   ├── KeystoreDamaged    not a keystore of a version that we read
    │   ├── KeystoreExists     would be overwritten
    │   └── TokenUnavailable   the PKCS#11 token does not do its part
    ├── WordsInvalid           BIP-39 words or SLIP-39 shares that do not restore anything
    ├── OutsideScope           a path outside the keychain's scope was asked for
    ├── PinnedAlready          administrators have the say already
    └── JournalFault
        ├── JournalDamaged     the record of what was signed was changed or cut
        ├── JournalBehind      it is older than what somebody holds proof of
        ├── StateInUse         another process works in the same state directory
        └── DiskFailed         the disk is full or fails; what is on it stays as it was

`str(error)` is for the operator and never contains a secret.
"""

from __future__ import annotations

from signer.answers import Need, RefusalCode


class SignerFault(Exception):
    """Base of the tree."""


class Refused(SignerFault):
    """`detail`: a stable word below `code`. `transfer`: the one in the way, if it is one of several
    that a request names. `reasons`: for the audit log only."""

    def __init__(
        self,
        code: RefusalCode,
        detail: str,
        message: str,
        *,
        transfer: str | None = None,
        needs: tuple[Need, ...] = (),
        reasons: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail
        self.transfer = transfer
        self.needs = needs
        self.reasons = reasons


def mismatch(detail: str, message: str, transfer: str | None = None) -> Refused:
    """The transaction is not what the mandates say."""
    return Refused(RefusalCode.MISMATCH, detail, message, transfer=transfer)


def malformed(detail: str, message: str, transfer: str | None = None) -> Refused:
    """It can't be read, or no network carries it."""
    return Refused(RefusalCode.MALFORMED, detail, message, transfer=transfer)


def conflict(detail: str, message: str, transfer: str | None = None) -> Refused:
    """With what was signed before."""
    return Refused(RefusalCode.CONFLICT, detail, message, transfer=transfer)


def unavailable(detail: str, message: str) -> Refused:
    """Nothing is wrong with the request; it may be asked again."""
    return Refused(RefusalCode.UNAVAILABLE, detail, message)


class KeystoreFault(SignerFault):
    """Base of what can be wrong with the seed at rest."""


class WrongPassphrase(KeystoreFault):
    """The passphrase or the file is wrong. The cipher can't tell which."""


class KeystoreDamaged(KeystoreFault):
    """Not a keystore, or of a version or with parameters that we do not read."""


class KeystoreExists(KeystoreFault):
    """There is a keystore already. It is never overwritten by a new one."""


class TokenUnavailable(KeystoreFault):
    """The PKCS#11 library, token, PIN or key that the keystore needs is not there."""


class WordsInvalid(SignerFault):
    """The words or shares have a wrong checksum, are too few, or do not belong together."""


class OutsideScope(SignerFault):
    """A keychain was asked for a key outside its scope. Always a bug or an attack."""


class PinnedAlready(SignerFault):
    """Administrators are pinned already. Only a policy that they sign names others."""

    def __init__(self) -> None:
        super().__init__("administrators are pinned already: publish a policy that names others")


class JournalFault(SignerFault):
    """Base of what can be wrong with the durable record."""


class JournalDamaged(JournalFault):
    """A record was changed, removed or added by somebody else than the signer."""


class JournalBehind(JournalFault):
    """Somebody holds proof of later records: this is a restored backup. To sign again what the lost
    records allowed would pay twice."""


class StateInUse(JournalFault):
    """Another process works here. Neither would know what the other signed."""


class DiskFailed(JournalFault):
    """The disk is full, read-only or fails. No record is lost; to go on, mend the disk."""
