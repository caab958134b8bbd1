"""The local TRON chain over HTTP: java-tron's paths under /wallet and /walletsolidity, and verbs
that no real node has under /devnet.

Parameters come as a JSON body or in the query. As with java-tron, failures are answered 200 with
`Error`, and what does not exist with an empty object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from embit import base58
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chains.devnet.tron_server import calls, contracts, faucet, views, wire
from chains.devnet.tron_server.chain import Block, Chain, Included, Journal
from chains.devnet.tron_server.rules import Refused

_Parameters = Mapping[str, Any]
_Answer = Callable[[_Parameters], Any]


def application(journal: Journal) -> Starlette:
    chain = journal.chain
    head, solid = _Reads(chain, solid=False), _Reads(chain, solid=True)
    control = _Control(journal)
    paths: dict[str, _Answer] = {
        **{f"/wallet/{name}": answer for name, answer in head.block_methods().items()},
        **{f"/walletsolidity/{name}": answer for name, answer in solid.block_methods().items()},
        **{f"/wallet/{name}": answer for name, answer in calls.of_head(chain).items()},
        **{f"/walletsolidity/{name}": answer for name, answer in calls.of_solid(chain).items()},
        "/wallet/gettransactionfrompending": head.waiting,
        "/wallet/getaccountresource": head.resources,
        "/wallet/getchainparameters": lambda _: views.parameters(),
        "/wallet/broadcasthex": lambda parameters: _broadcast(
            chain, bytes.fromhex(parameters["transaction"])
        ),
        "/wallet/broadcasttransaction": lambda parameters: _broadcast(chain, _signed(parameters)),
        "/devnet/mine": control.mine,
        "/devnet/fund": control.fund,
        "/devnet/reorg": control.reorganise,
        "/devnet/accepted": control.accepted,
        "/devnet/balance": control.balance,
        "/devnet/received": control.received,
        "/devnet/deploy": control.deploy,
        "/devnet/call": control.call,
        "/devnet/delegate": control.delegate,
        "/devnet/factor": control.factor,
    }
    return Starlette(routes=[_route(path, answer) for path, answer in paths.items()])


def _route(path: str, answer: _Answer) -> Route:
    async def serve(request: Request) -> Response:
        try:
            body = await request.body()
            parameters = {**request.query_params, **(json.loads(body) if body else {})}
            return JSONResponse(answer(parameters))
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"Error": f"class java.lang.Exception : {error}"})

    return Route(path, serve, methods=["GET", "POST"])


class _Reads:
    """Questions about the best chain, or about its solidified part only."""

    def __init__(self, chain: Chain, *, solid: bool) -> None:
        self._chain = chain
        self._solid = solid

    def block_methods(self) -> dict[str, _Answer]:
        return {
            "getaccount": self.account,
            "getnowblock": lambda parameters: views.block(self._top, visible=_visible(parameters)),
            "getblock": self._block,
            "getblockbynum": self._block_by_number,
            "gettransactionbyid": self._transaction,
            "gettransactioninfobyid": self._info,
            "gettransactioninfobyblocknum": self._infos,
        }

    def account(self, parameters: _Parameters) -> Any:
        raw, chain = _address(parameters), self._chain
        accounts = chain.world_after(self._top).accounts if self._solid else chain.accounts
        found = accounts.get(raw)
        if found is None:
            return {}
        began_ms, slot = chain.blocks[0].timestamp_ms, chain.moment_after(self._top).slot
        return views.account(raw, found, began_ms, slot, _visible(parameters))

    def resources(self, parameters: _Parameters) -> Any:
        found = self._chain.accounts.get(_address(parameters))
        return views.resources(found, self._chain) if found else {}

    @property
    def _top(self) -> Block:
        return self._chain.solid if self._solid else self._chain.head

    def _at(self, height: int) -> Block | None:
        return self._chain.blocks[height] if 0 <= height <= self._top.number else None

    def _block(self, parameters: _Parameters) -> Any:
        """By height or id, the newest by default; the header alone unless `detail`."""
        wanted = str(parameters.get("id_or_num", self._top.number))
        by_id = len(wanted) == 64
        found = self._at(int(wanted[:16], 16) if by_id else int(wanted))
        if found is None or (by_id and found.id.hex() != wanted.lower()):
            return {}
        detail = str(parameters.get("detail", False)).lower() == "true"
        return views.block(found, visible=_visible(parameters), detail=detail)

    def _block_by_number(self, parameters: _Parameters) -> Any:
        found = self._at(int(parameters.get("num", 0)))
        return views.block(found, visible=_visible(parameters)) if found else {}

    def _find(self, parameters: _Parameters) -> tuple[Block, Included] | None:
        found = self._chain.find(str(parameters["value"]).lower())
        return found if found and found[0].number <= self._top.number else None

    def _transaction(self, parameters: _Parameters) -> Any:
        """Also one that waits to be included, as java-tron's head database has it."""
        found = self._find(parameters)
        if found:
            result = found[1].receipt.result
            visible = _visible(parameters)
            return views.transaction(found[1].transaction, visible=visible, result=result)
        waiting = self._chain.waiting.get(str(parameters["value"]).lower())
        if waiting is None or self._solid:
            return {}
        return views.transaction(waiting, visible=_visible(parameters))

    def waiting(self, parameters: _Parameters) -> Any:
        found = self._chain.waiting.get(str(parameters["value"]).lower())
        return views.transaction(found, visible=_visible(parameters)) if found else {}

    def _info(self, parameters: _Parameters) -> Any:
        found = self._find(parameters)
        return views.info(*found) if found else {}

    def _infos(self, parameters: _Parameters) -> Any:
        found = self._at(int(parameters["num"]))
        return [views.info(found, one) for one in found.included] if found else []


class _Control:
    """Verbs for tests and demonstrations, and answers from the accounts themselves."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._chain = journal.chain

    def mine(self, parameters: _Parameters) -> Any:
        self._journal.mine(int(parameters["blocks"]))
        return {"height": self._chain.head.number}

    def fund(self, parameters: _Parameters) -> Any:
        recipient = _address(parameters)
        try:
            return {"txid": faucet.pay(self._chain, recipient, int(parameters["amount"]))}
        except Refused as error:
            return {"Error": f"{error.code}: {error.message}"}

    def reorganise(self, parameters: _Parameters) -> Any:
        self._journal.reorganise(int(parameters["depth"]))
        return {"height": self._chain.head.number}

    def accepted(self, _: _Parameters) -> Any:
        """How many transactions wait for a block or are in one."""
        included = sum(len(block.included) for block in self._chain.blocks)
        return {"number": included + len(self._chain.waiting)}

    def balance(self, parameters: _Parameters) -> Any:
        found = self._chain.accounts.get(_address(parameters))
        return {"balance": found.balance if found else 0}

    def received(self, parameters: _Parameters) -> Any:
        recipient, found = _address(parameters), self._chain.find(str(parameters["txid"]))
        if found is None:
            return {"amount": 0}
        if "token" in parameters:
            return {"amount": calls.paid(found[1], bytes.fromhex(parameters["token"]), recipient)}
        transfers = [one.transfer for one in found[1].transaction.contracts]
        paid = [one.amount for one in transfers if one and one.recipient == recipient]
        return {"amount": sum(paid)}

    def deploy(self, parameters: _Parameters) -> Any:
        """The faucet makes a contract; where it will be."""
        body = wire.Creation(
            faucet.ADDRESS,
            faucet.ADDRESS,
            bytes.fromhex(parameters["bytecode"]),
            0,
            100,
            "",
            contracts.CONSTANT_ENERGY,
        )
        sent = faucet.send(self._chain, body)
        return {"txid": sent.id, "contract": contracts.address_of(sent, faucet.ADDRESS).hex()}

    def call(self, parameters: _Parameters) -> Any:
        """The faucet calls a contract."""
        contract, data = (bytes.fromhex(parameters[name]) for name in ("contract", "data"))
        body = wire.Trigger(faucet.ADDRESS, contract, 0, data, 0)
        return {"txid": faucet.send(self._chain, body).id}

    def delegate(self, parameters: _Parameters) -> Any:
        """The faucet gives energy: what so many staked sun have."""
        receiver, amount = _address(parameters), int(parameters["amount"])
        body = wire.Delegation(faucet.ADDRESS, 1, amount, receiver)
        return {"txid": faucet.send(self._chain, body).id}

    def factor(self, parameters: _Parameters) -> Any:
        """A contract is so busy that its energy costs so much: 10,000 is once."""
        contract, factor = bytes.fromhex(parameters["contract"]), int(parameters["factor"])
        self._journal.set_factor(contract, factor)
        return {"factor": factor}


def _broadcast(chain: Chain, serialized: bytes) -> Any:
    transaction = wire.read_transaction(serialized)
    answer = {"result": True, "code": "SUCCESS", "message": "", "txid": transaction.id}
    # Before it is judged, as Wallet.broadcastTransaction does: refused once, duplicate ever after.
    if transaction.id in chain.seen:
        already = {"code": "DUP_TRANSACTION_ERROR", "message": "Transaction already exists."}
        return answer | {"result": False, **already}
    chain.seen.add(transaction.id)
    try:
        chain.submit(transaction)
    except Refused as error:
        return answer | {"result": False, "code": error.code, "message": error.message}
    # java-tron puts JSON into a string here, and its official client reads it.
    return answer | {"transaction": json.dumps(views.transaction(transaction, visible=True))}


def _signed(parameters: _Parameters) -> bytes:
    """A transaction as java-tron's clients send it, whose bytes count and not what it says beside
    them. java-tron itself writes the bytes anew from what is said."""
    signatures = (wire.data(2, bytes.fromhex(each)) for each in parameters["signature"])
    return wire.data(1, bytes.fromhex(parameters["raw_data_hex"])) + b"".join(signatures)


def _visible(parameters: _Parameters) -> bool:
    return str(parameters.get("visible", False)).lower() == "true"


def _address(parameters: _Parameters) -> bytes:
    text = str(parameters["address"])
    return bytes(base58.decode_check(text)) if _visible(parameters) else bytes.fromhex(text)
