"""The local cluster's rules, one by one, without a process or a socket around it."""

import base64

import pytest
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, MessageV1, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import (
    AdvanceNonceAccountParams,
    AllocateWithSeedParams,
    InitializeNonceAccountParams,
    TransferParams,
    advance_nonce_account,
    allocate_with_seed,
    initialize_nonce_account,
    transfer,
)
from solders.transaction import VersionedTransaction

from chains.devnet.solana_server.chain import Chain, Refusal
from chains.devnet.solana_server.lifetime import next_nonce
from chains.devnet.solana_server.methods import Methods, RpcError
from tests.support.solana import LOCAL

GENESIS = Hash.from_string(LOCAL.text("genesis"))
SOL = 10**9
FINAL_AFTER = 4
CONFIRMED = {"commitment": "confirmed"}


class Cluster:
    """The chain with a client's and a wallet's verbs."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.chain = Chain(GENESIS, self.folder, FINAL_AFTER)
        self.methods = Methods(self.chain)

    def ask(self, method, *params):
        return self.methods.call(method, list(params))

    def funded(self, lamports=10 * SOL) -> Keypair:
        key = Keypair()
        self.ask("requestAirdrop", str(key.pubkey()), lamports)
        self.chain.mine()
        return key

    def signed(self, key, instructions, lifetime=None, kind=MessageV0) -> VersionedTransaction:
        blockhash = lifetime or self.chain.tip.hash
        if kind is MessageV1:
            newer = MessageV1.try_compile(key.pubkey(), instructions, blockhash)
            return VersionedTransaction(newer, [key])
        message = MessageV0.try_compile(key.pubkey(), instructions, [], blockhash)
        return VersionedTransaction(message, [key])

    def send(self, transaction, **options) -> str:
        raw = base64.b64encode(bytes(transaction)).decode()
        defaults = {"encoding": "base64", "preflightCommitment": "confirmed"}
        return self.ask("sendTransaction", raw, defaults | options)

    def error_of(self, transaction, **options):
        with pytest.raises(RpcError) as caught:
            self.send(transaction, **options)
        assert caught.value.code == -32002
        return caught.value.data["err"]

    def balance(self, key, commitment="confirmed") -> int:
        return self.ask("getBalance", str(key), {"commitment": commitment})["value"]

    def nonce(self, account, commitment="confirmed") -> Hash:
        options = {"encoding": "base64", "commitment": commitment}
        value = self.ask("getAccountInfo", str(account), options)["value"]
        return Hash(base64.b64decode(value["data"][0])[40:72])

    def meta(self, signature):
        options = {**CONFIRMED, "encoding": "base64", "maxSupportedTransactionVersion": 1}
        return self.ask("getTransaction", signature, options)["meta"]


@pytest.fixture
def cluster(tmp_path):
    return Cluster(tmp_path / "chain")


def pay(key, to, lamports=SOL) -> Instruction:
    return transfer(TransferParams(from_pubkey=key.pubkey(), to_pubkey=to, lamports=lamports))


def create_nonce(cluster, key) -> Pubkey:
    """A nonce account of `key`, in a block of its own."""
    account = Pubkey.create_with_seed(key.pubkey(), "nonce", Pubkey.default())
    steps = [
        pay(key, account, cluster.ask("getMinimumBalanceForRentExemption", 80)),
        allocate_with_seed(
            AllocateWithSeedParams(
                address=account,
                base=key.pubkey(),
                seed="nonce",
                space=80,
                owner=Pubkey.default(),
            )
        ),
        initialize_nonce_account(
            InitializeNonceAccountParams(nonce_pubkey=account, authority=key.pubkey())
        ),
    ]
    cluster.send(cluster.signed(key, steps))
    cluster.chain.mine()
    return account


def advance(key, account) -> Instruction:
    return advance_nonce_account(
        AdvanceNonceAccountParams(nonce_pubkey=account, authorized_pubkey=key.pubkey())
    )


# Lifetimes


def test_a_blockhash_is_good_for_150_blocks(cluster):
    key, to = cluster.funded(), Keypair().pubkey()
    blockhash, height = cluster.chain.tip.hash, cluster.chain.tip.height
    late = cluster.signed(key, [pay(key, to)], blockhash)
    too_late = cluster.signed(key, [pay(key, to, 2 * SOL)], blockhash)
    cluster.chain.mine(150)
    assert cluster.chain.tip.height == height + 150
    assert cluster.ask("isBlockhashValid", str(blockhash), CONFIRMED)["value"] is True
    cluster.send(late)
    cluster.chain.mine()
    assert cluster.balance(to) == SOL
    assert cluster.ask("isBlockhashValid", str(blockhash), CONFIRMED)["value"] is False
    assert cluster.error_of(too_late) == "BlockhashNotFound"
    cluster.send(too_late, skipPreflight=True)
    cluster.chain.mine()
    assert cluster.balance(to) == SOL


def test_a_blockhash_is_known_only_to_commitments_that_reached_it(cluster):
    key = cluster.funded()
    transaction = cluster.signed(key, [pay(key, Keypair().pubkey())])
    assert cluster.error_of(transaction, preflightCommitment="finalized") == "BlockhashNotFound"
    cluster.chain.mine(FINAL_AFTER)
    cluster.send(transaction, preflightCommitment="finalized")


def test_a_transaction_is_processed_once(cluster):
    key, to = cluster.funded(), Keypair().pubkey()
    transaction = cluster.signed(key, [pay(key, to)])
    assert cluster.send(transaction) == cluster.send(transaction)
    cluster.chain.mine()
    assert cluster.error_of(transaction) == "AlreadyProcessed"
    cluster.send(transaction, skipPreflight=True)
    cluster.chain.mine()
    assert cluster.balance(to) == SOL


def test_a_durable_nonce_never_expires_and_is_used_once(cluster):
    key, to = cluster.funded(), Keypair().pubkey()
    account = create_nonce(cluster, key)
    value = cluster.nonce(account)
    assert bytes(value) == next_nonce(cluster.chain.tip.parent_hash)
    first, second = (
        cluster.signed(key, [advance(key, account), pay(key, to, n * SOL)], value) for n in (1, 2)
    )
    cluster.chain.mine(400)
    cluster.send(first)
    cluster.send(second)
    cluster.chain.mine()
    assert cluster.balance(to) == SOL
    assert bytes(cluster.nonce(account)) == next_nonce(cluster.chain.tip.parent_hash)
    assert cluster.error_of(second) == "BlockhashNotFound"


def test_a_failed_transaction_pays_its_fee_and_advances_its_nonce(cluster):
    key, to = cluster.funded(), Keypair().pubkey()
    account = create_nonce(cluster, key)
    value, before = cluster.nonce(account), cluster.balance(key.pubkey())
    transaction = cluster.signed(key, [advance(key, account), pay(key, to, 100 * SOL)], value)
    assert cluster.error_of(transaction) == {"InstructionError": [1, {"Custom": 1}]}
    signature = cluster.send(transaction, skipPreflight=True)
    cluster.chain.mine()
    meta = cluster.meta(signature)
    assert meta["err"] == {"InstructionError": [1, {"Custom": 1}]}
    assert meta["fee"] == 5_000
    assert cluster.balance(key.pubkey()) == before - 5_000
    assert cluster.nonce(account) != value
    assert bytes(cluster.nonce(account)) == next_nonce(cluster.chain.tip.parent_hash)


def test_a_nonce_can_not_be_used_in_the_block_it_was_set_in(cluster):
    key, to = cluster.funded(), Keypair().pubkey()
    account = create_nonce(cluster, key)
    parent = cluster.chain.tip.hash
    first = cluster.signed(key, [advance(key, account), pay(key, to)], cluster.nonce(account))
    ahead = cluster.signed(
        key, [advance(key, account), pay(key, to, 2 * SOL)], Hash(next_nonce(parent))
    )
    cluster.send(first)
    cluster.send(ahead, skipPreflight=True)
    cluster.chain.mine()
    assert cluster.nonce(account) == Hash(next_nonce(parent))
    assert cluster.balance(to) == SOL


def test_a_nonce_needs_its_authority(cluster):
    key, thief = cluster.funded(), cluster.funded()
    account = create_nonce(cluster, key)
    steps = [advance(thief, account), pay(thief, Keypair().pubkey())]
    assert (
        cluster.error_of(cluster.signed(thief, steps, cluster.nonce(account)))
        == "BlockhashNotFound"
    )


def test_who_can_not_pay_the_fee_enters_no_block(cluster):
    key = Keypair()
    transaction = cluster.signed(key, [pay(key, Keypair().pubkey())])
    assert cluster.error_of(transaction) == "AccountNotFound"
    signature = cluster.send(transaction, skipPreflight=True)
    cluster.chain.mine()
    assert cluster.ask("getTransaction", signature, CONFIRMED) is None


def test_a_wrong_signature_is_refused(cluster):
    key = cluster.funded()
    good = cluster.signed(key, [pay(key, Keypair().pubkey())])
    forged = VersionedTransaction.populate(good.message, [Keypair().sign_message(b"")])
    with pytest.raises(RpcError) as caught:
        cluster.send(forged)
    assert caught.value.code == -32003
    signature = cluster.send(forged, skipPreflight=True)
    cluster.chain.mine()
    assert cluster.ask("getTransaction", signature, CONFIRMED) is None


# Blocks, forks, commitments


def test_blocks_name_their_parents_and_slots_may_be_skipped(cluster):
    cluster.chain.mine(2)
    cluster.chain.mine(1, skip=3)
    newest = cluster.ask("getBlock", 6, CONFIRMED)
    assert newest["parentSlot"] == 2
    assert newest["previousBlockhash"] == cluster.ask("getBlock", 2, CONFIRMED)["blockhash"]
    assert cluster.ask("getBlocks", 1, 6, CONFIRMED) == [1, 2, 6]
    assert cluster.ask("getSlot", CONFIRMED) == 6
    assert cluster.ask("getBlockHeight", CONFIRMED) == 3


def code_of(cluster, method, *params) -> int:
    with pytest.raises(RpcError) as caught:
        cluster.ask(method, *params)
    return caught.value.code


def test_a_skipped_slot_is_told_from_a_missing_one_only_below_the_finalized(cluster):
    cluster.chain.mine(1, skip=1)
    assert code_of(cluster, "getBlock", 1, CONFIRMED) == -32004
    assert code_of(cluster, "getBlock", 99, CONFIRMED) == -32004
    cluster.chain.mine(FINAL_AFTER)
    assert code_of(cluster, "getBlock", 1, CONFIRMED) == -32007


def test_answers_are_those_of_the_commitment(cluster):
    key = cluster.funded(SOL)
    assert cluster.balance(key.pubkey()) == SOL
    assert cluster.balance(key.pubkey(), "finalized") == 0
    assert cluster.ask("getBalance", str(key.pubkey()))["value"] == 0
    slot = cluster.chain.tip.slot
    assert code_of(cluster, "getBlock", slot) == -32004
    assert code_of(cluster, "getBlock", slot, {"commitment": "processed"}) == -32602
    options = {"minContextSlot": slot}
    assert code_of(cluster, "getBalance", str(key.pubkey()), options) == -32016
    cluster.chain.mine(FINAL_AFTER)
    assert cluster.ask("getBalance", str(key.pubkey()), options)["value"] == SOL


def test_a_fork_lies_in_slots_of_its_own_and_undoes_everything(cluster):
    key, to = cluster.funded(), Keypair().pubkey()
    account = create_nonce(cluster, key)
    value, before = cluster.nonce(account), cluster.balance(key.pubkey())
    cluster.chain.mine(FINAL_AFTER)
    kept = cluster.chain.tip
    transaction = cluster.signed(key, [advance(key, account), pay(key, to)], value)
    signature = cluster.send(transaction)
    cluster.chain.mine(2)
    gone = [kept.slot + 1, kept.slot + 2]
    cluster.chain.reorg(2)
    assert cluster.chain.tip.slot == kept.slot + 5
    assert cluster.ask("getBlocks", kept.slot, 99, CONFIRMED) == [
        kept.slot,
        *range(kept.slot + 3, kept.slot + 6),
    ]
    assert [code_of(cluster, "getBlock", slot, CONFIRMED) for slot in gone] == [-32004, -32004]
    assert cluster.ask("getTransaction", signature, CONFIRMED) is None
    assert (cluster.balance(to), cluster.balance(key.pubkey())) == (0, before)
    assert cluster.nonce(account) == value
    cluster.send(transaction)
    cluster.chain.mine()
    assert cluster.balance(to) == SOL


def test_what_is_final_stays(cluster):
    cluster.chain.mine(10)
    final = cluster.chain.final
    with pytest.raises(Refusal):
        cluster.chain.reorg(FINAL_AFTER + 1)
    for depth in (0, -1, 99):
        with pytest.raises(Refusal):
            cluster.chain.reorg(depth)
    cluster.chain.reorg(FINAL_AFTER)
    assert cluster.chain.block_at(final.slot) == final


def test_a_restart_keeps_the_chain_its_forks_and_its_hashes(cluster):
    key = cluster.funded()
    account = create_nonce(cluster, key)
    cluster.chain.mine(3)
    cluster.chain.reorg(2)
    cluster.send(cluster.signed(key, [pay(key, Keypair().pubkey())]))
    cluster.chain.mine(2, skip=1)
    before = [(block.slot, block.hash, block.time) for block in cluster.chain.blocks]
    state = (cluster.balance(key.pubkey()), cluster.nonce(account))
    cluster.open()
    assert [(block.slot, block.hash, block.time) for block in cluster.chain.blocks] == before
    assert (cluster.balance(key.pubkey()), cluster.nonce(account)) == state
    cluster.chain.mine()
    assert cluster.chain.tip.slot == before[-1][0] + 1


def test_a_block_half_written_never_was(cluster):
    cluster.chain.mine(3)
    log = cluster.folder / "blocks.jsonl"
    log.write_text(log.read_text()[:-10])
    cluster.open()
    assert cluster.chain.tip.slot == 2
    cluster.chain.mine()
    cluster.open()
    assert cluster.chain.tip.slot == 3


# What clients read


def test_newer_transaction_versions_are_withheld_from_older_clients(cluster):
    key, to = cluster.funded(), Keypair().pubkey()
    signature = cluster.send(cluster.signed(key, [pay(key, to)], kind=MessageV1))
    cluster.chain.mine()
    slot = cluster.chain.tip.slot
    old, new = ({**CONFIRMED, "maxSupportedTransactionVersion": n} for n in (0, 1))
    assert code_of(cluster, "getBlock", slot, CONFIRMED) == -32015
    assert code_of(cluster, "getBlock", slot, old) == -32015
    assert code_of(cluster, "getTransaction", signature, old) == -32015
    assert cluster.ask("getBlock", slot, new)["transactions"][0]["version"] == 1
    assert cluster.ask("getBlock", slot, {**CONFIRMED, "transactionDetails": "none"})
    assert cluster.balance(to) == SOL


def test_balances_in_a_block_add_up(cluster):
    key, to = cluster.funded(), Keypair().pubkey()
    cluster.send(cluster.signed(key, [pay(key, to)]))
    cluster.chain.mine()
    options = {**CONFIRMED, "transactionDetails": "accounts", "maxSupportedTransactionVersion": 0}
    (entry,) = cluster.ask("getBlock", cluster.chain.tip.slot, options)["transactions"]
    accounts = [account["pubkey"] for account in entry["transaction"]["accountKeys"]]
    assert accounts == [str(key.pubkey()), str(to), str(Pubkey.default())]
    assert [account["writable"] for account in entry["transaction"]["accountKeys"]] == [
        True,
        True,
        False,
    ]
    meta = entry["meta"]
    assert sum(meta["preBalances"]) - sum(meta["postBalances"]) == meta["fee"] == 5_000


def test_statuses_and_histories(cluster):
    key = cluster.funded()
    signatures = []
    for _ in range(3):
        signatures.append(cluster.send(cluster.signed(key, [pay(key, Keypair().pubkey())])))
        cluster.chain.mine()
    listed = cluster.ask("getSignaturesForAddress", str(key.pubkey()), CONFIRMED)
    assert [entry["signature"] for entry in listed][:3] == signatures[::-1]
    page = {**CONFIRMED, "before": signatures[2], "limit": 1}
    (entry,) = cluster.ask("getSignaturesForAddress", str(key.pubkey()), page)
    assert entry["signature"] == signatures[1]
    status = cluster.ask("getSignatureStatuses", [signatures[0]])["value"][0]
    assert (status["confirmationStatus"], status["confirmations"]) == ("confirmed", 2)
    cluster.chain.mine(300)
    assert cluster.ask("getSignatureStatuses", [signatures[0]])["value"] == [None]
    deep = cluster.ask("getSignatureStatuses", [signatures[0]], {"searchTransactionHistory": True})
    assert deep["value"][0]["confirmationStatus"] == "finalized"


def test_fee_of_a_message(cluster):
    key = cluster.funded()
    message = cluster.signed(key, [pay(key, Keypair().pubkey())]).message
    text = base64.b64encode(to_bytes_versioned(message)).decode()
    assert cluster.ask("getFeeForMessage", text, CONFIRMED)["value"] == 5_000
    assert cluster.ask("getFeeForMessage", text)["value"] is None  # not known at finalized yet


def test_unknown_methods_and_bad_parameters(cluster):
    assert code_of(cluster, "getNothing") == -32601
    assert code_of(cluster, "getBalance") == -32602
    assert code_of(cluster, "getBalance", "nobody") == -32602
    assert code_of(cluster, "getBlock", -1) == -32602
    assert code_of(cluster, "isBlockhashValid", "short") == -32602
    assert code_of(cluster, "getSlot", {"commitment": "soon"}) == -32602
    assert code_of(cluster, "sendTransaction", "AAAA", {"encoding": "base64"}) == -32602
