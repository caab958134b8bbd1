"""Going on after the journal was lost or restored from a backup. An operator's explicit decision.

A copy of the audit log gives everything back, verified by the log key. Without one, the stretch
that is lost stays lost: numbers up to the newest receipt are skipped, what was requested before now
is never signed again, and windows count as exhausted until they lie behind the recovery. A policy
is in force afterwards only if the operator brings the last one, with all signatures that lead to
it; else the administrators are pinned anew, by whoever has the keystore's passphrase.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from signer.auditlog import AuditLog, set_aside
from signer.canonical import (
    MalformedMessage,
    exact_fields,
    format_time,
    identifier,
    integer,
    parse_time,
)
from signer.errors import JournalDamaged, PinnedAlready, Refused
from signer.inforce import PolicyInForce, policy_record
from signer.journal import Journal
from signer.keychain import OwnKey
from signer.logfile import records_of, verify_log
from signer.policy import Administrators, PolicyHead, SignedPolicy
from signer.state import StateDirectory
from signer.wire import RefusalCode


@dataclass(frozen=True, slots=True)
class LostVault:
    """A vault that the journal has forgotten; from a source that the operator trusts."""

    client: str
    vault: str
    account: int


@dataclass(frozen=True, slots=True)
class Skip:
    """`sequence`: of the newest receipt anybody holds. `policy_version`: the last in force.
    `vaults`: with their account numbers, none of which is given out again. `policies`: the last in
    force, and those before it that name who signed it. Without them none is in force."""

    sequence: int
    policy_version: int
    vaults: tuple[LostVault, ...]
    policies: tuple[SignedPolicy, ...] = ()


def read_vaults(path: Path) -> tuple[LostVault, ...]:
    """JSON lines with client, vault and account. Raises MalformedMessage."""
    vaults = []
    for line in path.read_text().splitlines():
        try:
            fields = exact_fields(json.loads(line), frozenset({"client", "vault", "account"}))
        except ValueError as error:
            raise MalformedMessage(f"not a vault: {error}") from error
        vaults.append(
            LostVault(
                identifier(fields["client"]),
                identifier(fields["vault"]),
                integer(fields["account"]),
            )
        )
    if len({v.vault for v in vaults}) != len(vaults) or len({v.account for v in vaults}) != len(
        vaults
    ):
        raise MalformedMessage("the same vault or account twice")
    return tuple(vaults)


def recover(
    state: StateDirectory,
    log_key: OwnKey,
    log: Path | None,
    skip: Skip | None,
    now: datetime,
    pinned: Administrators | None = None,
) -> Journal:
    """Restore from `log`, then `skip` what is still missing. `pinned`: in the keystore. The caller
    closes the journal.

    Raises JournalDamaged if the log is not the continuation of this journal, Refused if the
    policies do not follow on it or do not end with the last in force.
    """
    if log is not None:
        verify_log(log, log_key.public_key)
    journal = Journal(state.journal, log_key)
    try:
        with journal.transaction():
            if log is not None:
                _restore(journal, log)
            if skip is not None:
                _skip(journal, skip, now, pinned)
        _set_aside(state.log, log, journal.sequence)
        AuditLog(state.log, journal)
    except BaseException:
        journal.close()
        raise
    return journal


def _restore(journal: Journal, log: Path) -> None:
    for record in records_of(log):
        if record.sequence > journal.sequence:
            journal.restore(*record)


def pin(
    state: StateDirectory,
    log_key: OwnKey,
    before: Administrators | None,
    administrators: Administrators,
    now: datetime,
) -> None:
    """Who signs the next policy, as a record: only its order says that this came after a recovery.
    `before`: whom the keystore names. Whoever calls this has opened it. Raises PinnedAlready if
    somebody has the say."""
    journal = Journal(state.journal, log_key)
    try:
        if not _history(journal, before).awaits_pinning:
            raise PinnedAlready
        body = {"kind": "pinned", "at": _not_before_newest(journal, now)}
        with journal.transaction():
            journal.append({**body, "administrators": administrators.to_json()})
        AuditLog(state.log, journal)
    finally:
        journal.close()


def _not_before_newest(journal: Journal, now: datetime) -> str:
    """Never before what is known to have happened: a clock that is behind would make what was
    requested before the recovery look as if it came after."""
    newest = journal.newest_at()
    return format_time(now if newest is None else max(now, parse_time(newest)))


def _skip(journal: Journal, skip: Skip, now: datetime, pinned: Administrators | None) -> None:
    at = _not_before_newest(journal, now)
    in_force = _history(journal, pinned) if skip.policies else None
    journal.skip_past(
        skip.sequence,
        {
            "kind": "recovered",
            "at": at,
            "policies": bool(skip.policies),
            "policy_version": skip.policy_version,
            "account_min": 1 + max((vault.account for vault in skip.vaults), default=-1),
        },
    )
    if in_force is not None:
        _bring_policies(journal, in_force, skip, now)
    for lost in _missing(journal, skip.vaults):
        journal.append(
            {
                "kind": "vault",
                "at": at,
                "client": lost.client,
                "vault": lost.vault,
                "account": lost.account,
            }
        )


def _history(journal: Journal, pinned: Administrators | None) -> PolicyInForce:
    in_force = PolicyInForce(pinned)
    in_force.read_all(journal.rare)
    return in_force


def _bring_policies(journal: Journal, in_force: PolicyInForce, skip: Skip, now: datetime) -> None:
    """Each on the one before, up to the last. What the journal has, or has gone beyond, is passed
    over: who keeps them all may give them all."""
    for version, signed in _by_version(skip.policies):
        newest = in_force.signed
        if newest is None or (version >= in_force.version and newest.document != signed.document):
            in_force.adopt(signed)
            journal.append(policy_record(signed, in_force.version, now))
    if in_force.version != skip.policy_version:
        message = f"the newest of these policies is version {in_force.version}"
        raise Refused(RefusalCode.DENIED, "not-the-last", message)


def _by_version(policies: Iterable[SignedPolicy]) -> list[tuple[int, SignedPolicy]]:
    versions = ((PolicyHead.parse(each.document).version, each) for each in policies)
    return sorted(versions, key=lambda pair: pair[0])


def _missing(journal: Journal, vaults: Iterable[LostVault]) -> list[LostVault]:
    missing = []
    known_accounts = journal.accounts_next()
    for lost in vaults:
        known = journal.vault(lost.vault)
        if known is None and lost.account < known_accounts:
            raise JournalDamaged(f"account {lost.account} belongs to another vault")
        if known is None:
            missing.append(lost)
        elif (known.body["client"], known.body["account"]) != (lost.client, lost.account):
            raise JournalDamaged(f"the journal knows vault {lost.vault} otherwise")
    return missing


def _set_aside(path: Path, source: Path | None, sequence: int) -> None:
    """The old log is kept under another name; a new one is written whole from the journal."""
    if path.exists() and (source is None or not path.samefile(source)):
        set_aside(path, "before", sequence)
