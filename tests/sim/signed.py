"""What the signer signed since the last look, as its own records tell it: what a client asked for,
each within its bounds, with the approvals that the policy in force asked for, or what a rule asks
for: a refill, a top-up or a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import product

from chains.costs import CostKind
from chains.effects import Pay
from chains.model import AssetId
from chains.transaction import TxSummary
from custody.refills.refilling import NOTE
from custody.transfers.kinds import Kind
from custody.transfers.request import transfer_id_of
from signer.policy import Policy, basis_of
from signer.records import PolicyRecord, SignedRecord, parse_record, told
from signer.wire import Mandate, Purpose
from tests.sim.house import Found, House, Wanted
from tests.sim.reading import addresses_of
from tests.sim.rotating import ALONE_MOST, HOUR, room_of
from tests.sim.standing_still import check_signed_while_paused

REFILLS_MOST = 40
"""Of one game."""
CARRIERS_MOST = 10
"""Of one payment."""


def check_signed(house: House) -> None:
    """Raises Found."""
    asked = {one.id: one for one in house.asked}
    by_rule = refills_of(house) | by_rules(house).keys()
    for records in _new(house):
        house.counts["signed"] += 1
        first = records[0]
        house.counts["signed together"] += first.parts > 1
        summary = house.node.codec.summarize(first.tx)
        for record in records:
            check_signed_while_paused(house, record)
            transfer = record.mandate.core.transfer
            if transfer not in asked and transfer not in by_rule:
                raise Found(f"signed for {transfer}, which nobody asked for")
            _check_terms(house, asked.get(transfer), record.mandate)
            if first.purpose is Purpose.PAY:
                _check_agreed(house, record)
        house.journal.transfers |= {each.mandate.core.transfer for each in records}
        _check_effects(records, summary)
        _check_costs(house, records, summary)


def refills_of(house: House) -> set[str]:
    """The ids that refills can have, which follow from their numbers."""
    hot, native = house.vaults[-1], house.network.native.id
    names = (f"{NOTE} {hot.id} {native} {number}" for number in range(1, REFILLS_MOST))
    return {transfer_id_of(hot.client_id, name) for name in names}


def by_rules(house: House) -> dict[str, str]:
    """The ids that top-ups and sweeps can have, which follow from their addresses and numbers, each
    with the kind of transfer that it is."""
    found: dict[str, str] = {}
    if house.token is None:
        return found
    payer, assets = house.vaults[0].client_id, (house.network.native.id, house.token)
    for key, client in signed_apart(house).items():
        charged = Kind.CALL if client == payer else Kind.CALL_CHARGED
        for number, (bears, kind) in product(
            range(1, CARRIERS_MOST), (("house", Kind.CALL), ("client", charged))
        ):
            found[transfer_id_of(payer, f"carry {key} {bears} {number}")] = kind
    for vault in house.vaults:
        for address in addresses_of(house.books, vault.id):
            found |= _by_rules_at(
                house.network.id, assets, payer, vault.client_id, vault.id, address
            )
    return found


def signed_apart(house: House) -> dict[str, str]:
    """By the key of each payment that others submit, the client whose it is."""
    return dict(
        house.books.rows(
            "SELECT t.txid, v.client_id FROM transactions t JOIN vaults v ON v.id = t.vault_id"
            " WHERE t.txid LIKE ?",
            "%/authorization:%",
        )
    )


@lru_cache(64)
def _by_rules_at(
    network: str, assets: tuple[AssetId, ...], payer: str, client: str, vault: str, address: str
) -> dict[str, str]:
    """Of one address: for the addresses of a game, after whose every move they are asked for."""
    found: dict[str, str] = {}
    charged = Kind.GAS if client == payer else Kind.GAS_CHARGED
    gas, sweep = f"gas {network} {address}", f"sweep {vault} {address}"
    for number in range(1, REFILLS_MOST):
        found[transfer_id_of(payer, f"{gas} {number} house")] = Kind.GAS
        found[transfer_id_of(payer, f"{gas} {number} client")] = charged
        for asset in assets:
            found[transfer_id_of(client, f"{sweep} {asset} {number}")] = Kind.SWEEP
    return found


def check_kinds(house: House) -> None:
    """Whatever was lost and rebuilt is what its name says, and so is what it leaves as a debt. Not
    where an address of ours is forgotten. Raises Found."""
    if not house.is_whole or house.has_lost:
        return
    rows = dict(house.books.rows("SELECT id, kind FROM transfers"))
    by_rule = by_rules(house)
    for transfer, kind in rows.items():
        if by_rule.get(transfer, kind) != kind:
            raise Found(f"{transfer} is {kind}, and was asked for as {by_rule[transfer]}")
    _check_debts(house)


def _check_debts(house: House) -> None:
    """Vaults owe for top-ups what those that are final brought, and what that cost."""
    owed = sum(
        int(came) - int(gone)
        for came, gone in house.books.rows(
            "SELECT credits_posted, debits_posted FROM ledger_accounts"
            " WHERE kind = 'gas' AND vault_id = ?",
            house.vaults[0].id,
        )
    )
    final = "SELECT amount FROM transfers WHERE kind = ? AND state = 'final'"
    brought = [int(each) for each in house.books.column(final, Kind.GAS_CHARGED)]
    if owed < sum(brought):
        raise Found(f"{owed} is owed for top-ups, which brought {brought}")
    house.counts["charged top-ups"] += len(brought)


def _new(house: House) -> Iterator[list[SignedRecord]]:
    """All that one transaction was signed for, together."""
    seen, before = house.journal, None
    together: list[SignedRecord] = []
    for sequence, head, kind, body in house.host.session.journal.looked_at(seen.looked_at, 10_000):
        seen.looked_at = sequence
        row = told(sequence, head, kind, body)
        if row is None:
            continue
        before = record = parse_record(row, before)
        if isinstance(record, PolicyRecord):
            seen.in_force = Policy.parse(record.signed.document)
        if isinstance(record, SignedRecord):
            together.append(record)
            if record.part + 1 == record.parts:
                yield together
                together = []


def _check_terms(house: House, one: Wanted | None, mandate: Mandate) -> None:
    """They are what the client said. A refill goes to where it is wanted."""
    pays = [(each.address, each.amount) for each in mandate.core.effects if isinstance(each, Pay)]
    if one is None:
        ours = house.books.column("SELECT address FROM addresses")
        if house.is_whole and any(address not in ours for address, _ in pays):
            raise Found(f"a rule pays {pays}")
    elif one.total is None:
        if {address for address, _ in pays} != set(one.payees):
            raise Found(f"agreed for {one.id}: {pays}")
    elif pays != list(zip(one.payees, one.amounts, strict=True)):
        raise Found(f"agreed for {one.id}: {pays}")


def _check_effects(records: list[SignedRecord], summary: TxSummary) -> None:
    pays = [(each.address, each.amount) for each in summary.effects if isinstance(each, Pay)]
    cores = [each.mandate.core for each in records]
    agreed = [(e.address, e.amount) for core in cores for e in core.effects if isinstance(e, Pay)]
    wanted = agreed if records[0].purpose is Purpose.PAY else []
    if sorted(pays) != sorted(wanted):
        raise Found(f"signed for {[core.transfer for core in cores]}: {pays} and not {wanted}")


def _check_costs(house: House, records: list[SignedRecord], summary: TxSummary) -> None:
    """All together, and each one's share of the fee by its size."""
    bounds = [sum(each.mandate.costs_max.values()) for each in records]
    costs = sum(summary.costs.most.values())
    if costs > sum(bounds):
        raise Found(f"signed above {bounds}: {costs}")
    fee = (house.network.native.id, CostKind.FEE)
    paid = summary.costs.most.get(fee, 0)
    sizes = [house.node.codec.size_of(each.mandate.core.effects) for each in records]
    for record, size in zip(records, sizes, strict=True):
        least = paid * size // sum(sizes)
        if least > record.mandate.costs_max.get(fee, 0):
            raise Found(f"the share {least} of {record.mandate.core.transfer} is above its bound")


def _check_agreed(house: House, record: SignedRecord) -> None:
    """The policy in force allowed it, with approvals that were given of these very terms."""
    mandate, seen = record.mandate, house.journal
    if house.has_lost or seen.in_force is None or mandate.digest in seen.digests:
        return
    seen.digests.add(mandate.digest)
    transfer, vault = mandate.core.transfer, mandate.core.vault
    if mandate.basis != basis_of(seen.in_force, mandate.core):
        raise Found(f"signed for {transfer} by rules that are not in force any more")
    pays = [each for each in mandate.core.effects if isinstance(each, Pay)]
    if not pays:
        house.counts["submitted for others"] += 1  # for its fee alone
        return
    total, asset = sum(each.amount for each in pays), pays[0].asset
    if any((mandate.digest, person) in seen.handed_in for person in seen.in_force.persons):
        house.counts["signed with approvals"] += 1
        return
    if total > ALONE_MOST:
        raise Found(f"signed for {transfer}, and nobody approved of {total}")
    alone = seen.alone.setdefault((vault, asset), [])
    alone[:] = [each for each in alone if each[1] != transfer]
    alone.append((record.at, transfer, total))
    _check_room(house, record.at, vault, asset)


def _check_room(house: House, now: datetime, vault: str, asset: str) -> None:
    """Costs aside, of which only the most is known."""
    alone = house.journal.alone[vault, asset]
    within = [amount for at, _, amount in alone if now - HOUR < at <= now]
    most = room_of(asset) + len(house.policies) + 1
    if sum(within) > most:
        raise Found(f"{sum(within)} left {vault} within an hour, and nobody approved of it")
