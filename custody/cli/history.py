"""What `policy explain` and `policy replay` ask about: transfers, stored or imagined, and the past.

Reads the database and changes nothing. The verdicts are of custody's records; the signer counts its
own windows and only its word decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from chains.assets import Amount
from chains.catalogue import Catalogue
from chains.effects import Pay
from chains.families import bounds_of
from chains.model import AssetId
from chains.networks import Network
from custody.cli.access import load_settings, now, opened_database
from custody.cli.networks import named_network
from custody.cli.output import Misuse
from custody.db.session import ReadSession
from custody.errors import NotFound
from custody.policies.judge import best_of
from custody.policies.windows import usage
from custody.transfers import repository, signed_repository
from custody.transfers.mandates import stored_mandate
from custody.vaults import repository as vaults
from signer.policy import (
    Change,
    Evaluation,
    PastTransfer,
    Policy,
    Usage,
    Window,
    basis_of,
    evaluate,
    facts_of,
    windows,
)
from signer.policy import explain as in_words
from signer.wire import Action, Core, Mandate, Verdict, format_time


@dataclass(frozen=True, slots=True)
class Wish:
    """An imagined transfer, as flags. `client`: given, no database is asked."""

    vault: str
    network: str
    destination: str
    amount: str
    initiator: str
    asset: str | None
    fee_max: str | None
    client: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """`used`: what others already took. `is_stored`: its mandate's lifetime can't be chosen."""

    mandate: Mandate
    used: Mapping[Window, Usage]
    approvals: tuple[str, ...]
    is_stored: bool

    def with_approvals(self, persons: Sequence[str]) -> Question:
        return replace(self, approvals=(*self.approvals, *persons))


async def stored_question(transfer_id: str, policy: Policy) -> Question:
    """Raises NotFound transfer_not_found."""
    async with opened_database() as database, database.read() as session:
        row = await repository.find_transfer(session, transfer_id, None)
        if row is None:
            raise NotFound("transfer_not_found", "no such transfer")
        terms = repository.current(await repository.mandates_of(session, transfer_id))
        mandate = stored_mandate(terms)
        given = await repository.verdicts_on(session, terms)
        approvals = tuple(each.approver for each in given if each.verdict == Verdict.APPROVE)
        used = await _used(session, policy, mandate, besides=transfer_id)
    return Question(mandate, used, approvals, is_stored=True)


async def imagined_question(wish: Wish, policy: Policy) -> Question:
    """Raises Misuse, Invalid, chains.errors.InvalidInput, NotFound vault_not_found."""
    if wish.client is not None:
        mandate = _mandate(wish, wish.client, policy)
        nothing = {
            window: Usage(0, 0) for window in windows(policy, facts_of(mandate, policy.catalogue))
        }
        return Question(mandate, nothing, (), is_stored=False)
    async with opened_database() as database, database.read() as session:
        vault = await vaults.vault(session, wish.vault)
        mandate = _mandate(wish, vault.client_id, policy)
        used = await _used(session, policy, mandate)
    return Question(mandate, used, (), is_stored=False)


def answer(policy: Policy, question: Question) -> tuple[str, ...]:
    """The verdict, what is needed and of whom, and the trace of every rule."""
    moment = now()
    mandate = question.mandate
    if not question.is_stored:
        mandate, _ = best_of(policy, mandate, question.used, moment)
    facts = facts_of(mandate, policy.catalogue)
    evaluation = evaluate(policy, facts, question.used.get, moment, question.approvals)
    lifetime = mandate.expires_at - mandate.offered_at
    lines = [f"policy version {policy.version}, mandate valid for {lifetime}"]
    if question.is_stored and mandate.basis != basis_of(policy, mandate.core):
        lines.append("it rests on other rules than these: under them the signer refuses it")
    if mandate.expires_at <= moment:
        lines.append(f"its mandate expired at {format_time(mandate.expires_at)}")
    if question.approvals:
        lines.append(f"approved by {', '.join(question.approvals)}")
    lines += in_words(evaluation)
    lines += [
        f"  {need.group} is {', '.join(sorted(policy.groups[need.group]))}"
        for need in evaluation.needs
    ]
    if evaluation.not_before is not None:
        lines.append(f"  not before {format_time(evaluation.not_before)}, approved by now")
    return tuple(lines)


async def past_transfers(
    policies: Sequence[Policy], since: datetime | None
) -> tuple[tuple[PastTransfer, ...], datetime | None]:
    """Every signed transfer from `since` on, and before it as far as any window looks back."""
    first = None if since is None else since.replace(tzinfo=UTC)
    seconds = max(
        (limit.seconds for p in policies for rule in p.rules for limit in rule.limits.windows),
        default=0,
    )
    async with opened_database() as database, database.read() as session:
        after = None if first is None else first - timedelta(seconds=seconds)
        return await _signed_after(session, after, policies[-1].catalogue), first


def change_row(change: Change) -> tuple[str, str, str]:
    return change.transfer, _ruling(change.before), _ruling(change.after)


async def _signed_after(
    session: ReadSession, after: datetime | None, catalogue: Catalogue
) -> tuple[PastTransfer, ...]:
    approvals: dict[bytes, list[str]] = {}
    for digest, approver in await signed_repository.approvers(session, after):
        approvals.setdefault(digest, []).append(approver)
    past: dict[str, PastTransfer] = {}
    for row, at in await signed_repository.signed(session, after):  # the earliest signature stays
        facts = facts_of(stored_mandate(row), catalogue)
        approved = tuple(approvals.get(row.digest, ()))
        past[row.transfer_id] = PastTransfer(row.transfer_id, facts, at, approved)
    return tuple(past.values())


async def _used(
    session: ReadSession, policy: Policy, mandate: Mandate, besides: str | None = None
) -> Mapping[Window, Usage]:
    wanted = windows(policy, facts_of(mandate, policy.catalogue))
    return await usage(session, wanted, now(), besides=besides)


def _mandate(wish: Wish, client: str, policy: Policy) -> Mandate:
    network = named_network(wish.network, policy.catalogue)
    payment = _payment(wish, network, policy.catalogue)
    fee_max = None
    if wish.fee_max is not None:
        fee_max = Amount.parse(network.native, wish.fee_max).units
    moment = now()
    core = Core(
        transfer="imagined",
        retry_of=None,
        client=client,
        vault=wish.vault,
        network=network.id,
        action=Action.TRANSFER,
        initiator=wish.initiator,
        source_path="m",
        source_address=None,
        effects=(payment,),
        requested_at=moment,
    )
    return Mandate(
        core=core,
        version=1,
        costs_max=bounds_of(network, fee_max, payment.asset),
        basis=basis_of(policy, core),
        offered_at=moment,
        expires_at=moment + load_settings().transfer_lifetime,
    )


def _payment(wish: Wish, network: Network, catalogue: Catalogue) -> Pay:
    held = {asset.id: asset for asset in catalogue.assets_of(network.id)}
    asset = network.native if wish.asset is None else held.get(AssetId(wish.asset))
    if asset is None:
        raise Misuse(f"unknown asset {wish.asset}; {network.alias} has {', '.join(held)}")
    codec = catalogue.codec(network.id)
    address = codec.parse_address(wish.destination).address
    payment = Pay(address, asset.id, Amount.parse(asset, wish.amount).units)
    codec.check_payment(payment)
    return payment


def _ruling(evaluation: Evaluation) -> str:
    by = f" by {evaluation.rule}" if evaluation.rule else ""
    needs = ", ".join(f"{need.count} of {need.group}" for need in evaluation.needs)
    return f"{evaluation.ruling} ({evaluation.detail}){by}{f', needs {needs}' if needs else ''}"
