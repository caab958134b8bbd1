"""Assets: what can be held here."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import View, with_example
from chains.assets import NATIVE, Asset, AssetKind
from chains.families import CODECS
from custody.errors import NotFound
from custody.services import Services

router = APIRouter(prefix="/assets", tags=["assets"])

KINDS = [NATIVE, *(kind for codec in CODECS.values() for kind in codec.schema.token_kinds)]

ASSET_EXAMPLE = {
    "id": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:1",
    "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "kind": "native",
    "symbol": "BTC",
    "name": "Bitcoin",
    "decimals": 8,
    "traits": [],
}


class AssetView(View):
    """`id` is CAIP-19."""

    model_config = with_example(ASSET_EXAMPLE)

    id: str
    network: str
    kind: AssetKind = Field(json_schema_extra={"enum": list(KINDS)})
    symbol: str
    name: str
    decimals: int = Field(description="places between base units and the unit people use")
    traits: list[str] = Field(
        description="what sets the token apart from what its kind promises, by its signed row: "
        "that its issuer can freeze a holder, that it takes a fee; empty for coins"
    )


class AssetList(View):
    model_config = with_example({"items": [ASSET_EXAMPLE]})

    items: list[AssetView]


@router.get("", summary="List assets", responses=problems())
async def list_assets(_caller: Reader, services: ServicesDependency) -> AssetList:
    """The assets of the networks that are served here."""
    return AssetList(items=[asset_view(asset) for asset in _served(services)])


@router.get("/{asset:path}", summary="Get an asset", responses=problems(404))
async def get_asset(
    asset: Annotated[str, Path(description="CAIP-19 id", examples=[ASSET_EXAMPLE["id"]])],
    _caller: Reader,
    services: ServicesDependency,
) -> AssetView:
    """One asset by id."""
    for each in _served(services):
        if each.id == asset:
            return asset_view(each)
    raise NotFound("asset_not_found", "There is no such asset here.")


def asset_view(asset: Asset) -> AssetView:
    return AssetView(
        id=asset.id,
        network=asset.network,
        kind=asset.kind,
        symbol=asset.symbol,
        name=asset.name,
        decimals=asset.decimals,
        traits=sorted(asset.traits),
    )


def _served(services: Services) -> list[Asset]:
    catalogue = services.custody.catalogue
    return [
        asset for network in services.custody.networks for asset in catalogue.assets_of(network)
    ]
