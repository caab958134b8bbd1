"""What was agreed to, and whether the transaction is exactly that.

Two questions: did the approvers sign these very bytes, and does the transaction, as decoded from
its own bytes, do what all mandates of the request say together and nothing else. Both raise;
neither answers maybe. Reads no clock and no counter. The comments name the attack that each check
stops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from chains.codec import Reader
from chains.costs import CostKind, above
from chains.effects import Allow, Call, Effect, Pay
from chains.errors import ChainError
from chains.model import SigningInput
from chains.shares import shares_of
from chains.transaction import TxSummary
from signer.accounts import Account, Accounts
from signer.agreement import Approval, Consent, Core, Mandate, Purpose, Verdict, approval_message
from signer.answers import RefusalCode
from signer.canonical import format_time
from signer.case import Case
from signer.errors import Refused, conflict, malformed, mismatch
from signer.policy import CLOCK_SKEW, NotSigned, Policy, basis_of, check_signed

Paying = tuple[Account, tuple[str, ...]]
"""The account that pays, and each input's path."""


def check_current(mandate: Mandate, policy: Policy, now: datetime) -> None:
    """The mandate rests on the rules in force, and is of this time. Raises Refused."""
    transfer = mandate.core.transfer
    # Approvals given under other groups or rules must not count under these.
    if mandate.basis != basis_of(policy, mandate.core):
        message = "the rules that this mandate rests on are not those in force"
        raise Refused(RefusalCode.BASIS, "other-basis", message, transfer=transfer)
    # Somebody gave up waiting; signing now would surprise them.
    if now >= mandate.expires_at:
        message = "the mandate has expired"
        raise Refused(RefusalCode.EXPIRED, "mandate", message, transfer=transfer)
    # From the future it would live longer than its rule grants, or outlive a recovery.
    for moment in (mandate.core.requested_at, mandate.offered_at):
        if moment > now + CLOCK_SKEW:
            message = f"requested or offered at {format_time(moment)}, later than now"
            raise Refused(RefusalCode.NOT_YET, "ahead", message, transfer=transfer)


def check_approvals(consent: Consent, policy: Policy) -> tuple[str, ...]:
    """Ids of the persons who approved exactly these bytes, in the order given. Raises Refused."""
    approved: list[str] = []
    for approval in consent.approvals:
        if approval.approver in approved:
            raise _unauthenticated(consent, "approver-twice", f"{approval.approver} approved twice")
        _check_approval(consent, approval, policy)
        approved.append(approval.approver)
    return tuple(approved)


def _check_approval(consent: Consent, approval: Approval, policy: Policy) -> None:
    mandate, name = consent.mandate, approval.approver
    person = policy.persons.get(name)
    # A removed approver's signature still verifies under the old key.
    if person is None:
        raise _unauthenticated(consent, "approver-unknown", f"nobody is called {name}")
    # Four eyes are not two eyes with two keys, nor a machine's and its operator's.
    if person.id in policy.behind(mandate.core.initiator):
        raise _unauthenticated(consent, "approver-is-initiator", "the initiator can't approve")
    # An approval of another transfer, network, amount or version has another digest.
    message = approval_message(mandate.digest, Verdict.APPROVE)
    try:
        check_signed(person.credentials, approval.signature, message)
    except NotSigned:
        said = f"{name} did not sign this mandate"
        raise _unauthenticated(consent, "approval-signature", said) from None


def check_cancelled(case: Case) -> None:
    """What is called off is exactly what was agreed to and signed for before. Raises Refused."""
    for mandate, history in case.each():
        # Without anything signed before, a cancel would be a transaction that nobody agreed to.
        if mandate.digest not in history.versions_signed():
            transfer = mandate.core.transfer
            message = f"nothing was signed for this version of {transfer}"
            raise conflict("nothing-to-cancel", message, transfer)


def compare(
    case: Case, summary: TxSummary, inputs: Sequence[SigningInput], number: int, accounts: Accounts
) -> Paying:
    """The account that pays and each input's path, if the transaction is what the mandates say.

    `number`: the vault's account number, from the signer's own registry. The mandates have one
    source (`check_together`). Raises Refused.
    """
    core = case.cores[0]
    if summary.network != core.network:
        raise mismatch("network", f"a transaction of {summary.network}")
    # Calldata, scripts, extra instructions: what the codec has no words for may do anything.
    if summary.unexplained:
        raise Refused(RefusalCode.UNEXPLAINED, "transaction", "; ".join(summary.unexplained))
    if not inputs or not summary.sources:
        raise mismatch("source", "nothing of ours is spent")
    reader = accounts.reader(core.network, case.purpose)
    check = _check_coins if reader.traits.coins else _check_source
    paying = check(core, summary, inputs, number, accounts)
    _check_effects(case, summary.effects)
    check_payable(reader, case.cores)
    _check_costs(case, summary, reader)
    return paying


def _check_coins(
    core: Core, summary: TxSummary, inputs: Sequence[SigningInput], number: int, accounts: Accounts
) -> Paying:
    """Every input and everything that returns derives from the mandates' own account."""
    account = accounts.containing(core.network, number, core.source_path)
    if core.source_path != account.scope or core.source_address is not None:
        raise mismatch("source", "coins are spent from an account, not from one address")
    # Another vault's coins, claimed to be this one's.
    for item in inputs:
        accounts.check_owned(account, item.path, item.address)
    if {item.address for item in inputs} != set(summary.sources):
        raise mismatch("source", "an input is not ours")
    # Change to a foreign address is a payment nobody agreed to.
    for back in summary.returns:
        accounts.check_change(account, back.path, back.address)
    return account, tuple(item.path or "" for item in inputs)


def _check_source(
    core: Core, summary: TxSummary, inputs: Sequence[SigningInput], number: int, accounts: Accounts
) -> Paying:
    """One address pays, it is the mandates', and it derives from the vault's account."""
    if core.source_address is None:
        raise mismatch("source", "the mandate names no paying address")
    account = accounts.containing(core.network, number, core.source_path)
    accounts.check_owned(account, core.source_path, core.source_address)
    if summary.sources != (core.source_address,):
        raise mismatch("source", "another address pays")
    for item in inputs:
        if item.address != core.source_address or item.path not in (None, core.source_path):
            raise mismatch("source", "another address signs")
    # Another address of ours may be another client's.
    for back in summary.returns:
        if (back.address, back.path) != (core.source_address, None):
            raise mismatch("return", "something returns to another address than it came from")
    return account, (core.source_path,) * len(inputs)


def _check_effects(case: Case, decoded: Sequence[Effect]) -> None:
    """The sum of what was agreed to, each as often, in any order: two small payments are not one
    large one, and one payment is not two transfers'. A cancel does nothing."""
    if case.purpose is Purpose.CANCEL:
        if decoded:
            raise mismatch("effects", "a cancel pays nobody")
        return
    agreed = [effect for core in case.cores for effect in core.effects]
    if tuple(decoded) == tuple(agreed):
        return
    transfer = _in_the_way(case.cores, decoded)
    if len(decoded) != len(agreed):
        raise mismatch("effects", f"{len(decoded)} effects, agreed {len(agreed)}", transfer)
    for name, aspect in _ASPECTS:
        if Counter(map(aspect, decoded)) != Counter(map(aspect, agreed)):
            raise mismatch(name, f"another {name} than agreed", transfer)


_ASPECTS: tuple[tuple[str, Callable[[Effect], object]], ...] = (
    ("kind", type),
    ("destination", lambda e: (e.address, e.memo) if isinstance(e, Pay) else None),
    ("asset", lambda e: (e.address, e.memo, e.asset) if isinstance(e, Pay) else None),
    ("amount", lambda e: e if isinstance(e, Pay) else None),
    ("terms", lambda e: e),
)
"""In which respect two lists of effects can differ; the last one misses nothing."""


def _in_the_way(cores: Sequence[Core], decoded: Sequence[Effect]) -> str | None:
    """The first transfer that the transaction does not do, if there is one."""
    left = Counter(decoded)
    for core in cores:
        wanted = Counter(core.effects)
        if not wanted <= left:
            return core.transfer
        left -= wanted
    return None


def check_payable(reader: Reader, cores: Sequence[Core]) -> None:
    """Payments that a network carries, and calls and allowances that have words there. A payment of
    nothing, or of dust, is an excuse to pay a fee."""
    for core in cores:
        if not core.effects:
            raise malformed("no-effect", "nothing was agreed to", core.transfer)
        try:
            for effect in core.effects:
                if isinstance(effect, Pay):
                    reader.check_payment(effect)
                elif isinstance(effect, Call | Allow):
                    reader.check_call(effect, core.source_address)
        except ChainError as error:
            raise malformed(error.code, str(error), core.transfer) from error


def _check_costs(case: Case, summary: TxSummary, reader: Reader) -> None:
    """A huge fee is a payment to whoever mines, and rent one to whoever closes the account. Kind by
    kind: what was agreed for rent is not there for fees. Mandate by mandate: what one client agreed
    to is not there for another's share."""
    sizes = [reader.size_of(core.effects) for core in case.cores]
    for mandate, share in zip(case.mandates, shares_of(summary.costs.most, sizes), strict=True):
        if (over := above(share, mandate.costs_max)) is not None:
            most, agreed = share[over], mandate.costs_max.get(over, 0)
            said = f"{over[1]} up to {most} of {over[0]}, agreed {agreed}"
            raise mismatch(over[1].value, said, mandate.core.transfer)
    rent, native = sum(create.rent for create in summary.creates), reader.network.native.id
    if rent > case.costs_max().get((native, CostKind.RENT), 0):
        raise mismatch(CostKind.RENT.value, f"accounts are made with {rent} of {native}")
    # What no byte bounds is for the rule to allow; a cancel asks no rule, so one must have before.
    for mandate, history in case.each() if case.purpose is Purpose.CANCEL else ():
        if new := summary.costs.uncapped - history.uncapped():
            message = f"nothing bounds what it costs in {', '.join(sorted(new))}"
            raise mismatch("uncapped-cost", message, mandate.core.transfer)


def _unauthenticated(consent: Consent, detail: str, message: str) -> Refused:
    transfer = consent.mandate.core.transfer
    return Refused(RefusalCode.UNAUTHENTICATED, detail, message, transfer=transfer)
