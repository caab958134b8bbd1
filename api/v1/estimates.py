"""What would become of a transfer if it was asked for now. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from api.auth import Spender
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Money, View, money, with_example
from api.v1.transfer_bodies import NewTransfer, request_of
from api.v1.transfer_views import TRANSFER_EXAMPLE, MoneyByKind, by_kind
from chains.catalogue import Catalogue
from chains.costs import withheld_in
from chains.model import AssetId
from custody.transfers.gas_needs import Brought
from custody.transfers.mandates import effects_of, reason_of
from custody.transfers.outputs import paid
from custody.transfers.request import Estimate
from signer.policy import Ruling

router = APIRouter(tags=["transfers"])

_NEED = {"group": "treasury", "count": 2, "people": ["ann", "bob", "eve"]}
_ASSET = TRANSFER_EXAMPLE["asset"]
_BROUGHT = {
    "asset": "eip155:31337/slip44:60",
    "amount": {"amount": "0.001", "amount_base_units": "1000000000000000"},
    "payer_vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "charged": True,
    "carried": False,
}
ESTIMATE_EXAMPLE: dict[str, Any] = {
    "amount": {"amount": "0.05", "amount_base_units": "5000000"},
    "arrives": {"amount": "0.05", "amount_base_units": "5000000"},
    "costs_max": {"fee": {"amount": "0.0005", "amount_base_units": "50000"}},
    "holds": {_ASSET: {"amount": "0.0505", "amount_base_units": "5050000"}},
    "available": {_ASSET: {"amount": "1.25", "amount_base_units": "125000000"}},
    "covered": True,
    "brought": None,
    "returns": {},
    "ruling": "needs-approvals",
    "rule": "large",
    "reason": None,
    "needs": [_NEED],
    "not_before": None,
    "expires_at": "2026-03-03T06:30:00Z",
}


class AskedPeople(View):
    """So many persons of the group have to approve; `people`: those of it who may."""

    model_config = with_example(_NEED)

    group: str
    count: int
    people: list[str]


class BroughtView(View):
    """A gas station's rule brings what lacks for the costs, once the transfer is agreed to, or
    submits the payment that the address signs."""

    model_config = with_example(_BROUGHT)

    asset: str
    amount: Money = Field(
        description="what lacks now, with what the address has to keep; where it is `carried`, the "
        "most that submitting the payment may cost"
    )
    payer_vault_id: str
    charged: bool = Field(
        description="whether the client owes it, and what bringing it costs; where it is "
        "`carried`, what submitting it costs"
    )
    carried: bool = Field(
        description="nothing is brought: the address signs the payment, and the payer submits it "
        "(EIP-3009), or signs it beside and pays for it (Solana)"
    )


class EstimateView(View):
    """What the policy says is early advice, from custody's own records: the signer decides. The
    network may ask for less than `costs_max`; what is not used comes back."""

    model_config = with_example(ESTIMATE_EXAMPLE)

    amount: Money = Field(description="what would be paid; of `all`, how much that is now")
    arrives: Money = Field(
        description="what of the amount would arrive at least: less, where the token says that it "
        "keeps a part (`transfer-fee`)"
    )
    costs_max: MoneyByKind = Field(
        description="the most that it would cost, by kind; `withheld` is a part of the amount"
    )
    holds: dict[str, Money] = Field(
        description="by asset, what would be held for it: the amount and all costs"
    )
    available: dict[str, Money] = Field(description="what the vault has of these assets")
    covered: bool = Field(description="whether that is enough, with what would be `brought`")
    brought: BroughtView | None = Field(
        description="what a gas station would bring of the costs; null: nothing lacks, or nobody "
        "brings it"
    )
    returns: dict[str, Money] = Field(
        description="by token account that would be closed, what would come back to the address"
    )
    ruling: Ruling = Field(description="what the policy says, without anybody's approval")
    rule: str | None = Field(description="the rule that decides")
    reason: str | None = Field(description="why it would be denied")
    needs: list[AskedPeople] = Field(
        description="who would have to approve; in a sequence, the group whose turn is first"
    )
    not_before: datetime | None = Field(description="when a time lock that runs would end")
    expires_at: datetime


@router.post(
    "/transfers:estimate",
    summary="Estimate a transfer",
    responses=problems(404, 503, writes=True),
)
async def estimate_transfer(
    body: NewTransfer, caller: Spender, services: ServicesDependency
) -> EstimateView:
    """The body of a transfer, asked for by nobody: the most that it would cost, whether the vault
    has that, and whom the policy would ask. Nothing is made, held or recorded."""
    found = await services.transfers.estimate(request_of(services, body), caller)
    return estimate_view(found, services.custody.catalogue)


def estimate_view(found: Estimate, catalogue: Catalogue) -> EstimateView:
    verdict = found.verdict
    denied = verdict.ruling is Ruling.DENY
    native = catalogue.networks[found.mandate.core.network].native
    asked = paid(effects_of(found.mandate), native.id)
    asset = catalogue.find_asset(asked["asset"])
    kept = withheld_in(found.mandate.costs_max).get(asset.id, 0)
    return EstimateView(
        amount=money(asked["amount"], asset),
        arrives=money(max(asked["amount"] - kept, 0), asset),
        costs_max=by_kind(found.mandate.costs_max, catalogue),
        holds=_by_asset(found.holds, catalogue),
        available=_by_asset(found.available, catalogue),
        covered=found.is_covered,
        brought=None if found.brought is None else _brought(found.brought, catalogue),
        returns={each: money(units, native) for each, units in found.returns.items()},
        ruling=verdict.ruling,
        rule=verdict.rule,
        reason=reason_of(verdict) if denied else None,
        needs=[
            AskedPeople(group=need.group, count=need.count, people=list(found.people(need.group)))
            for need in verdict.needs
        ],
        not_before=verdict.not_before,
        expires_at=found.mandate.expires_at,
    )


def _brought(found: Brought, catalogue: Catalogue) -> BroughtView:
    return BroughtView(
        asset=found.asset,
        amount=money(found.units, catalogue.find_asset(found.asset)),
        payer_vault_id=found.payer,
        charged=found.charged,
        carried=found.carried,
    )


def _by_asset(amounts: Mapping[AssetId, int], catalogue: Catalogue) -> dict[str, Money]:
    return {asset: money(units, catalogue.find_asset(asset)) for asset, units in amounts.items()}
