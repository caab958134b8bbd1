"""What a network asks for its fees at the moment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import View, with_example
from api.v1.networks import named
from chains.errors import ChainError
from custody.errors import NotFound, Unavailable

router = APIRouter(prefix="/networks", tags=["networks"])


class FeesView(View):
    """Estimates of the network's node: integers, as strings, of the network's own small money for
    one unit of what it charges for. What a transfer may cost at most is another thing: ask
    `/v1/transfers:estimate`."""

    model_config = with_example(
        {
            "network": "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
            "unit": "sat/kvB",
            "slow": "1000",
            "normal": "4200",
            "fast": "9800",
            "read_at": "2026-03-02T06:00:09.481000Z",
            "age_seconds": 0,
        }
    )

    network: str
    unit: str = Field(description="`sat/kvB`, `wei/gas`, `microlamport/CU` or `sun/byte`")
    slow: str = Field(description="may wait for long")
    normal: str = Field(description="what a transaction of ours offers")
    fast: str = Field(description="taken before most others")
    read_at: datetime = Field(description="when the node was asked")
    age_seconds: int = Field(description="how long ago that was")


@router.get("/{network}/fees", summary="Get a network's fees", responses=problems(404, 503))
async def get_fees(
    network: Annotated[str, Path(description="CAIP-2 id or alias", examples=["bitcoin-regtest"])],
    _caller: Reader,
    services: ServicesDependency,
) -> FeesView:
    """Asks the node. 503 with the node's code if it can't say."""
    found = named(services, network)
    if found is None:
        raise NotFound("network_not_found", "This network is not served here.")
    asked_at = services.custody.clock()
    try:
        prices = await services.custody.adapters[found.id].prices()
    except ChainError as error:
        raise Unavailable(error.code, "the network's node can't say what it asks for") from error
    return FeesView(
        network=found.id,
        unit=prices.unit,
        slow=str(prices.slow),
        normal=str(prices.normal),
        fast=str(prices.fast),
        read_at=asked_at,
        age_seconds=(services.custody.clock() - asked_at).seconds,
    )
