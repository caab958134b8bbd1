"""Networks: what is served here, and how its node is."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from api.auth import Reader
from api.context import NodesDependency, ServicesDependency
from api.documentation import problems
from api.following import FOLLOWING_EXAMPLE, FollowingView, following_view, gaps_of, statuses
from api.freshness import AS_OF_EXAMPLE, AsOf, as_of
from api.schemas import Money, View, money, with_example
from api.v1.assets import ASSET_EXAMPLE, AssetView, asset_view
from chains.costs import CostKind
from chains.families import CODECS
from chains.model import AddressType
from chains.networks import Environment, Family, Network
from custody.db.tables import FollowerRow
from custody.errors import Invalid, NotFound
from custody.following.chain_repository import followers, newest_blocks
from custody.following.finality import ProvenBy
from custody.pauses.repository import paused
from custody.services import Services

router = APIRouter(prefix="/networks", tags=["networks"])

NETWORK_EXAMPLE = {
    "id": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "alias": "bitcoin-regtest",
    "name": "Bitcoin regtest",
    "family": "bitcoin",
    "environment": "local",
    "finality": {
        "node": False,
        "confirmations": 3,
        "final_height": 118,
        "proven_by": "confirmations",
    },
    "address_types": ["p2wpkh", "p2tr"],
    "costs_max": {"fee": {"amount": "0.0005", "amount_base_units": "50000"}},
    "native_asset": ASSET_EXAMPLE,
    "as_of": AS_OF_EXAMPLE,
    "following": FOLLOWING_EXAMPLE,
    "paused": False,
}


class FinalityView(View):
    """What makes a block final here, and how far that reaches. With both `node` and
    `confirmations`, each is proof enough by itself."""

    node: bool = Field(description="the node's own word about a block counts")
    confirmations: int | None = Field(
        description="so many blocks make a block final, itself included; null where none do"
    )
    final_height: int | None = Field(description="newest block that is final; null before any is")
    proven_by: ProvenBy | None = Field(description="what proved that block final")


class NetworkView(View):
    """`id` is CAIP-2; wherever a network is named, its alias will do."""

    model_config = with_example(NETWORK_EXAMPLE)

    id: str
    alias: str
    name: str
    family: Family = Field(json_schema_extra={"enum": list(CODECS)})
    environment: Environment
    finality: FinalityView
    address_types: list[AddressType] = Field(description="what we derive, default first")
    costs_max: dict[CostKind, Money] = Field(
        description="the most that a transfer which says nothing else may cost, by kind"
    )
    native_asset: AssetView
    as_of: AsOf
    following: FollowingView
    paused: bool = Field(description="an operator holds back what is new: see `/v1/pauses`")


class NetworkList(View):
    model_config = with_example({"items": [NETWORK_EXAMPLE]})

    items: list[NetworkView]


@router.get("", summary="List networks", responses=problems())
async def list_networks(
    _caller: Reader, services: ServicesDependency, nodes: NodesDependency
) -> NetworkList:
    """The networks that are served here, with how far each was followed."""
    return NetworkList(items=await _views(services, nodes))


@router.get("/{network}", summary="Get a network", responses=problems(404))
async def get_network(
    network: Annotated[str, Path(description="CAIP-2 id or alias", examples=["bitcoin-regtest"])],
    _caller: Reader,
    services: ServicesDependency,
    nodes: NodesDependency,
) -> NetworkView:
    """One network by id or alias."""
    found = named(services, network)
    if found is None:
        raise NotFound("network_not_found", "This network is not served here.")
    return next(view for view in await _views(services, nodes) if view.id == found.id)


def named(services: Services, name: str) -> Network | None:
    """A served network by id or alias."""
    served = services.custody.networks.values()
    return next((each for each in served if name in (each.id, each.alias)), None)


def named_in_request(services: Services, name: str) -> Network:
    """The network that a body or query names. Raises Invalid network_unknown."""
    found = named(services, name)
    if found is None:
        raise Invalid("network_unknown", "this network is not served here", field="network")
    return found


async def _views(services: Services, nodes: NodesDependency) -> list[NetworkView]:
    views = await nodes.views()
    async with services.custody.database.read() as session:
        blocks = await newest_blocks(session)
        rows = await followers(session)
        status = await statuses(session)
        gaps = await gaps_of(session, services.custody.networks)
        held = await paused(session)
    now = services.custody.clock()
    return [
        NetworkView(
            id=network.id,
            alias=network.alias,
            name=network.name,
            family=network.family,
            environment=network.environment,
            finality=_finality(network, rows.get(network.id)),
            address_types=list(network.address_types),
            costs_max={
                kind: money(most, network.native) for (_, kind), most in network.costs_max.items()
            },
            native_asset=asset_view(network.native),
            as_of=as_of(blocks.get(network.id), views[network.id], now),
            following=following_view(status.get(network.id), gaps[network.id], network, now),
            paused=held.whole(network.id),
        )
        for network in services.custody.networks.values()
    ]


def _finality(network: Network, follower: FollowerRow | None) -> FinalityView:
    by = None if follower is None else follower.final_by
    return FinalityView(
        node=network.finality.node,
        confirmations=network.finality.confirmations,
        final_height=None if follower is None else follower.final_height,
        proven_by=None if by is None else ProvenBy(by),
    )
