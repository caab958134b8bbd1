"""The committed generated modules are those of tron.proto, and tron.proto is java-tron's."""

import subprocess
import sys
from pathlib import Path

from chains.tron import tron_pb2 as pb

ROOT = Path(__file__).resolve().parents[3]
JAVA_TRON_TYPES = {
    "AccountCreateContract": 0,
    "TransferContract": 1,
    "TransferAssetContract": 2,
    "VoteAssetContract": 3,
    "VoteWitnessContract": 4,
    "WitnessCreateContract": 5,
    "AssetIssueContract": 6,
    "WitnessUpdateContract": 8,
    "ParticipateAssetIssueContract": 9,
    "AccountUpdateContract": 10,
    "FreezeBalanceContract": 11,
    "UnfreezeBalanceContract": 12,
    "WithdrawBalanceContract": 13,
    "UnfreezeAssetContract": 14,
    "UpdateAssetContract": 15,
    "ProposalCreateContract": 16,
    "ProposalApproveContract": 17,
    "ProposalDeleteContract": 18,
    "SetAccountIdContract": 19,
    "CustomContract": 20,
    "CreateSmartContract": 30,
    "TriggerSmartContract": 31,
    "GetContract": 32,
    "UpdateSettingContract": 33,
    "ExchangeCreateContract": 41,
    "ExchangeInjectContract": 42,
    "ExchangeWithdrawContract": 43,
    "ExchangeTransactionContract": 44,
    "UpdateEnergyLimitContract": 45,
    "AccountPermissionUpdateContract": 46,
    "ClearABIContract": 48,
    "UpdateBrokerageContract": 49,
    "ShieldedTransferContract": 51,
    "MarketSellAssetContract": 52,
    "MarketCancelOrderContract": 53,
    "FreezeBalanceV2Contract": 54,
    "UnfreezeBalanceV2Contract": 55,
    "WithdrawExpireUnfreezeContract": 56,
    "DelegateResourceContract": 57,
    "UnDelegateResourceContract": 58,
    "CancelAllUnfreezeV2Contract": 59,
}
PYI_HEADER = '# mypy: disable-error-code="type-arg"\n'


def test_generated_modules_are_up_to_date(tmp_path):
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={tmp_path}"]
    command += [f"--pyi_out={tmp_path}", "chains/tron/tron.proto"]
    subprocess.run(command, cwd=ROOT, check=True)
    for name, header in (("tron_pb2.py", ""), ("tron_pb2.pyi", PYI_HEADER)):
        fresh = header + (tmp_path / "chains" / "tron" / name).read_text()
        assert fresh == (ROOT / "chains" / "tron" / name).read_text(), f"generate {name} again"


def test_field_numbers_are_java_trons():
    """From Tron.proto, balance_contract.proto and smart_contract.proto of java-tron."""
    numbers = {
        message.name: {field.name: field.number for field in message.fields}
        for message in pb.DESCRIPTOR.message_types_by_name.values()
    }
    assert numbers == {
        "Transaction": {"raw_data": 1, "signature": 2},
        "RawData": {
            "ref_block_bytes": 1,
            "ref_block_num": 3,
            "ref_block_hash": 4,
            "expiration": 8,
            "auths": 9,
            "data": 10,
            "contract": 11,
            "scripts": 12,
            "timestamp": 14,
            "fee_limit": 18,
        },
        "Contract": {
            "type": 1,
            "parameter": 2,
            "provider": 3,
            "contract_name": 4,
            "permission_id": 5,
        },
        "TransferContract": {"owner_address": 1, "to_address": 2, "amount": 3},
        "TriggerSmartContract": {
            "owner_address": 1,
            "contract_address": 2,
            "call_value": 3,
            "data": 4,
            "call_token_value": 5,
            "token_id": 6,
        },
        "Owned": {"owner_address": 1},
        "OwnedSecond": {"owner_address": 2},
        "Participation": {"owner_address": 1, "to_address": 2, "amount": 4},
        "Freezing": {"owner_address": 1, "frozen_balance": 2},
        "Creation": {"owner_address": 1, "new_contract": 2},
        "ExchangeCreation": {
            "owner_address": 1,
            "first_token_id": 2,
            "first_token_balance": 3,
            "second_token_id": 4,
            "second_token_balance": 5,
        },
        "ExchangeUse": {"owner_address": 1, "exchange_id": 2, "token_id": 3, "quant": 4},
        "MarketSale": {"owner_address": 1, "sell_token_id": 2, "sell_token_quantity": 3},
    }
    assert pb.Creation.Contract.DESCRIPTOR.fields_by_name["call_value"].number == 5


def test_contract_types_are_java_trons():
    """`Transaction.Contract.ContractType` of Tron.proto, but for those that no node executes."""
    named = {each.name.replace("_", ""): each.number for each in pb.Contract.Type.DESCRIPTOR.values}
    never = {"CustomContract": 20, "GetContract": 32}
    theirs = {
        name.removesuffix("Contract")
        .upper()
        .replace("CREATESMART", "CREATESMARTCONTRACT")
        .replace("TRIGGERSMART", "TRIGGERSMARTCONTRACT"): number
        for name, number in JAVA_TRON_TYPES.items()
        if name not in never
    }
    assert named == theirs
