"""The committed generated modules are those of tron.proto, and tron.proto is java-tron's."""

import subprocess
import sys
from pathlib import Path

from chains.tron import tron_pb2 as pb

ROOT = Path(__file__).resolve().parents[3]
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
    }
