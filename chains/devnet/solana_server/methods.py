"""The JSON-RPC methods. Each takes the parameters as sent and returns the `result`.

Errors carry the codes and words of Agave's rpc-client-api (`custom_error.rs`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from embit import base58
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash, ParseHashError
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, from_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from chains.devnet.solana_server.chain import FAUCET, Block, Chain
from chains.devnet.solana_server.encoding import (
    LEGACY,
    UnsupportedEncoding,
    account_json,
    block_json,
    error_json,
    simulation_json,
    transaction_json,
    version_of,
)
from chains.devnet.solana_server.execution import SLOTS_PER_EPOCH, Executed
from chains.devnet.solana_server.lifetime import BLOCKHASH_AGE_MAX
from chains.devnet.solana_server.prices import lowest_bids

_VERSION: Final = {"feature-set": 0, "solana-core": "devnet-litesvm"}
_STATUS_CACHE_BLOCKS: Final = 300
_ACCOUNTS_MAX: Final = 100
_SIGNATURES_MAX: Final = 1000
_BLOCKS_MAX: Final = 500_000

Params = Sequence[Any]


class RpcError(Exception):
    """Becomes the `error` of the reply."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class Methods:
    """What one node answers."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._airdrops = 0
        self._methods: dict[str, Callable[[Params], Any]] = {
            "getAccountInfo": self.get_account_info,
            "getBalance": self.get_balance,
            "getBlock": self.get_block,
            "getBlockHeight": lambda params: self._context(params, 0).height,
            "getBlockTime": self.get_block_time,
            "getBlocks": self.get_blocks,
            "getEpochInfo": self.get_epoch_info,
            "getFeeForMessage": self.get_fee_for_message,
            "getFirstAvailableBlock": lambda params: 0,
            "getGenesisHash": lambda params: str(chain.genesis),
            "getHealth": lambda params: "ok",
            "getLatestBlockhash": self.get_latest_blockhash,
            "getMinimumBalanceForRentExemption": self.get_rent_exempt_minimum,
            "getMultipleAccounts": self.get_multiple_accounts,
            "getRecentPrioritizationFees": self.get_recent_prioritization_fees,
            "getSignatureStatuses": self.get_signature_statuses,
            "getSignaturesForAddress": self.get_signatures_for_address,
            "getSlot": lambda params: self._context(params, 0).slot,
            "getTokenAccountsByOwner": self.get_token_accounts_by_owner,
            "getTransaction": self.get_transaction,
            "getTransactionCount": self.get_transaction_count,
            "getVersion": lambda params: _VERSION,
            "isBlockhashValid": self.is_blockhash_valid,
            "minimumLedgerSlot": lambda params: 0,
            "requestAirdrop": self.request_airdrop,
            "sendTransaction": self.send_transaction,
            "simulateTransaction": self.simulate_transaction,
        }

    def call(self, name: str, params: Params) -> Any:
        """Raises RpcError."""
        method = self._methods.get(name)
        if method is None:
            raise RpcError(-32601, "Method not found")
        try:
            return method(params)
        except UnsupportedEncoding as error:
            raise RpcError(-32602, f"Invalid params: encoding {error} is not served") from error
        except (KeyError, IndexError, TypeError, ValueError, ParseHashError) as error:
            raise RpcError(-32602, f"Invalid params: {error!r}") from error

    # Accounts

    def get_account_info(self, params: Params) -> Any:
        block, options = self._context(params, 1), _options(params, 1)
        account = self._chain.executor.account(Pubkey.from_string(params[0]), block.slot)
        return _at(block, account_json(account, options.get("encoding", "binary")))

    def get_multiple_accounts(self, params: Params) -> Any:
        block, options = self._context(params, 1), _options(params, 1)
        if len(params[0]) > _ACCOUNTS_MAX:
            raise RpcError(-32602, f"Too many inputs provided; max {_ACCOUNTS_MAX}")
        encoding = options.get("encoding", "base64")
        keys = [Pubkey.from_string(text) for text in params[0]]
        accounts = [self._chain.executor.account(key, block.slot) for key in keys]
        return _at(block, [account_json(account, encoding) for account in accounts])

    def get_balance(self, params: Params) -> Any:
        block = self._context(params, 1)
        account = self._chain.executor.account(Pubkey.from_string(params[0]), block.slot)
        return _at(block, 0 if account is None else account.lamports)

    def get_token_accounts_by_owner(self, params: Params) -> Any:
        """By mint only."""
        block, options = self._context(params, 2), _options(params, 2)
        owner, mint = Pubkey.from_string(params[0]), Pubkey.from_string(params[1]["mint"])
        held = self._chain.executor.token_accounts(owner, mint, block.slot)
        encoding = options.get("encoding", "binary")
        return _at(
            block,
            [
                {"pubkey": str(key), "account": account_json(account, encoding)}
                for key, account in held
            ],
        )

    def get_epoch_info(self, params: Params) -> dict[str, int]:
        block = self._context(params, 0)
        return {
            "absoluteSlot": block.slot,
            "blockHeight": block.height,
            "epoch": block.slot // SLOTS_PER_EPOCH,
            "slotIndex": block.slot % SLOTS_PER_EPOCH,
            "slotsInEpoch": SLOTS_PER_EPOCH,
        }

    def get_rent_exempt_minimum(self, params: Params) -> int:
        return self._chain.executor.rent_exempt_minimum(_natural(params[0]))

    # Blocks

    def get_latest_blockhash(self, params: Params) -> Any:
        block = self._context(params, 0)
        last_valid = block.height + BLOCKHASH_AGE_MAX
        return _at(block, {"blockhash": str(block.hash), "lastValidBlockHeight": last_valid})

    def is_blockhash_valid(self, params: Params) -> Any:
        block = self._context(params, 1)
        blockhash = Hash.from_string(params[0])
        return _at(block, self._chain.executor.is_recent(blockhash, block.height))

    def get_block(self, params: Params) -> Any:
        slot, options = _natural(params[0]), _options(params, 1)
        newest = self._settled(options)
        block = self._chain.block_at(slot)
        if block is None and slot < self._chain.final.slot:
            raise RpcError(
                -32007,
                f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot",
            )
        if block is None or block.slot > newest.slot:
            raise RpcError(-32004, f"Block not available for slot {slot}")
        details = options.get("transactionDetails", "full")
        if details in ("full", "accounts"):
            for executed in block.transactions:
                _check_version(executed, options)
        return block_json(block, details, options.get("encoding", "json"))

    def get_block_time(self, params: Params) -> int:
        block = self._chain.block_at(_natural(params[0]))
        if block is None:
            raise RpcError(-32004, f"Block not available for slot {params[0]}")
        return block.time

    def get_blocks(self, params: Params) -> list[int]:
        first = _natural(params[0])
        last = params[1] if len(params) > 1 and isinstance(params[1], int) else None
        newest = self._settled(_options(params, 1 if last is None else 2)).slot
        last = newest if last is None else min(last, newest)
        if last - first > _BLOCKS_MAX:
            raise RpcError(-32602, f"Slot range too large; max {_BLOCKS_MAX}")
        return [block.slot for block in self._chain.blocks if first <= block.slot <= last]

    def get_transaction_count(self, params: Params) -> int:
        height = self._context(params, 0).height
        return sum(len(block.transactions) for block in self._chain.blocks[: height + 1])

    def get_recent_prioritization_fees(self, params: Params) -> list[dict[str, int]]:
        keys = frozenset(Pubkey.from_string(text) for text in (params[0] if params else []))
        return [
            {"slot": block.slot, "prioritizationFee": lowest_bids(block, keys)}
            for block in self._chain.blocks[-BLOCKHASH_AGE_MAX:]
        ]

    # Transactions

    def get_transaction(self, params: Params) -> Any:
        options = _options(params, 1)
        found = self._chain.find(Signature.from_string(params[0]))
        if found is None or found[0].slot > self._settled(options).slot:
            return None
        block, executed = found
        _check_version(executed, options)
        value = transaction_json(executed, options.get("encoding", "json"))
        return {**value, "slot": block.slot, "blockTime": block.time}

    def get_signature_statuses(self, params: Params) -> Any:
        everything = _options(params, 1).get("searchTransactionHistory", False)
        tip = self._chain.tip
        values = []
        for text in params[0]:
            found = self._chain.find(Signature.from_string(text))
            recent = found and tip.height - found[0].height < _STATUS_CACHE_BLOCKS
            values.append(self._status(*found) if found and (recent or everything) else None)
        return _at(tip, values)

    def get_signatures_for_address(self, params: Params) -> list[dict[str, Any]]:
        key, options = Pubkey.from_string(params[0]), _options(params, 1)
        self._context(params, 1)
        limit = options.get("limit", _SIGNATURES_MAX)
        before, until = options.get("before"), options.get("until")
        started = before is None
        if before is not None and self._chain.find(Signature.from_string(before)) is None:
            raise RpcError(-32020, f"Transaction {before} not found")
        listed: list[dict[str, Any]] = []
        for block, executed in self._newest_first(self._settled(options)):
            signature = str(executed.signature)
            if signature == until or len(listed) >= limit:
                break
            if started and key in executed.loaded.keys:
                listed.append(self._listing(block, executed))
            started = started or signature == before
        return listed

    def get_fee_for_message(self, params: Params) -> Any:
        block = self._context(params, 1)
        message = from_bytes_versioned(_base64(params[0]))
        known = self._chain.executor.has_lifetime(
            message, parent=block.hash, parent_height=block.height, slot=block.slot
        )
        return _at(block, self._chain.executor.fee(message) if known else None)

    def send_transaction(self, params: Params) -> str:
        options = _options(params, 1)
        transaction = _transaction(params[0], options)
        if not options.get("skipPreflight", False):
            self._preflight(transaction, options.get("preflightCommitment"))
        return str(self._chain.submit(transaction))

    def simulate_transaction(self, params: Params) -> Any:
        block, options = self._context(params, 1), _options(params, 1)
        transaction = _transaction(params[0], options)
        if options.get("sigVerify", False):
            _check_signatures(transaction)
        return _at(block, self._simulate(transaction, block))

    def request_airdrop(self, params: Params) -> str:
        """A transfer from the faucet; like that of a real cluster, it waits for a block."""
        to, lamports = Pubkey.from_string(params[0]), _natural(params[1])
        payment = TransferParams(from_pubkey=FAUCET.pubkey(), to_pubkey=to, lamports=lamports)
        return self.by_faucet([transfer(payment)])

    def by_faucet(self, steps: Sequence[Instruction], *keys: Keypair) -> str:
        """A transaction that the faucet pays and signs, with `keys` beside it. Raises RpcError."""
        self._airdrops += 1
        # Tells two of the same steps on the same block apart.
        limit = set_compute_unit_limit(200_000 + self._airdrops % 1_000_000)
        message = MessageV0.try_compile(FAUCET.pubkey(), [limit, *steps], [], self._chain.tip.hash)
        transaction = VersionedTransaction(message, [FAUCET, *keys])
        self._preflight(transaction, "confirmed")
        return str(self._chain.submit(transaction))

    def _preflight(self, transaction: VersionedTransaction, commitment: Any) -> None:
        _check_signatures(transaction)
        outcome = self._simulate(transaction, self._block_of({"commitment": commitment}))
        if outcome["err"] is not None:
            message = f"Transaction simulation failed: {outcome['err']}"
            raise RpcError(-32002, message, outcome)

    def _simulate(self, transaction: VersionedTransaction, block: Block) -> dict[str, Any]:
        error, meta = self._chain.executor.simulate(
            transaction, parent=block.hash, parent_height=block.height, slot=block.slot
        )
        return simulation_json(error, meta)

    def _status(self, block: Block, executed: Executed) -> dict[str, Any]:
        final = block.height <= self._chain.final.height
        error = error_json(executed.error)
        return {
            "slot": block.slot,
            "confirmations": None if final else self._chain.tip.height - block.height,
            "err": error,
            "status": {"Ok": None} if error is None else {"Err": error},
            "confirmationStatus": "finalized" if final else "confirmed",
        }

    def _listing(self, block: Block, executed: Executed) -> dict[str, Any]:
        return {
            "signature": str(executed.signature),
            "slot": block.slot,
            "err": error_json(executed.error),
            "memo": None,
            "blockTime": block.time,
            "confirmationStatus": self._status(block, executed)["confirmationStatus"],
        }

    def _newest_first(self, newest: Block) -> Iterator[tuple[Block, Executed]]:
        for block in reversed(self._chain.blocks[: newest.height + 1]):
            for executed in reversed(block.transactions):
                yield block, executed

    # Commitment

    def _context(self, params: Params, index: int) -> Block:
        """The block that an answer is taken from. Raises RpcError if it is before the
        minContextSlot."""
        options = _options(params, index)
        block = self._block_of(options)
        if block.slot < options.get("minContextSlot", 0):
            data = {"contextSlot": block.slot}
            raise RpcError(-32016, "Minimum context slot has not been reached", data)
        return block

    def _block_of(self, options: dict[str, Any]) -> Block:
        commitment = options.get("commitment") or "finalized"
        if commitment not in ("processed", "confirmed", "finalized"):
            raise RpcError(-32602, f"Invalid params: unknown commitment {commitment}")
        return self._chain.final if commitment == "finalized" else self._chain.tip

    def _settled(self, options: dict[str, Any]) -> Block:
        if options.get("commitment") == "processed":
            raise RpcError(-32602, "Method does not support commitment below `confirmed`")
        return self._block_of(options)


def _check_signatures(transaction: VersionedTransaction) -> None:
    if not all(transaction.verify_with_results()):
        raise RpcError(-32003, "Transaction signature verification failure")


def _options(params: Params, index: int) -> dict[str, Any]:
    options = params[index] if len(params) > index else None
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise RpcError(-32602, "Invalid params: an object of options expected")
    return {name: value for name, value in options.items() if value is not None}


def _at(block: Block, value: Any) -> dict[str, Any]:
    return {"context": {"apiVersion": _VERSION["solana-core"], "slot": block.slot}, "value": value}


def _natural(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("a non-negative integer expected")
    return value


def _check_version(executed: Executed, options: dict[str, Any]) -> None:
    version = version_of(executed)
    if version > options.get("maxSupportedTransactionVersion", LEGACY):
        message = (
            f"Transaction version ({version}) is not supported by the requesting client. Please try"
            " the request again with the following configuration parameter:"
            f' "maxSupportedTransactionVersion": {version}'
        )
        raise RpcError(-32015, message)


def _transaction(text: str, options: dict[str, Any]) -> VersionedTransaction:
    encoding = options.get("encoding", "base58")
    raw = _base64(text) if encoding == "base64" else base58.decode(text)
    try:
        return VersionedTransaction.from_bytes(raw)
    except ValueError as error:
        raise RpcError(-32602, f"failed to deserialize transaction: {error}") from error


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise RpcError(-32602, f"invalid base64 encoding: {error}") from error
