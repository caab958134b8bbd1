"""A local chain of the OP stack: anvil with that stack's rules, and what a rollup node adds.

Real are the charges beside gas, which the engine's EVM takes by the L1Block predeploy's storage and
pays into the vaults, and deposits that mint. Not real: the GasPriceOracle is a few instructions of
ours at its address, which answer for payments of usual size; and receipts come without the
charges, so they are filled in on their way, from what the vaults gained in that transaction.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, Final

from chains.devnet.evm import AnvilNode
from chains.model import Address, TxId

_L1_BLOCK: Final = "0x4200000000000000000000000000000000000015"
_ORACLE: Final = "0x420000000000000000000000000000000000000F"
_L1_FEE_VAULT: Final = "0x420000000000000000000000000000000000001a"
_DEPOSIT_GAS: Final = 100_000
_DIFF_TRACER: Final = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}

_BASE_FEE_SCALAR: Final = 2269
_BLOB_FEE_SCALAR: Final = 1_055_762
_UPPER_BOUND_SIZE: Final = 160
"""Bytes of a signed payment as the oracle takes it for compressed, at most."""
_OPERATOR_SCALAR: Final = 10**8
_OPERATOR_CONSTANT: Final = 1000

_ORACLE_CODE: Final = bytes.fromhex(
    "60003560e01c"  # the selector
    "63f1c7a58b14602257"  # getL1FeeUpperBound: go to 0x22
    "600254620f42406001546004350204016026"  # getOperatorFee: gas * slot 1 / 10^6 + slot 2
    "56"
    "5b6000545b"  # 0x22: slot 0; 0x26
    "60005260206000f3"
)


class OpStackNode(AnvilNode):
    """See the module. The chain's rules are those of Isthmus, as the engine has them."""

    async def start(self) -> None:
        await super().start()
        await self.ask("anvil_setCode", _ORACLE, "0x" + _ORACLE_CODE.hex())
        scalars = _BASE_FEE_SCALAR << 96 | _BLOB_FEE_SCALAR << 64
        await self._store(_L1_BLOCK, 3, scalars)
        await self._store(_L1_BLOCK, 8, _OPERATOR_SCALAR << 64 | _OPERATOR_CONSTANT)
        await self._store(_ORACLE, 1, _OPERATOR_SCALAR)
        await self._store(_ORACLE, 2, _OPERATOR_CONSTANT)
        await self.set_l1_prices(base_fee=20 * 10**9, blob_base_fee=3 * 10**9)
        self.heal()

    def heal(self) -> None:
        super().heal()
        self._faults.refuse(self._completed)

    async def set_l1_prices(self, *, base_fee: int, blob_base_fee: int) -> None:
        """Wei. From here on transactions pay for their bytes at these (Fjord's L1 cost)."""
        await self._store(_L1_BLOCK, 1, base_fee)
        await self._store(_L1_BLOCK, 7, blob_base_fee)
        scaled = 16 * base_fee * _BASE_FEE_SCALAR + blob_base_fee * _BLOB_FEE_SCALAR
        size = 836_500 * _UPPER_BOUND_SIZE - 42_585_600
        await self._store(_ORACLE, 0, max(size, 100_000_000) * scaled // 10**12)

    async def deposit(
        self, sender: Address, to: Address, *, mint: int, value: int, data: bytes = b""
    ) -> TxId:
        """A transaction from L1, in the next block: `mint` is made for `sender`, who then pays
        `value` to `to`. Raises NodeMisbehaved if the sender can't, which L1 would not prevent."""
        fields = {
            "type": "0x7e",
            "from": sender,
            "to": to,
            "mint": hex(mint),
            "value": hex(value),
            "gas": hex(_DEPOSIT_GAS),
            "data": "0x" + data.hex(),
            "sourceHash": "0x" + secrets.token_hex(32),
            "isSystemTx": False,
        }
        return TxId(await self.ask("eth_sendTransaction", fields))

    def _arguments(self, port: int) -> list[str | Path]:
        return [*super()._arguments(port), "--network", "optimism"]

    async def _store(self, address: str, slot: int, word: int) -> None:
        await self.ask("anvil_setStorageAt", address, f"0x{slot:064x}", f"0x{word:064x}")

    async def _completed(self, body: bytes) -> bytes | None:
        """The answer to a request for receipts, with what a node of the stack adds to them."""
        request = json.loads(body)
        asked = request if isinstance(request, list) else [request]
        if not any("Receipt" in each["method"] for each in asked):
            return None
        answers = [
            {"jsonrpc": "2.0", "id": each["id"], "result": await self._result(each)}
            for each in asked
        ]
        return json.dumps(answers if isinstance(request, list) else answers[0]).encode()

    async def _result(self, request: dict[str, Any]) -> Any:
        result = await self.ask(request["method"], *request["params"])
        receipts = {"eth_getTransactionReceipt": [result], "eth_getBlockReceipts": result}
        for receipt in receipts.get(request["method"]) or ():
            if receipt is not None and receipt["type"].lower() != "0x7e":
                receipt |= {
                    "l1Fee": hex(await self._gained(_L1_FEE_VAULT, receipt["transactionHash"])),
                    "operatorFeeScalar": hex(_OPERATOR_SCALAR),
                    "operatorFeeConstant": hex(_OPERATOR_CONSTANT),
                }
        return result

    async def _gained(self, vault: str, txid: str) -> int:
        changed = await self.ask("debug_traceTransaction", txid, _DIFF_TRACER)
        before, after = (
            int(changed[side].get(vault, {}).get("balance", "0x0"), 16) for side in ("pre", "post")
        )
        return after - before
