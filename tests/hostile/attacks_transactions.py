"""Attacks by transactions that are not what was agreed, and by keys that are not the vault's."""

from __future__ import annotations

from typing import Final

from chains.bitcoin import SEQUENCE_RBF
from chains.model import AddressType
from tests.hostile import channel, lies
from tests.hostile.attack import Attack
from tests.hostile.transactions import (
    IN_ORIGIN,
    SIGHASH,
    TAP_ORIGIN,
    THIEF_EVM,
    THIEF_SOLANA,
    THIEF_TRON,
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

TRANSACTIONS: Final = (
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

KEYS: Final = (
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
