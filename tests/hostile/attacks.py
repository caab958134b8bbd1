"""Everything that the intruder tries: one table, which the threat model shows to people.

An attack is a row: its name, what the intruder does, and how the signer answers. `perform` does it
to a running signer and returns `code/detail`; `spoil` first damages the files of a stopped one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chains.bitcoin import SEQUENCE_RBF
from chains.model import AddressType
from chains.networks import find_network
from tests.hostile import channel, consent, lies, memory
from tests.hostile.transactions import (
    BITCOIN,
    BSC,
    ETHEREUM,
    IN_ORIGIN,
    SIGHASH,
    SOLANA,
    TAP_ORIGIN,
    THIEF_EVM,
    THIEF_SOLANA,
    THIEF_TRON,
    TRON,
    edit_first_input,
    foreign_change,
    leave_to_miner,
    lie_about_amount,
    pay_also,
    repath,
    set_field,
    thief_script,
    tron_second_contract,
    tron_token_call,
)
from tests.hostile.world import THIEF, ZOE, World
from tests.support.signer import ADA, ADMINISTRATORS, BOB, EVE

NO_START: Final = "does not start"


@dataclass(frozen=True)
class Attack:
    """`own`: needs a signer of its own, because it ends or uses up something.
    `says`: for NO_START, part of what the operator is told."""

    name: str
    does: str
    expected: str
    perform: Callable[[World], str] | None = None
    spoil: memory.Spoil | None = None
    own: bool = False
    says: str = ""

    @property
    def logged(self) -> bool:
        """Whether the audit log shows it. A signer that can't write its log, does not start or
        drops a connection has nothing to show."""
        return "/" in self.expected and not self.expected.startswith("unavailable/")


_TRANSACTIONS: Final = (
    Attack(
        "another destination",
        "the transaction pays the thief",
        "mismatch/destination",
        lies.evm_lie(to=THIEF_EVM),
    ),
    Attack(
        "another destination on TRON",
        "the same in `raw_data`",
        "mismatch/destination",
        lies.tron_lie(recipient=THIEF_TRON),
    ),
    Attack(
        "another destination on Solana",
        "the same in a v0 message",
        "mismatch/destination",
        lies.solana_lie(recipient=THIEF_SOLANA),
    ),
    Attack(
        "another amount",
        "the transaction pays one wei more",
        "mismatch/amount",
        lies.evm_lie(value=25_001),
    ),
    Attack(
        "another asset",
        "the mandate speaks of a token, the transaction pays coins",
        "mismatch/asset",
        lies.another_asset,
    ),
    Attack(
        "another network",
        "the payment agreed for Ethereum, in bytes for BSC",
        "malformed/transaction_malformed",
        lies.another_network,
    ),
    Attack(
        "another network, openly",
        "the same, labelled as what it is",
        "malformed/transaction_malformed",
        lies.another_network_labelled,
    ),
    Attack(
        "the main network",
        "bytes with the main network's chain id under a local mandate",
        "malformed/transaction_malformed",
        lies.main_network,
    ),
    Attack(
        "a network that is not enabled",
        "a mandate and a transaction for a network this signer does not serve",
        "malformed/network-not-enabled",
        lies.network_not_enabled,
    ),
    Attack(
        "a higher fee",
        "a fee above the mandate's greatest",
        "mismatch/fee",
        lies.evm_lie(fee_per_gas_max=10**18),
    ),
    Attack(
        "a higher fee on Solana",
        "an absurd price per compute unit",
        "mismatch/fee",
        lies.solana_lie(unit_price=10**12),
    ),
    Attack(
        "coins left to the miner",
        "the change output is made smaller",
        "mismatch/fee",
        lies.coins_lie(leave_to_miner),
    ),
    Attack(
        "another source address",
        "the vault's second address pays",
        "mismatch/source",
        lies.another_address_of_ours,
    ),
    Attack(
        "another source path",
        "the mandate's path leads to another address than it names",
        "mismatch/not-ours",
        lies.another_path,
    ),
    Attack(
        "a path of another chain",
        "a TRON path in a mandate for Ethereum",
        "mismatch/path",
        lies.path_of_another_chain,
    ),
    Attack(
        "a forged payer",
        "the thief's address stands beside EVM bytes and in the mandate",
        "mismatch/not-ours",
        lies.forged_sender,
    ),
    Attack(
        "an extra output",
        "one more payment, to the thief, out of the change",
        "mismatch/outputs",
        lies.coins_lie(pay_also(thief_script())),
    ),
    Attack(
        "an extra payment on Solana",
        "one more Transfer instruction",
        "unexplained/transaction",
        lies.solana_second_payment,
    ),
    Attack(
        "an extra contract on TRON",
        "two contracts in one transaction",
        "unexplained/transaction",
        lies.tron_lie(edit=tron_second_contract),
    ),
    Attack(
        "an output without address",
        "data, or a script nobody explains, is paid",
        "unexplained/transaction",
        lies.coins_lie(pay_also(b"\x6a\x04spam")),
    ),
    Attack(
        "change to a foreign address",
        "the change output's script is the thief's, key and path beside it are ours",
        "unexplained/transaction",
        lies.coins_lie(foreign_change(own_key=True)),
    ),
    Attack(
        "change to a foreign key",
        "script and key are the thief's, the path beside them is ours",
        "mismatch/not-ours",
        lies.coins_lie(foreign_change(own_key=False)),
    ),
    Attack(
        "an input amount lied about",
        "said to be worth less than its transaction says, so that a huge fee looks small",
        "malformed/transaction_malformed",
        lies.coins_lie(lie_about_amount(keep_previous=True)),
    ),
    Attack(
        "an input amount without proof",
        "the same, with the previous transaction left out",
        "malformed/transaction_malformed",
        lies.coins_lie(lie_about_amount(keep_previous=False)),
    ),
    Attack(
        "an input amount with another's proof",
        "a previous transaction that the input does not spend",
        "malformed/transaction_malformed",
        lies.another_previous,
    ),
    Attack(
        "a signature for parts only",
        "SIGHASH_NONE or the like is asked for",
        "unexplained/transaction",
        lies.coins_lie(set_field(1, {SIGHASH: (2).to_bytes(4, "little")})),
    ),
    Attack(
        "a field nobody knows",
        "a proprietary field in the PSBT",
        "unexplained/transaction",
        lies.coins_lie(set_field(1, {b"\xfcx": b"y"})),
    ),
    Attack(
        "a relative time lock",
        "an input that can be spent only after a year",
        "unexplained/transaction",
        lies.coins_lie(edit_first_input(sequence=SEQUENCE_RBF & 0xFFFF)),
    ),
    Attack(
        "a token call disguised as a transfer",
        "the agreed coins to a token's contract, with calldata that moves all tokens",
        "unexplained/transaction",
        lies.token_call,
    ),
    Attack(
        "a token call on TRON",
        "TriggerSmartContract instead of TransferContract",
        "unexplained/transaction",
        lies.tron_lie(edit=tron_token_call),
    ),
    Attack(
        "a token transfer on Solana",
        "an SPL Token instruction after the agreed ones",
        "unexplained/transaction",
        lies.solana_tokens,
    ),
    Attack(
        "unknown calldata",
        "four bytes that nobody explains",
        "unexplained/transaction",
        lies.evm_lie(data=b"\xde\xad\xbe\xef"),
    ),
    Attack(
        "a contract is created",
        "a transaction without recipient",
        "unexplained/transaction",
        lies.evm_lie(to=None, data=b"\x60\x00"),
    ),
    Attack(
        "an access list",
        "storage that the transfer has no use for",
        "unexplained/transaction",
        lies.evm_lie(access_list=((bytes(20), ()),)),
    ),
    Attack(
        "another form of transaction",
        "EIP-155 on a network whose form is EIP-1559",
        "unexplained/transaction",
        lies.legacy_form,
    ),
    Attack(
        "another permission on TRON",
        "a permission id beside the owner's",
        "unexplained/transaction",
        lies.tron_lie(edit=lies.tron_permission),
    ),
    Attack(
        "another fee payer on Solana",
        "a stranger pays and must sign too",
        "unexplained/transaction",
        lies.solana_foreign_payer,
    ),
    Attack(
        "bytes that are no transaction",
        "garbage as payload",
        "malformed/transaction_malformed",
        lies.garbage,
    ),
    Attack(
        "nobody pays",
        "EVM bytes without the payer's address",
        "malformed/transaction_malformed",
        lies.no_sender,
    ),
    Attack(
        "an address in two spellings",
        "the payee in lower case in the mandate, so that a deny rule does not know it",
        "mismatch/destination",
        lies.aliased_payee,
    ),
)

_KEYS: Final = (
    Attack(
        "another vault's keys",
        "the client's other vault pays under this vault's rules",
        "mismatch/path",
        lies.another_vault,
    ),
    Attack(
        "another client's vault",
        "a vault of another client, claimed as one's own",
        "unknown-vault/vault",
        lies.another_clients_vault,
    ),
    Attack(
        "another client's keys",
        "another client's address as this vault's source",
        "mismatch/path",
        lies.another_clients_keys,
    ),
    Attack(
        "another client's coins",
        "an input whose path, truly named, is another vault's",
        "mismatch/path",
        lies.coins_of_another_client,
    ),
    Attack(
        "a vault taken over",
        "`open_vault` with another client's name",
        "unknown-vault/other-client",
        channel.call("open_vault", client="c9", vault="main"),
    ),
    Attack(
        "a taproot coin in a P2WPKH account",
        "a coin of the vault, of the other address type",
        "mismatch/path",
        lies.taproot_coin,
    ),
    Attack(
        "change into the other address type",
        "change to the vault's taproot account under a mandate for P2WPKH",
        "mismatch/path",
        lies.taproot_change,
    ),
    Attack(
        "a P2WPKH key at a taproot path",
        "one address type's coin with the other's path and account",
        "mismatch/not-ours",
        lies.type_confusion(AddressType.P2WPKH, IN_ORIGIN),
    ),
    Attack(
        "a taproot key at a P2WPKH path",
        "the same the other way round",
        "mismatch/not-ours",
        lies.type_confusion(AddressType.P2TR, TAP_ORIGIN),
    ),
    Attack(
        "an input without path",
        "nothing says whose coin it is",
        "mismatch/not-ours",
        lies.coins_lie(lies.without_origin),
    ),
    Attack(
        "a path that nobody derives",
        "a third level beside receiving and change",
        "mismatch/path",
        lies.coins_lie(repath([84 + 2**31, 1 + 2**31, 2**31, 7, 0])),
    ),
    Attack(
        "one address for spending coins",
        "a paying address in a mandate for coins",
        "mismatch/source",
        lies.source_beside_coins,
    ),
    Attack(
        "a foreign address attested",
        "the thief's address, to be called ours",
        "mismatch/not-ours",
        lies.attest_foreign,
    ),
)

_APPROVALS: Final = (
    Attack(
        "no approvals",
        "an honest transfer that nobody approved",
        "needs-approvals/approvals",
        consent.by(),
    ),
    Attack(
        "too few approvals",
        "one where two are needed",
        "needs-approvals/approvals",
        consent.by(ADA),
    ),
    Attack(
        "approvals replayed on another transfer",
        "real approvals of the transfer before",
        "unauthenticated/approval-signature",
        consent.replayed_on_another_transfer,
    ),
    Attack(
        "approvals replayed on another network",
        "the same payment and id on BSC",
        "unauthenticated/approval-signature",
        consent.replayed_on_another_network,
    ),
    Attack(
        "approvals replayed on another policy version",
        "the mandate renewed, its old approvals kept",
        "unauthenticated/approval-signature",
        consent.old_approvals_renewed,
    ),
    Attack(
        "approvals replayed for the thief",
        "mandate and transaction turned to the thief together",
        "unauthenticated/approval-signature",
        consent.replayed_for_the_thief,
    ),
    Attack(
        "a fee raised after approval",
        "`fee_max` in the approved mandate",
        "unauthenticated/approval-signature",
        consent.replayed(fee_max=10**18),
    ),
    Attack(
        "another initiator after approval",
        "so that the real one could approve",
        "unauthenticated/approval-signature",
        consent.replayed(initiator="somebody"),
    ),
    Attack(
        "an approval by the initiator",
        "ada approves what ada asked for",
        "unauthenticated/approver-is-initiator",
        consent.by(ADA, BOB, initiator="ada"),
    ),
    Attack(
        "an approval by the initiator's other name",
        "ada approves what her API user asked for",
        "unauthenticated/approver-is-initiator",
        consent.by(ADA, BOB, initiator="api-ada"),
    ),
    Attack(
        "one key twice",
        "ada's approval, and again",
        "unauthenticated/approver-twice",
        consent.by(ADA, ADA),
    ),
    Attack(
        "one key under two names",
        "ada's signature in bob's name",
        "unauthenticated/approval-signature",
        consent.forged(consent.under_another_name),
    ),
    Attack(
        "one person in two groups",
        "eve alone, where one of the treasury and one of risk are needed and she is in both",
        "needs-approvals/approvals",
        consent.by(EVE, vault="joint"),
    ),
    Attack(
        "a removed approver",
        "zoe's key, which counted under the version before",
        "unauthenticated/approver-unknown",
        consent.by(ADA, ZOE),
    ),
    Attack(
        "a stranger's approval",
        "signed with a key of one's own",
        "unauthenticated/approver-unknown",
        consent.by(ADA, THIEF),
    ),
    Attack(
        "a stranger's approval in bob's name",
        "the same under a name that counts",
        "unauthenticated/approval-signature",
        consent.forged(consent.by_the_thief_as_bob),
    ),
    Attack(
        "an administrator as approver",
        "who signs policies does not approve transfers",
        "unauthenticated/approver-unknown",
        consent.by(ADA, ADMINISTRATORS[0]),
    ),
    Attack(
        "a rejection as approval",
        "the signature under bob's no, as his yes",
        "unauthenticated/approval-signature",
        consent.forged(consent.rejection_as_approval),
    ),
    Attack(
        "a signature of zeros",
        "64 zero bytes in bob's name",
        "unauthenticated/approval-signature",
        consent.forged(consent.of_zeros),
    ),
    Attack(
        "an expired mandate",
        "approved, and too late by a second",
        "expired/mandate",
        consent.expired,
    ),
    Attack(
        "a mandate that lives too long",
        "two days where the rule allows one",
        "denied/mandate-lifetime",
        consent.lives_too_long,
    ),
    Attack(
        "a mandate from the future",
        "dated forward, so that it lives longer",
        "denied/mandate-lifetime",
        consent.from_the_future,
    ),
    Attack(
        "a mandate of the old policy",
        "approved under the version before",
        "policy-version/other-version",
        consent.old_version,
    ),
    Attack(
        "before the time lock ends",
        "fully approved, an hour too early",
        "not-yet/time-lock",
        consent.before_the_time_lock,
    ),
)

_POLICY: Final = (
    Attack(
        "a payment to an outlaw",
        "approved by two, to a destination that a rule denies",
        "denied/denied-by-rule",
        consent.to_outlaw,
    ),
    Attack(
        "beside the allowlist",
        "a vault that pays suppliers only pays the thief",
        "denied/no-rule",
        consent.beside_the_allowlist,
    ),
    Attack(
        "a supplier listed just now",
        "before its cooling time is over",
        "not-yet/destination-cooling",
        consent.freshly_listed,
    ),
    Attack(
        "a fee beyond the rule",
        "agreed by two, above what the policy lets a fee be",
        "denied/fee-limit",
        consent.fee_beyond_the_rule,
    ),
    Attack(
        "a policy rolled back",
        "the first version, signed by its quorum",
        "policy-version/policy-rollback",
        consent.older_policy,
    ),
    Attack(
        "the version in force, rewritten",
        "another document of the same version, signed by the quorum",
        "policy-version/policy-rollback",
        consent.same_version_again,
    ),
    Attack(
        "an unsigned policy",
        "a next version that allows everything",
        "denied/policy-unsigned",
        consent.unsigned_policy,
    ),
    Attack(
        "a policy signed by too few",
        "one administrator where two are needed",
        "denied/policy-unsigned",
        consent.too_few,
    ),
    Attack(
        "a policy signed by a removed administrator",
        "one who may, and one who was replaced",
        "denied/policy-unsigned",
        consent.removed_administrators,
    ),
    Attack(
        "one administrator under two names",
        "the same signature twice",
        "denied/policy-unsigned",
        consent.one_administrator_under_two_names,
    ),
    Attack(
        "a policy changed after signing",
        "two approvals made into one",
        "denied/policy-unsigned",
        consent.changed_after_signing,
    ),
    Attack(
        "a policy in which one key is two persons",
        "signed by the quorum, who did not see it",
        "malformed/policy",
        consent.one_key_two_persons,
    ),
    Attack(
        "a policy with a key that anybody has",
        "signed by the quorum: a point of small order, under which anything verifies",
        "malformed/policy",
        consent.key_that_anybody_has,
    ),
)

_GUARD: Final = (
    Attack(
        "a second transaction",
        "another nonce for the same approved transfer: it would pay twice",
        "conflict/both-could-confirm",
        memory.second_transaction(ETHEREUM),
    ),
    Attack(
        "a second transaction from other coins",
        "another coin for the same approved transfer",
        "conflict/both-could-confirm",
        memory.second_transaction(BITCOIN),
    ),
    Attack(
        "a second transaction on TRON",
        "another timestamp; nothing on TRON keeps both from confirming",
        "conflict/both-could-confirm",
        memory.second_transaction(TRON),
    ),
    Attack(
        "a second transaction on Solana",
        "another nonce value for the same approved transfer",
        "conflict/both-could-confirm",
        memory.second_transaction(SOLANA),
    ),
    Attack(
        "a blockhash as nonce value",
        "Solana: two transactions share a nonce value that is really a recent blockhash",
        "conflict/both-could-confirm",
        memory.blockhash_as_nonce,
    ),
    Attack(
        "a third beside the first",
        "it shares a coin with the second transaction and none with the first",
        "conflict/both-could-confirm",
        memory.third_beside_the_first,
    ),
    Attack(
        "the same transfer on another network",
        "newly approved, under an id that was signed for Ethereum",
        "conflict/both-could-confirm",
        memory.same_id_another_network,
    ),
    Attack(
        "the same transfer from another vault",
        "under an id that was signed for another vault",
        "conflict/both-could-confirm",
        memory.same_id_another_vault,
    ),
    Attack(
        "more in a replacement",
        "the same nonce, twice the amount, the approvals of the first",
        "unauthenticated/approval-signature",
        memory.more_for_a_replacement,
    ),
    Attack(
        "TRON's one transaction under a second id",
        "a new transfer id with the approvals of the first",
        "unauthenticated/approval-signature",
        memory.tron_second_transfer,
    ),
    Attack(
        "TRON's one transaction under ever new ids",
        "where no approval is needed, until the window is full",
        "denied/window-amount",
        memory.until_refused(memory.petty_tron),
    ),
    Attack(
        "a window split over many requests",
        "each amount below every limit",
        "denied/window-amount",
        memory.until_refused(memory.petty("amounts", 60_000)),
    ),
    Attack(
        "a window split within one batch",
        "all in one message, before any is recorded",
        "denied/window-amount",
        memory.in_one_batch,
    ),
    Attack(
        "a window split over a restart",
        "the signer is killed after each signature",
        "denied/window-amount",
        memory.until_refused(memory.petty("restart", 60_000), crash=True),
        own=True,
    ),
    Attack(
        "a count split over many requests",
        "one wei each",
        "denied/window-count",
        memory.until_refused(memory.petty("counts", 1)),
    ),
    Attack(
        "a limit drained as fees",
        "payments of one wei with large fees",
        "denied/window-amount",
        memory.until_refused(memory.petty("fees", 1, fee=84_000)),
    ),
)

_FILES: Final = (
    Attack(
        "the journal cut in half",
        "the database file truncated",
        NO_START,
        spoil=memory.cut_in_half,
        says="journal",
    ),
    Attack(
        "the journal emptied",
        "an empty file beside the audit log",
        NO_START,
        spoil=memory.emptied,
        says="the journal to 0",
    ),
    Attack(
        "the journal removed",
        "no file beside the audit log",
        NO_START,
        spoil=memory.removed,
        says="the journal to 0",
    ),
    Attack(
        "the write-ahead log removed",
        "after a crash, so that the last records are gone",
        NO_START,
        spoil=memory.without_wal,
        says="the journal to",
    ),
    Attack(
        "the last record deleted",
        "with SQL, the seal left as it is",
        NO_START,
        spoil=memory.edited(memory.FORGET_LAST),
        says="seal",
    ),
    Attack(
        "a record in the middle deleted",
        "with SQL",
        NO_START,
        spoil=memory.edited(memory.FORGET_ONE),
        says="missing",
    ),
    Attack(
        "an amount in a record changed",
        "with SQL, so that the window looks empty",
        NO_START,
        spoil=memory.edited(memory.OTHER_AMOUNT),
        says="was changed",
    ),
    Attack(
        "the recorded policy changed",
        "with SQL, two approvals made into one",
        NO_START,
        spoil=memory.edited(memory.OTHER_POLICY),
        says="was changed",
    ),
    Attack(
        "the journal's columns made to lie",
        "its schema changed, so that no lookup finds what was signed though every record is there",
        NO_START,
        spoil=memory.blind_columns,
        says="tables",
    ),
    Attack(
        "a column that contradicts its record",
        "the same with the schema put back as it was",
        NO_START,
        spoil=memory.contradicting_columns,
        says="column",
    ),
    Attack(
        "an older journal beside the newer log",
        "only the database restored from a backup",
        NO_START,
        spoil=memory.journal_restored,
        says="the journal to",
    ),
    Attack(
        "everything restored from a backup",
        "journal and log as they were; custody holds a newer receipt",
        "unavailable/journal-behind",
        memory.spend_again,
        spoil=memory.all_restored,
    ),
    Attack(
        "journal and log removed",
        "custody holds a receipt for a record that never was",
        "unavailable/journal-behind",
        memory.spend_again,
        spoil=memory.removed_with_log,
    ),
)

_MESSAGES: Final = (
    Attack(
        "a message that is no JSON",
        "a frame in order around garbage",
        "malformed/message",
        channel.body(lambda _: b"\x00\xff\x00"),
    ),
    Attack(
        "JSON in another spelling",
        "the same message with spaces",
        "malformed/message",
        channel.body(channel.spaced),
    ),
    Attack(
        "a field twice",
        "two values for `fee_max`",
        "malformed/message",
        channel.body(channel.repeated_field),
    ),
    Attack(
        "a number with an exponent",
        "`2e0` for 2",
        "malformed/message",
        channel.body(channel.exponent),
    ),
    Attack(
        "an unknown field",
        "`approved` in the mandate",
        "malformed/message",
        channel.edited(approved=True),
    ),
    Attack(
        "a negative fee",
        "`-1` as greatest fee",
        "malformed/message",
        channel.edited(fee_max="-1"),
    ),
    Attack(
        "an amount as a number",
        "a JSON number, which readers round",
        "malformed/message",
        channel.edited(fee_max=1),
    ),
    Attack(
        "an unknown action",
        "`sweep` instead of `transfer`",
        "malformed/message",
        channel.edited(action="sweep"),
    ),
    Attack(
        "a forged line for the log",
        "a line break in the transfer's id",
        "malformed/message",
        channel.edited(transfer='x"}\n{"kind":"signed"'),
    ),
    Attack(
        "a time before all times",
        "the first hour of year 1, east of Greenwich",
        "malformed/message",
        channel.body(channel.year_zero),
    ),
    Attack(
        "deep nesting",
        "a hundred thousand brackets",
        "malformed/message",
        channel.body(channel.deeply_nested),
    ),
    Attack(
        "too large a batch",
        "257 requests in one message",
        "malformed/message",
        channel.body(channel.too_many),
    ),
    Attack(
        "signing bytes",
        "a call that signs what it is given",
        "malformed/message",
        channel.call("sign_bytes", network=find_network(BSC).id, digest="00" * 32),
    ),
    Attack(
        "unlocking from outside",
        "guessing the passphrase through custody's socket",
        "malformed/message",
        channel.call("unlock", passphrase="00", pin=""),
    ),
    Attack(
        "one bad request among good ones",
        "in a batch, hoping to be overlooked",
        "mismatch/destination",
        channel.thief_in_good_company,
    ),
    Attack(
        "an oversized frame",
        "a length above 4 MiB",
        "malformed/frame",
        channel.raw(channel.OVERSIZED),
    ),
    Attack(
        "an empty frame",
        "length zero",
        "malformed/frame",
        channel.raw(channel.EMPTY),
    ),
    Attack(
        "a truncated frame",
        "the last byte never comes",
        "malformed/frame",
        channel.raw(channel.CUT_SHORT),
    ),
    Attack(
        "a frame cut within its length",
        "two bytes and the end",
        "malformed/frame",
        channel.raw(channel.NO_LENGTH),
    ),
    Attack(
        "another protocol",
        "an HTTP request on the socket",
        "malformed/frame",
        channel.raw(channel.HTTP),
    ),
    Attack(
        "one connection too many",
        "all 64 places held by connections that say nothing",
        "closed",
        channel.too_many_connections,
    ),
    Attack(
        "another user of the machine",
        "a process whose user is not on the list",
        "unauthenticated/caller",
        channel.stranger,
    ),
)

ATTACKS: Final = (
    *_TRANSACTIONS,
    *_KEYS,
    *_APPROVALS,
    *_POLICY,
    *_GUARD,
    *_FILES,
    *_MESSAGES,
)


def markdown() -> str:
    """The table, as it stands in docs/threat-model.md."""
    lines = ["| attack | what the intruder does | answer |", "|---|---|---|"]
    lines += [f"| {a.name} | {a.does} | `{a.expected}` |" for a in ATTACKS]
    return "\n".join(lines) + "\n"
