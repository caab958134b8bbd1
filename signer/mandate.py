"""What was agreed to, and whether the transaction is exactly that.

Two questions: did the approvers sign these very bytes, and does the transaction, as decoded from
its own bytes, do what they say and nothing else. Both raise; neither answers maybe. Reads no clock
and no counter. The comments name the attack that each check stops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from chains.codec import TransactionCodec
from chains.costs import CostsMost, by_asset
from chains.effects import Effect, Pay
from chains.errors import ChainError
from chains.model import AssetId, SigningInput
from chains.transaction import TxSummary
from signer.accounts import Account, Accounts
from signer.errors import Refused
from signer.policy import NotSigned, Policy, check_signed
from signer.wire import Approval, Mandate, RefusalCode, Verdict, approval_message


def check_current(mandate: Mandate, policy: Policy, now: datetime) -> None:
    """The mandate speaks of the policy in force, and in time. Raises Refused."""
    # Approvals given under other groups or rules must not count under these.
    if mandate.policy_version != policy.version:
        raise Refused(
            RefusalCode.POLICY_VERSION,
            "other-version",
            f"the mandate names version {mandate.policy_version}, in force is {policy.version}",
        )
    # Somebody gave up waiting; signing now would surprise them.
    if now >= mandate.expires_at:
        raise Refused(RefusalCode.EXPIRED, "mandate", "the mandate has expired")


def check_approvals(
    mandate: Mandate, digest: bytes, approvals: Sequence[Approval], policy: Policy
) -> tuple[str, ...]:
    """Ids of the persons who approved exactly these bytes, in the order given. Raises Refused."""
    message = approval_message(digest, Verdict.APPROVE)
    approved: list[str] = []
    for approval in approvals:
        person = policy.persons.get(approval.approver)
        # A removed approver's signature still verifies under the old key.
        if person is None:
            raise _unauthenticated("approver-unknown", f"nobody is called {approval.approver}")
        if approval.approver in approved:
            raise _unauthenticated("approver-twice", f"{approval.approver} approved twice")
        # Four eyes are not two eyes with two keys, nor a machine's and its operator's.
        if person.id in policy.behind(mandate.initiator):
            raise _unauthenticated("approver-is-initiator", "the initiator can't approve")
        # An approval of another transfer, network, amount or version has another digest.
        try:
            check_signed(person.credentials, approval.signature, message)
        except NotSigned:
            raise _unauthenticated(
                "approval-signature", f"{approval.approver} did not sign this mandate"
            ) from None
        approved.append(approval.approver)
    return tuple(approved)


def check_same(
    mandate: Mandate,
    summary: TxSummary,
    inputs: Sequence[SigningInput],
    number: int,
    accounts: Accounts,
) -> tuple[Account, tuple[str, ...]]:
    """The account that pays and each input's path, if the transaction is what the mandate says.

    `number`: the vault's account number, from the signer's own registry. Raises Refused.
    """
    if summary.network != mandate.network:
        raise _mismatch("network", f"a transaction of {summary.network}")
    # Calldata, scripts, extra instructions: what the codec has no words for may do anything.
    if summary.unexplained:
        raise Refused(RefusalCode.UNEXPLAINED, "transaction", "; ".join(summary.unexplained))
    if not inputs or not summary.sources:
        raise _mismatch("source", "nothing of ours is spent")
    codec = accounts.codec(mandate.network)
    if codec.traits.coins:
        account, paths = _check_coins(mandate, summary, inputs, number, accounts)
    else:
        account, paths = _check_source(mandate, summary, inputs, number, accounts)
    _check_effects(mandate.outputs, summary.effects)
    _check_payable(codec, mandate.outputs)
    _check_costs(mandate, summary.costs, codec.network.native.id)
    return account, paths


def _check_coins(
    mandate: Mandate,
    summary: TxSummary,
    inputs: Sequence[SigningInput],
    number: int,
    accounts: Accounts,
) -> tuple[Account, tuple[str, ...]]:
    """Every input and every change output derives from the mandate's own account."""
    account = accounts.containing(mandate.network, number, mandate.source_path)
    if mandate.source_path != account.scope or mandate.source_address is not None:
        raise _mismatch("source", "coins are spent from an account, not from one address")
    # Another vault's coins, claimed to be this one's.
    for item in inputs:
        accounts.check_owned(account, item.path, item.address)
    if {item.address for item in inputs} != set(summary.sources):
        raise _mismatch("source", "an input is not ours")
    # Change to a foreign address is a payment nobody agreed to.
    for change in summary.returns:
        accounts.check_change(account, change.path, change.address)
    return account, tuple(item.path or "" for item in inputs)


def _check_source(
    mandate: Mandate,
    summary: TxSummary,
    inputs: Sequence[SigningInput],
    number: int,
    accounts: Accounts,
) -> tuple[Account, tuple[str, ...]]:
    """One address pays, it is the mandate's, and it derives from the vault's account."""
    if mandate.source_address is None:
        raise _mismatch("source", "the mandate names no paying address")
    account = accounts.containing(mandate.network, number, mandate.source_path)
    accounts.check_owned(account, mandate.source_path, mandate.source_address)
    if summary.sources != (mandate.source_address,):
        raise _mismatch("source", "another address pays")
    for item in inputs:
        if item.address != mandate.source_address or item.path not in (None, mandate.source_path):
            raise _mismatch("source", "another address signs")
    # What is said to come back must come back to the address that pays, and to no other.
    if any((each.address, each.path) != (mandate.source_address, None) for each in summary.returns):
        raise _mismatch("change", "an account has no change")
    return account, (mandate.source_path,) * len(inputs)


def _check_effects(agreed: Sequence[Pay], decoded: Sequence[Effect]) -> None:
    """The same effects, each as often, in any order; two small payments are not one large one."""
    if tuple(decoded) == tuple(agreed):
        return
    if len(decoded) != len(agreed):
        raise _mismatch("outputs", f"{len(decoded)} payments, agreed {len(agreed)}")
    paid = [effect for effect in decoded if isinstance(effect, Pay)]
    if len(paid) != len(decoded):
        raise _mismatch("effects", "does something else than to pay")
    aspects: tuple[tuple[str, Callable[[Pay], object]], ...] = (
        ("destination", lambda payment: (payment.address, payment.memo)),
        ("asset", lambda payment: (payment.address, payment.memo, payment.asset)),
        ("amount", lambda payment: payment),
    )
    for name, aspect in aspects:
        if Counter(map(aspect, paid)) != Counter(map(aspect, agreed)):
            raise _mismatch(name, f"another {name} than agreed")


def _check_payable(codec: TransactionCodec, payments: Sequence[Pay]) -> None:
    """Payments that a network carries. One of nothing, or of dust, is an excuse to pay a fee."""
    if not payments:
        raise Refused(RefusalCode.MALFORMED, "no-payment", "nobody is paid")
    for payment in payments:
        try:
            codec.check_payment(payment)
        except ChainError as error:
            raise Refused(RefusalCode.MALFORMED, error.code, str(error)) from error


def _check_costs(mandate: Mandate, costs: CostsMost, native: AssetId) -> None:
    """All kinds together stay within what was agreed, and every kind is bounded by the bytes."""
    if costs.uncapped:
        raise _mismatch("fee", f"no byte bounds the cost: {', '.join(sorted(costs.uncapped))}")
    # A huge fee is a payment to whoever mines.
    for asset, most in by_asset(costs.most).items():
        agreed = mandate.fee_max if asset == native else 0
        if most > agreed:
            raise _mismatch("fee", f"fee up to {most}, agreed {agreed}")


def _mismatch(detail: str, message: str) -> Refused:
    return Refused(RefusalCode.MISMATCH, detail, message)


def _unauthenticated(detail: str, message: str) -> Refused:
    return Refused(RefusalCode.UNAUTHENTICATED, detail, message)
