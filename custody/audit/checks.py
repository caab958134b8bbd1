"""Is this payment what people agreed to, and nothing else? Checked without asking anybody.

Given the evidence (`paper`), a copy of the signer's log (`logcopy`), the log's public key and the
administrators that were pinned in the signer. Each check is a function that returns what it
compared with what, or raises `Differs`. What no paper can show is said by `UNPROVEN`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Final

from custody.audit.case import Case, Differs, same
from custody.audit.logcopy import LogCopy
from custody.audit.paper import Paper, Said, Terms
from signer.checkpoint import parse_checkpoint
from signer.policy import NotSigned, Policy, check_signed
from signer.wire import (
    MalformedMessage,
    Mandate,
    approval_message,
    parse_json,
)

UNPROVEN: Final = (
    "that a block has the transaction: ask a node of your own for its txid",
    "that the log is the only one: compare its newest checkpoint with one kept elsewhere",
    "windows: this payment alone fits those of its rule; what others took of them before is not "
    "counted again",
    "ledger entries: not checked; they are custody's own books, which the signer does not sign",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: `name` of the check, and what it compared or how that differs."""

    passed: bool
    name: str
    words: str


def wanted(paper: Paper) -> tuple[frozenset[int], frozenset[tuple[str, int]]]:
    """What to keep of the log: records by number, and trees by origin and size."""
    numbers, trees = set[int](), set[tuple[str, int]]()
    for each in paper.transactions:
        if each.receipt is None:
            continue
        numbers |= {place.sequence for place in each.receipt.records}
        try:
            told = parse_checkpoint(each.receipt.checkpoint)
        except MalformedMessage:  # the check of the checkpoint says so
            continue
        trees.add((told.origin, told.size))
    return frozenset(numbers), frozenset(trees)


def findings(paper: Paper, log: LogCopy, log_key: bytes) -> Iterator[Finding]:
    """Every check, in the order in which one rests on another."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("policies", partial(_policies, paper, log)),
    ]
    for terms in paper.terms:
        checks += [
            (f"mandate {terms.version}", partial(_mandate, paper, terms)),
            (f"verdicts {terms.version}", partial(_verdicts, terms, log)),
        ]
    for each in paper.transactions:
        if each.receipt is not None:
            case = Case(paper, log, log_key, each, each.receipt)
            checks += [(f"{name} {each.id}", check) for name, check in case.checks()]
        elif each.signed is not None or each.txid is not None:
            checks.append((f"receipt {each.id}", _no_receipt))
    checks.append(("complete", partial(_complete, paper, log)))
    for name, check in checks:
        try:
            yield Finding(True, name, check())
        except Differs as error:
            yield Finding(False, name, str(error))
        except (KeyError, TypeError, ValueError) as error:  # of a signer that is none of ours
            yield Finding(False, name, f"the log's record can't be read: {error}")


def _policies(paper: Paper, log: LogCopy) -> str:
    if log.fault is not None:
        raise Differs(log.fault)
    unknown = [digest.hex() for digest in paper.policies if digest not in log.known]
    if unknown:
        raise Differs(f"the log has no policy {', '.join(unknown)}")
    return f"{len(log.known)} in the log, each signed by a quorum of those who had the say"


def _mandate(paper: Paper, terms: Terms) -> str:
    """The bytes, their digest, and that they are about the transfer that is shown."""
    mandate = _read(terms.document)
    if mandate.digest != terms.digest:
        raise Differs(f"its bytes have the digest {mandate.digest.hex()}")
    core = mandate.core
    same("transfer", core.transfer, paper.id)
    same("version", mandate.version, terms.version)
    same("client", core.client, paper.client)
    same("vault", core.vault, paper.vault)
    same("network", core.network, paper.network)
    same("initiator", core.initiator, paper.initiator)
    same("effects", core.effects, paper.effects)
    return f"its bytes have the digest {terms.digest.hex()} and say what was asked for"


def _verdicts(terms: Terms, log: LogCopy) -> str:
    """Each signature is that person's, over these bytes, under a policy of the log."""
    names = []
    for said in terms.said:
        if said.signed != approval_message(terms.digest, said.verdict):
            raise Differs(f"{said.approver} signed other bytes than this mandate's")
        if not any(_signed_by(said, policy) for policy in log.policies.values()):
            raise Differs(f"the signature of {said.approver} is under no key of theirs")
        names.append(f"{said.approver} ({said.verdict})")
    return f"signed by {', '.join(names)}" if names else "nobody was asked"


def _signed_by(said: Said, policy: Policy) -> bool:
    person = policy.persons.get(said.approver)
    if person is None:
        return False
    try:
        check_signed(person.credentials, said.signature, said.signed)
    except NotSigned:
        return False
    return True


def _no_receipt() -> str:
    raise Differs("there are signed bytes and no receipt")


def _complete(paper: Paper, log: LogCopy) -> str:
    """Nothing else was signed for the transfer, and of what was at most one is ever in a block."""
    shown = {each.receipt.tx_digest for each in paper.transactions if each.receipt is not None}
    mine = [each for each in log.decisions.values() if each.record.body["transfer"] == paper.id]
    logged = {bytes.fromhex(each.record.body["tx"]) for each in mine}
    if hidden := logged - shown:
        names = ", ".join(sorted(digest.hex() for digest in hidden))
        raise Differs(f"the log says that other bytes were signed too: {names}")
    if shown - logged:
        raise Differs("the log does not say that these bytes were signed for this transfer")
    if paper.state == "final" and not logged:
        raise Differs("it is said to be paid, and nothing was signed for it")
    keys = {each.record.body["tx"]: frozenset(each.record.body["binding"]) for each in mine}
    for one, other in combinations(keys, 2):
        if not keys[one] & keys[other]:
            raise Differs(f"{one} and {other} could both be in a block")
    return f"the log has {len(logged)} transactions for it, and all are shown"


def _read(document: bytes) -> Mandate:
    try:
        mandate = Mandate.parse(parse_json(document))
    except (MalformedMessage, ValueError) as error:
        raise Differs(f"its bytes are no mandate: {error}") from None
    if mandate.canonical != document:
        raise Differs("its bytes are not in the one spelling that is signed")
    return mandate
