"""The blocks of the local cluster: made, replaced, settled, kept on disk.

Each block is a line of `blocks.jsonl` that names its parent's slot, so that the file holds every
fork there ever was and the last line is the tip of the present one. State is never written: it is
what executing the present chain's transactions again gives.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chains.devnet.solana_server.bids import in_order
from chains.devnet.solana_server.execution import Executed, Executor

FAUCET: Final = Keypair.from_seed(sha256(b"devnet solana faucet").digest())
_FAUCET_LAMPORTS: Final = 500_000_000 * 10**9

_TOKEN_PROGRAM: Final = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
_NATIVE_MINT: Final = Pubkey.from_string("So11111111111111111111111111111111111111112")
_NATIVE_MINT_DATA: Final = bytes(44) + bytes([9, 1]) + bytes(36)
"""No authority, no supply, 9 decimals, initialized, no freezing [spl-token, Mint]."""
_NATIVE_MINT_LAMPORTS: Final = 10**9


class Refusal(Exception):
    """A control verb that can't be done as things stand."""


@dataclass(frozen=True, slots=True)
class Block:
    """`height` counts blocks, `slot` also the skipped ones."""

    slot: int
    height: int
    parent_slot: int
    parent_hash: Hash
    hash: Hash
    time: int
    transactions: list[Executed] = field(default_factory=list)


class Chain:
    """The present fork, and the transactions that wait for a block of it. `final_after`: blocks
    on top that make one final."""

    def __init__(self, genesis: Hash, folder: Path, final_after: int) -> None:
        self.genesis = genesis
        self.final_after = final_after
        self.waiting: dict[Signature, VersionedTransaction] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "blocks.jsonl"
        lines = _read_lines(self._file)
        self._last_slot = max((line["slot"] for line in lines), default=0)
        self._replay(_present_fork(lines))

    @property
    def tip(self) -> Block:
        return self.blocks[-1]

    @property
    def final(self) -> Block:
        return self.blocks[max(0, len(self.blocks) - 1 - self.final_after)]

    def block_at(self, slot: int) -> Block | None:
        return self._by_slot.get(slot)

    def find(self, signature: Signature) -> tuple[Block, Executed] | None:
        return self._by_signature.get(signature)

    def submit(self, transaction: VersionedTransaction) -> Signature:
        """Let it wait for the next block. Nobody checks it before that."""
        signature = transaction.signatures[0]
        self.waiting.setdefault(signature, transaction)
        return signature

    def mine(self, blocks: int = 1, skip: int = 0) -> None:
        """Make blocks; what waits goes into the first. `skip` slots before each stay empty."""
        for _ in range(blocks):
            waiting, self.waiting = in_order(list(self.waiting.values())), {}
            slot = self._last_slot + 1 + skip
            now = max(int(time.time()), self.tip.time)
            block = self._append(slot, self.tip.slot, now, waiting)
            self._write(block)

    def reorg(self, depth: int) -> None:
        """Leave the newest `depth` blocks for a fork of `depth + 1` blocks without transactions.

        Their slots are skipped on the new fork. What was in them is gone: a cluster has no pool to
        return it to, and whoever cares sends it again. Refused if it would undo a final block.
        """
        kept = len(self.blocks) - depth
        if depth < 1 or kept <= self.final.height:
            raise Refusal(f"blocks up to slot {self.final.slot} are final")
        self._replay([_line(block) for block in self.blocks[1:kept]])
        waiting, self.waiting = self.waiting, {}
        self.mine(depth + 1)
        self.waiting = waiting

    def _replay(self, lines: list[dict[str, Any]]) -> None:
        """Begin at the genesis block and make the given ones again."""
        self.executor = Executor(_genesis_accounts())
        self.blocks: list[Block] = []
        self._by_slot: dict[int, Block] = {}
        self._by_signature: dict[Signature, tuple[Block, Executed]] = {}
        self._append(0, 0, 0, [])
        for line in lines:
            raw = [base64.b64decode(text) for text in line["transactions"]]
            transactions = [VersionedTransaction.from_bytes(data) for data in raw]
            block = self._append(line["slot"], line["parent"], line["time"], transactions)
            assert len(block.transactions) == len(transactions), "the log does not replay"

    def _append(
        self, slot: int, parent_slot: int, now: int, candidates: list[VersionedTransaction]
    ) -> Block:
        """Execute what can be in the block and put it on the chain."""
        parent_hash = self.tip.hash if self.blocks else Hash.default()
        height = len(self.blocks)
        self.executor.open_block(slot, now)
        answers = [self.executor.execute(transaction) for transaction in candidates]
        executed = [answer for answer in answers if isinstance(answer, Executed)]
        block = Block(
            slot=slot,
            height=height,
            parent_slot=parent_slot,
            parent_hash=parent_hash,
            hash=self._hash(slot, parent_hash, executed),
            time=now,
            transactions=executed,
        )
        self.executor.close_block(block.hash, height)
        self.blocks.append(block)
        self._by_slot[slot] = block
        self._by_signature.update({done.signature: (block, done) for done in executed})
        self._last_slot = max(self._last_slot, slot)
        return block

    def _hash(self, slot: int, parent_hash: Hash, executed: list[Executed]) -> Hash:
        """No proof of history: whatever tells blocks apart."""
        parts = [bytes(self.genesis), bytes(parent_hash), slot.to_bytes(8)]
        parts += [bytes(done.signature) for done in executed]
        return Hash(sha256(b"".join(parts)).digest())

    def _write(self, block: Block) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_line(block)) + "\n")


def _genesis_accounts() -> dict[Pubkey, Account]:
    """What exists before the first block beside the runtime's own programs."""
    return {
        FAUCET.pubkey(): Account(_FAUCET_LAMPORTS, b"", Pubkey.default()),
        _NATIVE_MINT: Account(_NATIVE_MINT_LAMPORTS, _NATIVE_MINT_DATA, _TOKEN_PROGRAM),
    }


def _line(block: Block) -> dict[str, Any]:
    return {
        "slot": block.slot,
        "parent": block.parent_slot,
        "time": block.time,
        "transactions": [
            base64.b64encode(bytes(done.transaction)).decode() for done in block.transactions
        ],
    }


def _read_lines(file: Path) -> list[dict[str, Any]]:
    """All complete lines; a last one cut off by a crash never was, and goes from the file."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8")
    complete = text[: text.rfind("\n") + 1]
    if complete != text:
        file.write_text(complete, encoding="utf-8")
    return [json.loads(line) for line in complete.splitlines()]


def _present_fork(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The chain that ends in the last line, oldest first, without the genesis block."""
    by_slot = {line["slot"]: line for line in lines}
    fork = []
    line = lines[-1] if lines else None
    while line is not None:
        fork.append(line)
        line = by_slot.get(line["parent"])
    return fork[::-1]
