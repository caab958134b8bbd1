"""Questions to contracts of the local TRON chain, as java-tron's HTTP API has them: calls that
change nothing, what calls would take, and what contracts are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from Crypto.Hash import keccak
from embit import base58

from chains.devnet.tron_server import contracts, views, wire
from chains.devnet.tron_server.chain import Block, Chain, Included
from chains.devnet.tron_server.contracts import World
from chains.devnet.tron_server.rules import Refused

if TYPE_CHECKING:
    from chains.devnet.tron_server.machine import Ended

_Parameters = Mapping[str, Any]
_Answer = Callable[[_Parameters], Any]
_LIFETIME_MS: Final = 60_000
_TOPIC: Final = keccak.new(digest_bits=256, data=b"Transfer(address,address,uint256)").digest()


def of_head(chain: Chain) -> dict[str, _Answer]:
    asked = _Questions(chain, lambda: chain.head)
    return {
        "triggerconstantcontract": asked.constant,
        "estimateenergy": asked.estimate,
        "getcontract": asked.contract,
        "getcontractinfo": asked.contract_info,
        "triggersmartcontract": asked.build,
    }


def of_solid(chain: Chain) -> dict[str, _Answer]:
    asked = _Questions(chain, lambda: chain.solid)
    return {"triggerconstantcontract": asked.constant, "estimateenergy": asked.estimate}


def paid(included: Included, token: bytes, recipient: bytes) -> int:
    """What the token's own logs say that `recipient` got."""
    ran = included.receipt.ran
    return sum(
        int.from_bytes(data)
        for contract, topics, data in (ran.logs if ran else ())
        if contract == token[1:] and topics[:1] == (_TOPIC,) and topics[2][-20:] == recipient[1:]
    )


class _Questions:
    def __init__(self, chain: Chain, top: Callable[[], Block]) -> None:
        self._chain = chain
        self._top = top

    def constant(self, parameters: _Parameters) -> Any:
        try:
            ended = self._ask(parameters)
        except Refused as error:
            return _refused(error)
        failed = ended.result != "SUCCESS"
        said = {"message": ended.message.encode().hex()} if failed else {}
        return {
            "result": {"result": True, **said},
            "energy_used": ended.energy,
            **({"energy_penalty": ended.penalty} if ended.penalty else {}),
            "constant_result": [ended.output.hex()],
            "logs": [
                {
                    "address": where.hex(),
                    "topics": [one.hex() for one in topics],
                    "data": data.hex(),
                }
                for where, topics, data in ended.logs
            ],
            "transaction": {**self.build(parameters)["transaction"], "ret": [_ret(failed)]},
        }

    def estimate(self, parameters: _Parameters) -> Any:
        """java-tron searches for the smallest fee limit that will do; here nothing depends on the
        limit, so that it is what the call uses."""
        try:
            ended = self._ask(parameters)
        except Refused as error:
            return _refused(error)
        if ended.result != "SUCCESS":
            message = ended.message.encode().hex()
            return {"result": {"code": "CONTRACT_EXE_ERROR", "message": message}}
        return {"result": {"result": True}, "energy_required": ended.energy}

    def contract(self, parameters: _Parameters) -> Any:
        visible = _visible(parameters)
        raw = _raw(str(parameters["value"]), visible)
        account = self._chain.accounts.get(raw)
        if account is None or account.creation is None:
            return {}
        code = self._chain.workshop.machine.code(self._top().kept, raw[1:])
        return {
            **views.smart_contract(account.creation, visible),
            "contract_address": views.address(raw, visible),
            "code_hash": keccak.new(digest_bits=256, data=code).hexdigest(),
        }

    def contract_info(self, parameters: _Parameters) -> Any:
        found = self.contract(parameters)
        if not found:
            return {}
        raw = _raw(str(parameters["value"]), _visible(parameters))
        workshop = self._chain.workshop
        more = workshop.factors.get(raw[1:], 0)
        return {
            "smart_contract": found,
            "runtimecode": workshop.machine.code(self._top().kept, raw[1:]).hex(),
            "contract_state": {"energy_factor": more - 10_000} if more else {},
        }

    def build(self, parameters: _Parameters) -> Any:
        """The transaction that would make the call, unsigned."""
        body, visible = _trigger(parameters), _visible(parameters)
        reference, head = self._chain.solid, self._chain.head
        raw_data = wire.write(
            body,
            reference.number.to_bytes(8)[6:],
            reference.id[8:16],
            head.timestamp_ms + _LIFETIME_MS,
            head.timestamp_ms,
            int(parameters.get("fee_limit", 0)),
        )
        found = wire.read_transaction(wire.data(1, raw_data))
        return {
            "result": {"result": True},
            "transaction": views.unsigned(found, visible=visible),
        }

    def _ask(self, parameters: _Parameters) -> Ended:
        body, top, chain = _trigger(parameters), self._top(), self._chain
        is_head = top is chain.head
        world = (
            World(chain.accounts, top.kept, chain.workshop) if is_head else chain.world_after(top)
        )
        moment = chain.moment_after(top)
        return contracts.ask(world, body, moment)


def _trigger(parameters: _Parameters) -> wire.Trigger:
    """By a function's name and its encoded arguments, or by all the bytes."""
    visible = _visible(parameters)
    owner, contract = (
        _raw(str(parameters[name]), visible) for name in ("owner_address", "contract_address")
    )
    if "function_selector" in parameters:
        named = str(parameters["function_selector"]).encode()
        selector = keccak.new(digest_bits=256, data=named).digest()[:4]
        data = selector + bytes.fromhex(parameters.get("parameter", ""))
    else:
        data = bytes.fromhex(parameters.get("data", ""))
    return wire.Trigger(owner, contract, int(parameters.get("call_value", 0)), data, 0)


def _refused(error: Refused) -> dict[str, Any]:
    return {"result": {"code": error.code, "message": error.message.encode().hex()}}


def _ret(failed: bool) -> dict[str, str]:
    return {"ret": "FAILED"} if failed else {}


def _visible(parameters: _Parameters) -> bool:
    return str(parameters.get("visible", False)).lower() == "true"


def _raw(text: str, visible: bool) -> bytes:
    return bytes(base58.decode_check(text)) if visible else bytes.fromhex(text)
