"""What somebody wants a contract told, as the transfer that it is: a payment, an allowance, a call.

Words and octets are read by the chain's codec, with the descriptions of the signed policy. Who
sends octets is part of what they mean, so the address that pays is looked up first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chains import outcomes
from chains.adapter import ChainAdapter, EstimatesCalls
from chains.codec import TransactionCodec
from chains.costs import Costs
from chains.effects import Allow, Asked, Call, Pay
from chains.errors import BuildError, CallUnknown, ChainError, MalformedOutcome
from chains.model import Address, NetworkId
from chains.outcomes import Bound
from chains.transaction import TransferIntent
from custody.apikeys.model import Caller
from custody.db.session import Database
from custody.errors import Invalid, NotFound, Unavailable, Unprocessable
from custody.transfers.mandates import effects_of
from custody.transfers.request import Output, TransferRequest
from custody.vaults.paying import owned, payer_of
from custody.vaults.paying_repository import Source, find_payer
from signer.wire import Mandate


@dataclass(frozen=True, slots=True)
class Words:
    """`function`: its signature, or its name where the contract has one of that name; `arguments`
    by name."""

    function: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Telling:
    """`contract`: as somebody typed it. `says`: words or octets. `value`: native base units that go
    with it. `request`: all else, of nobody who is paid yet."""

    contract: str
    says: Words | bytes
    value: int
    request: TransferRequest


async def understood(
    database: Database,
    codecs: Mapping[NetworkId, TransactionCodec],
    telling: Telling,
    caller: Caller,
) -> TransferRequest:
    """Raises Invalid network_unknown, NotFound vault_not_found, Unprocessable amount_above_balance
    of a vault without an address there; CallUnknown, InvalidAddress."""
    request = telling.request
    codec = codecs.get(request.network)
    if codec is None:
        raise Invalid("network_unknown", "this network is not served here", field="network")
    contract = codec.parse_address(telling.contract).address
    if isinstance(telling.says, Words):
        says = telling.says
        effect = codec.call_of(contract, says.function, says.arguments, telling.value)
    else:
        sender = await _sender(database, codec, request, contract, caller)
        (effect,) = codec.understand(sender, contract, telling.says, telling.value)
    return asking(request, codec, effect)


def asking(request: TransferRequest, codec: TransactionCodec, effect: Asked) -> TransferRequest:
    """The request that is for the effect."""
    match effect:
        case Pay(address=payee, asset=asset, amount=amount, memo=memo):
            return replace(request, asset=asset, outputs=(Output(payee, amount, memo),))
        case Allow(asset=asset):
            return replace(request, asset=asset, told=effect)
        case Call():
            return replace(request, asset=codec.network.native.id, told=effect)


async def _sender(
    database: Database,
    codec: TransactionCodec,
    request: TransferRequest,
    contract: Address,
    caller: Caller,
) -> Address:
    network = codec.network
    async with database.read() as session:
        payer = await find_payer(
            session, network.id, request.vault_id, contract, network.address_types[0]
        )
    if payer is None or not caller.sees(payer.client_id):
        raise NotFound("vault_not_found", "There is no such vault.", field="vault_id")
    if payer.first is None or payer.first.address is None:
        raise Unprocessable("amount_above_balance", "the vault has nothing on this network")
    return payer.first.address


def bounded_by(request: TransferRequest, bounds: Sequence[Bound]) -> TransferRequest:
    """The request whose call may lead to no more than that. Raises MalformedOutcome, also for what
    is no call: a payment and an allowance do what they say."""
    if not bounds:
        return request
    if not isinstance(request.told, Call):
        raise MalformedOutcome("only the outcome of a call is bounded, and this is none")
    return replace(request, told=replace(request.told, outcome=outcomes.write(bounds)))


@dataclass(frozen=True, slots=True)
class Would:
    """What a node says of it now. `units`: of gas or energy, with a margin; `costs`: the bounds
    that would do. None, both, if it `reverts`: why, in words."""

    units: int | None = None
    costs: Costs | None = None
    reverts: str | None = None


async def estimated(database: Database, adapter: ChainAdapter, mandate: Mandate) -> Would:
    """Of what was judged, by the address that would send it. Raises Unavailable."""
    core = mandate.core
    assert core.source_address is not None, "only accounts tell contracts anything"
    async with database.read() as session:
        source = Source(core.source_path, core.source_address)
        row = await payer_of(session, core.network, core.vault, source)
    intent = TransferIntent(core.network, effects_of(mandate), mandate.costs_max, source=owned(row))
    if not isinstance(adapter, EstimatesCalls):
        raise CallUnknown("nothing is called on this network")
    try:
        found = await adapter.estimate(intent)
    except BuildError as error:
        return Would(reverts=str(error))
    except ChainError as error:
        raise Unavailable(error.code, "what the call costs can't be said now") from error
    return Would(found.units, found.costs)
