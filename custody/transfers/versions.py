"""Further versions of a transfer's terms, with higher bounds.

A version with higher bounds is offered beside the one before, which stays as it is until people
have agreed: it may be signed under meanwhile, and rejecting the new one leaves it alone. What a new
policy makes of versions is in `renewal`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chains.assets import Asset
from chains.costs import CostKind, Costs, by_asset, costs_of
from chains.families import traits_of
from chains.model import AssetId, NetworkId
from custody.apikeys.model import Caller
from custody.db.feed_tables import EventRow
from custody.db.leases import Lease
from custody.db.session import Database, WriteSession
from custody.db.transfer_tables import MandateRow, TransferRow
from custody.errors import Conflict, Invalid, NotFound, Unprocessable
from custody.events import event_row
from custody.journal.repository import check_open
from custody.ledger.service import Ledger
from custody.policies import windows
from custody.policies.judge import Judge
from custody.policies.source import PolicySource
from custody.transfers import gas_needs, repository, reservations
from custody.transfers.consent import Consent, Word, decide
from custody.transfers.kinds import Kind
from custody.transfers.mandates import digest_of, document_of, reason_of, shares_in, stored_mandate
from custody.transfers.request import Shown
from custody.transfers.showing import shown
from custody.transfers.state import State
from custody.vaults.repository import lock_vaults
from signer.policy import Policy, Ruling, basis_of
from signer.wire import Mandate

_UNDER_WAY: Final = (State.APPROVED, State.IN_FLIGHT)


class Versions:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        policies: PolicySource,
        clock: Callable[[], datetime],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._policies = policies
        self._clock = clock
        self._wake = wake

    async def raise_costs(
        self, transfer_id: str, caller: Caller, most: Mapping[CostKind, int]
    ) -> Shown:
        """Offer the terms again with higher bounds, in native base units by kind (what
        is withheld, in those of what is paid). What they allow
        more is held at once; a policy that asks nobody agrees at once.

        Raises NotFound transfer_not_found, Conflict(transfer_not_under_way, mandate_offered),
        Invalid(costs_not_raised, amount_above_maximum), Unprocessable(policy_denied,
        amount_above_balance, policy_missing), Unavailable signer_ahead, SignerError.
        """
        policy = await self._policies.current()
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, transfer_id)
            if row is None or not caller.sees(row.client_id):
                raise NotFound("transfer_not_found", "no such transfer")
            await check_open(session)
            mandates = await repository.mandates_of(session, transfer_id)
            terms = repository.agreed(mandates)
            if row.state not in _UNDER_WAY or terms is None:
                raise Conflict("transfer_not_under_way", f"the transfer is {row.state}")
            if repository.offered(mandates) is not None:
                raise Conflict("mandate_offered", "another version waits for approvals already")
            native = policy.catalogue.networks[NetworkId(row.network)].native
            asset = AssetId(row.asset)
            bounds = _raised(native, terms.costs_max, costs_of(native.id, asset, most))
            version = mandates[-1].version + 1
            await self._offer(session, policy, row, version, terms, bounds, native)
            (after,) = await shown(session, [row])
        self._wake()
        return after

    async def _offer(
        self,
        session: WriteSession,
        policy: Policy,
        row: TransferRow,
        version: int,
        terms: MandateRow,
        bounds: Costs,
        native: Asset,
    ) -> None:
        now = self._clock()
        mandate = next_version(stored_mandate(terms), version, bounds, policy, now)
        await lock_vaults(session, [row.vault_id])
        verdict = await Judge(policy, now).judge(session, mandate, ())
        if verdict.ruling is Ruling.DENY:
            raise Unprocessable("policy_denied", reason_of(verdict))
        session.add(mandate_row(mandate, now, agreed=verdict.ruling is not Ruling.NEEDS_APPROVALS))
        session.add(offer_event(row, f"version {version}", now))
        row.costs_max, row.updated_at = sum(by_asset(bounds).values()), now
        await session.flush()
        await windows.promise(session, row.id, shares_in(mandate))
        wanted = reservations.parts_of({}, bounds, terms.costs_max)
        if row.state != State.APPROVED:  # what may be signed holds all that it may cost
            place = (row.id, row.vault_id, version)
            await reservations.hold(session, self._ledger, *place, wanted, row.kind)
            return
        core = mandate.core
        # What a later address has is for a node to say; who tops it up asks.
        coins = 0 if row.kind == Kind.SWEEP and row.asset != native.id else None
        lacking = gas_needs.Wanted(
            row.id,
            version,
            core.network,
            core.client,
            core.vault,
            AssetId(row.asset),
            row.kind,
            core.source_address,
            wanted,
            coins,
            traits_of(policy.catalogue.networks[core.network]).account_least,
        )
        await gas_needs.hold(session, self._ledger, lacking, now)

    async def expire(self, now: datetime, lease: Lease | None = None) -> int:
        """End later versions that nobody decided on in time; the terms before them stand. How many.
        Raises LeaseLost."""
        async with self._database.read() as reading:
            offers = await repository.offers_expired(reading, now)
        for transfer_id, version in offers:
            async with self._database.write() as session:
                if lease is not None:
                    await lease.check(session)
                row = await repository.lock_transfer(session, transfer_id)
                terms = await session.get(MandateRow, (transfer_id, version))
                assert row is not None and terms is not None
                if terms.state == Consent.OFFERED and row.state in _UNDER_WAY:
                    terms.state, terms.decided_at = decide(Consent.OFFERED, Word.EXPIRE), now
                    await refuse_version(session, self._ledger, row, terms, now)
        return len(offers)


async def refuse_version(
    session: WriteSession, ledger: Ledger, row: TransferRow, terms: MandateRow, now: datetime
) -> None:
    """A later version is rejected, void or has expired (`terms.state` says which): what it held
    comes back, and the terms before it count again."""
    before = repository.agreed(await repository.mandates_of(session, row.id))
    assert before is not None, "a first version is refused with its transfer"
    row.costs_max, row.updated_at = sum(by_asset(before.costs_max).values()), now
    session.add(offer_event(row, f"version {terms.version} {terms.state}", now))
    await lock_vaults(session, [row.vault_id])
    shares = shares_in(stored_mandate(before))
    await windows.promise(session, row.id, shares)
    await reservations.release_version(session, ledger, row, terms.version)
    await gas_needs.end_version(session, row.id, terms.version, now)


def _raised(native: Asset, before: Costs, most: Costs) -> Costs:
    bounds = {**before, **most}
    if bounds == before or any(units < before.get(kind, 0) for kind, units in bounds.items()):
        raise Invalid("costs_not_raised", "a bound can only be raised", field="costs_max")
    if sum(by_asset(bounds).values()) > native.maximum:
        words = f"more {native.symbol} than can exist"
        raise Invalid("amount_above_maximum", words, field="costs_max")
    return bounds


def next_version(
    before: Mandate, version: int, bounds: Costs, policy: Policy, now: datetime
) -> Mandate:
    """With the lifetime of the version before, so that the same rules speak about it."""
    lifetime: timedelta = before.expires_at - before.offered_at
    offered_at = now.replace(microsecond=0)
    return replace(
        before,
        version=version,
        costs_max=bounds,
        basis=basis_of(policy, before.core),
        offered_at=offered_at,
        expires_at=offered_at + lifetime,
    )


def mandate_row(mandate: Mandate, now: datetime, *, agreed: bool) -> MandateRow:
    return MandateRow(
        transfer_id=mandate.core.transfer,
        version=mandate.version,
        document=document_of(mandate),
        digest=digest_of(mandate),
        costs_max=mandate.costs_max,
        state=Consent.AGREED if agreed else Consent.OFFERED,
        offered_at=mandate.offered_at,
        expires_at=mandate.expires_at,
        decided_at=now if agreed else None,
    )


def offer_event(row: TransferRow, detail: str, now: datetime) -> EventRow:
    return event_row(row, "offer", row.state, detail, now)
