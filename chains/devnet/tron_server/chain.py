"""The local TRON chain itself: blocks, accounts, waiting transactions, reorganisations.

Everything that happened is one line in a journal; reading it again gives the same chain, ids
included. Waiting transactions are not in it: like java-tron's, they do not survive a restart.
Knows nothing of HTTP.
"""

from __future__ import annotations

import json
from collections import ChainMap
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from coincurve import PrivateKey

from chains.devnet.tron_server import contracts, rules, wire
from chains.devnet.tron_server.contracts import Workshop, World
from chains.devnet.tron_server.rules import Account, Moment, Receipt, Refused
from chains.devnet.tron_server.wire import Transaction
from chains.hashes import keccak256

_REFERENCE_WINDOW: Final = 1 << 16
VERSION: Final = 34
_FAUCET_BALANCE: Final = 90_000_000_000 * 10**6
_FAUCET_STAKE: Final = 10_000_000_000 * 10**6
_NO_TRANSACTIONS: Final = bytes(32)
_WITNESSES: Final = [PrivateKey(sha256(b"witness %d" % each).digest()) for each in range(27)]
"""They take turns, each block by another one. Everybody knows their keys."""


@dataclass(frozen=True, slots=True)
class Included:
    transaction: Transaction
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Block:
    """`undo` holds the accounts it changed as they were before; None: there was none. `kept`: the
    root of what contracts keep after it."""

    number: int
    id: bytes
    parent: bytes
    timestamp_ms: int
    witness: bytes
    root: bytes
    included: tuple[Included, ...]
    undo: dict[bytes, Account | None]
    kept: bytes
    signature: bytes = bytes(65)


class Chain:
    """`genesis` is the id of block 0, `solid_after` how many blocks confirm one for good."""

    def __init__(
        self, genesis: bytes, genesis_time_ms: int, faucet: bytes, *, solid_after: int
    ) -> None:
        nothing, root, kept = bytes(32), _NO_TRANSACTIONS, contracts.EMPTY_ROOT
        self.blocks = [Block(0, genesis, nothing, genesis_time_ms, b"", root, (), {}, kept)]
        rich = Account(_FAUCET_BALANCE, genesis_time_ms, staked=_FAUCET_STAKE)
        self.accounts: dict[bytes, Account] = {faucet: rich}
        self.workshop = Workshop()
        self.waiting: dict[str, Transaction] = {}
        self.seen: set[str] = set()
        self._where: dict[str, int] = {}
        self._solid_after = solid_after
        self._branch = 0
        self._forget_waiting()

    @property
    def head(self) -> Block:
        return self.blocks[-1]

    @property
    def solid(self) -> Block:
        return self.blocks[max(0, self.head.number - self._solid_after)]

    @property
    def moment(self) -> Moment:
        """What a transaction of the next block meets."""
        return self.moment_after(self.head)

    def moment_after(self, block: Block) -> Moment:
        passed = block.timestamp_ms - self.blocks[0].timestamp_ms
        return Moment(block.timestamp_ms, passed // rules.BLOCK_INTERVAL_MS)

    def world_after(self, block: Block) -> World:
        """Of a block of the best chain: what its accounts and contracts had then. A copy."""
        accounts = dict(self.accounts)
        for later in reversed(self.blocks[block.number + 1 :]):
            _undo(later, accounts)
        return World(accounts, block.kept, self.workshop)

    def find(self, txid: str) -> tuple[Block, Included] | None:
        """The block of the best chain that holds the transaction."""
        height = self._where.get(txid)
        if height is None:
            return None
        block = self.blocks[height]
        return block, next(one for one in block.included if one.transaction.id == txid)

    def submit(self, transaction: Transaction) -> None:
        """Take it among the waiting ones. Raises Refused."""
        rules.the_contract(transaction)
        rules.check_not_expired(transaction, self.moment)
        rules.check_signature(transaction)
        self._check_reference(transaction)
        rules.check_size_and_lifetime(transaction, self.moment)
        if transaction.id in self._where or transaction.id in self.waiting:
            raise Refused("DUP_TRANSACTION_ERROR", "Dup transaction.")
        contracts.execute(transaction, self._after_waiting, self.moment)
        self.waiting[transaction.id] = transaction

    def mine(self) -> Block:
        """A block with every waiting transaction that is still valid; the others are dropped."""
        candidates = list(self.waiting.values())
        block = self._next_block(candidates)
        self._forget_waiting()
        return block

    def reorganise(self, depth: int) -> None:
        """Replace the newest `depth` blocks by `depth` + 1 empty ones of another witness. What
        the replaced ones held waits again. Solidified blocks stay: raises ValueError."""
        if depth > self.head.number - self.solid.number:
            raise ValueError("a solidified block can't be replaced")
        returned = [one.transaction for block in self._drop(depth) for one in block.included]
        returned += self.waiting.values()
        self._branch += 1
        for _ in range(depth + 1):
            self._next_block([])
        self._forget_waiting()
        for transaction in returned:
            try:
                self.submit(transaction)
            except Refused:
                continue  # expired meanwhile, or what it spends did not come back

    def drop_and_branch(self, depth: int) -> None:
        """Replay of a reorganisation: only what leaves the chain."""
        self._drop(depth)
        self._branch += 1

    def replay(self, serialized: list[bytes]) -> None:
        """Replay of a block. Raises ValueError if it can't be what was mined."""
        block = self._next_block([wire.read_transaction(one) for one in serialized])
        if len(block.included) != len(serialized):
            raise ValueError("the journal does not fit its chain")

    def _next_block(self, candidates: list[Transaction]) -> Block:
        changed: dict[bytes, Account] = {}
        moment = self.moment
        world = World(ChainMap(changed, self.accounts), self.head.kept, self.workshop)
        included = []
        for transaction in candidates:
            try:
                self._check_reference(transaction)
                rules.check_not_expired(transaction, moment)
                receipt = contracts.execute(transaction, world, moment)
            except Refused:
                continue
            included.append(Included(transaction, receipt))
        undo = {address: self.accounts.get(address) for address in changed}
        block = self._sealed(tuple(included), undo, world.kept)
        self.accounts.update(changed)
        self.blocks.append(block)
        self._where.update({one.transaction.id: block.number for one in included})
        return block

    def _sealed(
        self, included: tuple[Included, ...], undo: dict[bytes, Account | None], kept: bytes
    ) -> Block:
        parent = self.head
        number, timestamp_ms = parent.number + 1, parent.timestamp_ms + rules.BLOCK_INTERVAL_MS
        key = _WITNESSES[(number + self._branch) % len(_WITNESSES)]
        witness = b"\x41" + keccak256(key.public_key.format(compressed=False)[1:])[12:]
        root = merkle_root([sha256(_with_result(one)).digest() for one in included])
        header = header_bytes(number, timestamp_ms, root, parent.id, witness, VERSION)
        block_id = block_identifier(number, timestamp_ms, root, parent.id, witness, VERSION)
        signature = key.sign_recoverable(sha256(header).digest(), hasher=None)
        return Block(
            number,
            block_id,
            parent.id,
            timestamp_ms,
            witness,
            root,
            included,
            undo,
            kept,
            signature,
        )

    def _drop(self, depth: int) -> list[Block]:
        """Take the newest blocks off and undo them. Oldest first."""
        dropped = []
        for _ in range(depth):
            block = self.blocks.pop()
            _undo(block, self.accounts)
            for one in block.included:
                del self._where[one.transaction.id]
            dropped.append(block)
        return dropped[::-1]

    def _forget_waiting(self) -> None:
        self.waiting = {}
        accounts = ChainMap[bytes, Account]({}, self.accounts)
        self._after_waiting = World(accounts, self.head.kept, self.workshop)

    def _check_reference(self, transaction: Transaction) -> None:
        """The reference block is the newest one whose height ends in those two bytes."""
        named = int.from_bytes(transaction.reference_bytes)
        height = self.head.number - (self.head.number - named) % _REFERENCE_WINDOW
        well_formed = len(transaction.reference_bytes) == 2 and height >= 0
        if not well_formed or self.blocks[height].id[8:16] != transaction.reference_hash:
            raise Refused("TAPOS_ERROR", "Tapos check error.")


def _undo(block: Block, accounts: dict[bytes, Account]) -> None:
    for address, account in block.undo.items():
        if account is None:
            del accounts[address]
        else:
            accounts[address] = account


class Journal:
    """A chain kept in a file. Amounts to nothing but calls, one a line."""

    def __init__(self, path: Path, chain: Chain) -> None:
        self._path = path
        self.chain = chain

    @classmethod
    def open(
        cls, path: Path, genesis: bytes, now_ms: int, faucet: bytes, *, solid_after: int
    ) -> Journal:
        """The chain in `path`, or a new one that begins at `now_ms`."""
        lines = path.read_text().splitlines() if path.exists() else []
        if not lines:
            lines = [json.dumps({"genesis_time_ms": now_ms})]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(lines[0] + "\n")
        begin = json.loads(lines[0])["genesis_time_ms"]
        chain = Chain(genesis, begin, faucet, solid_after=solid_after)
        for line in lines[1:]:
            _replay(chain, json.loads(line))
        return cls(path, chain)

    def mine(self, count: int) -> None:
        before = self.chain.head.number
        for _ in range(count):
            self.chain.mine()
        self._append([_line(block) for block in self.chain.blocks[before + 1 :]])

    def reorganise(self, depth: int) -> None:
        self.chain.reorganise(depth)
        new = self.chain.blocks[-(depth + 1) :]
        self._append([{"drop": depth}, *(_line(block) for block in new)])

    def set_factor(self, contract: bytes, factor: int) -> None:
        """From now on, whatever becomes of which block."""
        self.chain.workshop.factors[contract[1:]] = factor
        self._append([{"factor": factor, "contract": contract.hex()}])

    def _append(self, lines: list[dict[str, Any]]) -> None:
        with self._path.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)


def block_identifier(
    number: int, timestamp_ms: int, root: bytes, parent: bytes, witness: bytes, version: int
) -> bytes:
    """The height in eight bytes, then the last 24 of the SHA-256 of the serialized header."""
    header = header_bytes(number, timestamp_ms, root, parent, witness, version)
    return number.to_bytes(8) + sha256(header).digest()[8:]


def header_bytes(
    number: int, timestamp_ms: int, root: bytes, parent: bytes, witness: bytes, version: int
) -> bytes:
    """As it is hashed and signed."""
    return (
        wire.number(1, timestamp_ms)
        + wire.data(2, root)
        + wire.data(3, parent)
        + wire.number(7, number)
        + wire.data(9, witness)
        + wire.number(10, version)
    )


def merkle_root(leaves: list[bytes]) -> bytes:
    """SHA-256 over pairs; one without a partner moves up as it is."""
    level = leaves or [_NO_TRANSACTIONS]
    while len(level) > 1:
        level = [
            sha256(level[at] + level[at + 1]).digest() if at + 1 < len(level) else level[at]
            for at in range(0, len(level), 2)
        ]
    return level[0]


def _with_result(included: Included) -> bytes:
    """A transaction as a block holds it: followed by its result, contractRet."""
    result = contracts.RESULTS[included.receipt.result]
    return included.transaction.serialized + wire.data(5, wire.number(3, result))


def _line(block: Block) -> dict[str, Any]:
    return {"block": [one.transaction.serialized.hex() for one in block.included]}


def _replay(chain: Chain, line: dict[str, Any]) -> None:
    if "drop" in line:
        chain.drop_and_branch(int(line["drop"]))
    elif "factor" in line:
        chain.workshop.factors[bytes.fromhex(line["contract"])[1:]] = int(line["factor"])
    else:
        chain.replay([bytes.fromhex(one) for one in line["block"]])
