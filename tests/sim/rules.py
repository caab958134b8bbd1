"""What must hold after every step, whatever happened, as the tables, the signer's journal and the
chain itself tell it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import product

from chains.model import Address, AssetId, BlockRef, TxId
from custody.ledger.model import BOUNDED, OWNED, Account, AccountKey, AccountKind
from custody.transfers.kinds import stays, tops_up
from custody.workers.outbox import WAIT_MAX
from tests.sim.desks import check_desks
from tests.sim.house import Found, House, Wanted
from tests.sim.reading import addresses_of, sent_for
from tests.sim.signed import check_signed
from tests.support.fake_chain import Included


async def check(house: House) -> None:
    """Raises Found."""
    house.books.begin()
    try:
        _books(house)
        _paid_once(house)
        _deposits_once(house)
        _known_before_sent(house)
        _waits_by_the_shared_clock(house)
        check_signed(house)
        check_desks(house)
        _ledger_is_chain(house)
        house.checked_at = house.loop.time()
    finally:
        house.books.end()


def _books(house: House) -> None:
    """Debits equal credits, nothing is below zero, and what is stored is the sum of the entries."""
    rows = house.books.rows(
        "SELECT id, kind, asset, vault_id, debits_posted, credits_posted, debits_pending,"
        " credits_pending FROM ledger_accounts"
    )
    stored = {
        row[0]: Account(AccountKey(AccountKind(row[1]), row[2], row[3]), *map(int, row[4:]))
        for row in rows
    }
    posted: Counter[str] = Counter()
    pending: Counter[tuple[str, int]] = Counter()
    moved: Counter[tuple[str, int]] = Counter()
    held: dict[str, int] = {}
    ended: set[str] = set()
    for id_, kind, debit, credit, number, reserve in house.books.rows(
        "SELECT id, kind, debit_account, credit_account, amount, pending_id FROM ledger_entries"
        " ORDER BY CASE kind WHEN 'reserve' THEN 0 ELSE 1 END"
    ):
        amount = int(number)
        if kind == "reserve":
            held[id_] = amount
            pending[debit, 0] += amount
            pending[credit, 1] += amount
            continue
        if reserve is not None:
            if reserve in ended or amount > held[reserve]:
                raise Found(f"{id_} ends what had ended, or moves more than was held")
            ended.add(reserve)
            pending[debit, 0] -= held[reserve]
            pending[credit, 1] -= held[reserve]
        if kind in ("settle", "post"):
            posted[debit] -= amount
            posted[credit] += amount
            moved[debit, 0] += amount
            moved[credit, 1] += amount
    if sum(posted.values()):
        raise Found("debits are not credits")
    for id_, account in stored.items():
        kind = account.key.kind
        summed = (moved[id_, 0], moved[id_, 1], pending[id_, 0], pending[id_, 1])
        kept = (
            account.debits_posted,
            account.credits_posted,
            account.debits_pending,
            account.credits_pending,
        )
        if kind in OWNED and summed != kept:
            raise Found(f"the {kind} account of {account.key.vault} is not the sum of its entries")
        if kind in BOUNDED and account.available < 0:
            raise Found(f"the {kind} account of {account.key.vault} is below zero")


def _paid_once(house: House) -> None:
    """Of each transfer one transaction at most is in a block, and nobody has more than agreed."""
    included = _included(house, house.node.chain[-1].ref.height)
    for one in house.asked:
        is_paid(house, one)
        if not house.is_whole:
            continue
        found = [txid for txid in sent_for(house.books, one.id) if txid in included]
        if len(found) > 1:
            raise Found(f"two transactions of {one.id} are in blocks")


def is_paid(house: House, one: Wanted) -> bool:
    """All its payees, or none of them. Raises Found."""
    if one.stays:
        return False
    asset = one.asset or house.network.native.id
    paid = [house.node.state.balances.get((payee, asset), 0) for payee in one.payees]
    if not any(paid):
        return False
    if one.asset is not None:
        paid = [_sent(house, one.payees[0], one.asset, paid[0])]
    total = one.total
    if total is None:
        known = house.books.column("SELECT amount FROM transfers WHERE id = ?", one.id)
        if known and int(known[0]) != sum(paid):
            raise Found(f"{one.id} paid {paid} of {known}")
    elif paid != list(one.amounts):
        raise Found(f"{one.id} paid {paid} of {one.amounts}")
    return True


def _sent(house: House, payee: str, asset: AssetId, paid: int) -> int:
    """What left for a payee of tokens, of which the contract may have kept a part. Raises Found."""
    logs = [log for block in house.node.chain for each in block.included for log in each.logs]
    came = [log.units for log in logs if (log.payee, log.asset) == (payee, asset)]
    if len(came) != 1 or came[0] != paid:
        raise Found(f"{payee} was paid {came} of {asset}, and has {paid}")
    read = house.node.codec.submitted
    logged = [each.tx for block in house.node.chain for each in block.included if each.logs]
    txs = [read(tx) or tx for tx in logged]
    (sent,) = [out.amount for tx in txs for out in tx.outputs if out.address == payee]
    return sent


def _deposits_once(house: House) -> None:
    twice = house.books.rows(
        "SELECT txid, place FROM deposits WHERE state <> 'reversed'"
        " GROUP BY txid, place HAVING count(*) > 1"
    )
    if twice:
        raise Found(f"booked twice: {twice}")


def _known_before_sent(house: House) -> None:
    """The books name whatever the node was given of ours."""
    if not house.is_whole or house.has_lost:
        return
    sent = {*house.node.pool.values(), *(e.tx for b in house.node.chain for e in b.included)}
    ours = {tx.txid for tx in sent if any(each.path is not None for each in tx.inputs)}
    known = set(house.books.column("SELECT txid FROM transactions WHERE txid IS NOT NULL"))
    if strange := sorted(ours - known):
        raise Found(f"sent, and not in the books: {strange}")


def _waits_by_the_shared_clock(house: House) -> None:
    """Nothing is put off for longer than it may be, whatever our hosts believe what time it is."""
    house.latest = max(house.latest, house.database_clock())
    for seq, kind, until in house.books.rows(
        "SELECT seq, kind, held_until FROM outbox WHERE held_until IS NOT NULL"
    ):
        when = datetime.fromisoformat(until) if isinstance(until, str) else until
        if when.replace(tzinfo=UTC) > house.latest + WAIT_MAX:
            raise Found(f"effect {seq} ({kind}) waits until {when}, and it is {house.latest}")


def _ledger_is_chain(house: House) -> None:
    """Of each vault, at the block up to which the books were kept."""
    if not house.is_whole:
        return
    rows = house.books.rows(
        "SELECT height, hash FROM blocks WHERE network = ? ORDER BY height DESC LIMIT 1",
        house.network.id,
    )
    block = house.node.find(BlockRef(*rows[0])) if rows else None
    if block is None:
        house.counts["followed another chain"] += 1
        return
    seen = _included(house, block.ref.height)
    house.counts["compared"] += 1
    assets = [house.network.native.id] + ([] if house.token is None else [house.token])
    coming = _coming(house, seen)
    for vault, asset in product(house.vaults, assets):
        expected = 0
        for posted_in, posted_out, pending in house.books.rows(
            "SELECT credits_posted, debits_posted, credits_pending FROM ledger_accounts WHERE"
            " vault_id = ? AND asset = ? AND kind IN ('vault', 'unswept', 'shortfall', 'suspense',"
            " 'quarantine')",
            vault.id,
            asset,
        ):
            expected += int(posted_in) - int(posted_out) + int(pending)
        for (amount,) in house.books.rows(
            "SELECT amount FROM foreign_debits WHERE vault_id = ? AND state = 'pending'"
            " AND account IN ('vault', 'unswept', 'shortfall', 'suspense') AND asset = ?",
            vault.id,
            asset,
        ):
            expected -= int(amount)
        expected += coming[vault.id, asset]
        mine = [Address(each) for each in addresses_of(house.books, vault.id)]
        true = sum(block.state.balances.get((each, asset), 0) for each in mine)
        if expected != true:
            what = "" if asset == house.network.native.id else " of the token"
            raise Found(f"the ledger of {vault.id} says {expected}, the chain {true}{what}")


def _included(house: House, height: int) -> dict[TxId, Included]:
    """What blocks up to a height have, by name: of payments that others submitted by their own."""
    found: dict[TxId, Included] = {}
    for each in (e for b in house.node.chain if b.ref.height <= height for e in b.included):
        found[each.tx.txid] = each
        said = None if each.reverted else house.node.codec.submitted(each.tx)
        if said is not None:
            (key,) = house.node.codec.conflict_keys(said)
            found[TxId(key.text)] = each
    return found


def _coming(house: House, seen: Mapping[TxId, Included]) -> Counter[tuple[str, str]]:
    """By vault and asset, what the books will know of transactions of ours that are in a block:
    what they pay and cost, and what a top-up brings to a vault."""
    native = house.network.native.id
    found: Counter[tuple[str, str]] = Counter()
    counted: set[str] = set()
    for txid, payer, kind, asset, amount, to in house.books.rows(
        "SELECT t.txid, t.vault_id, f.kind, f.asset, f.amount, f.destination FROM transactions t"
        " JOIN transaction_transfers x ON x.transaction_id = t.id"
        " JOIN transfers f ON f.id = x.transfer_id"
        " WHERE t.txid IS NOT NULL AND t.state IN ('signed', 'broadcast', 'included')"
    ):
        included = seen.get(TxId(txid))
        if included is None:
            continue
        if txid not in counted and txid == included.tx.txid:  # who submits another's pays
            counted.add(txid)
            found[payer, native] -= included.fee + included.data + included.locked
        pays = any(out.path is None for out in included.tx.outputs)
        if included.reverted or not pays or stays(kind):
            continue
        found[payer, asset] -= int(amount)
        if tops_up(kind):
            (owner,) = house.books.column("SELECT vault_id FROM addresses WHERE address = ?", to)
            found[owner, native] += int(amount)
    return found
