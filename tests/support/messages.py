"""Messages as sites ask for them, honest ones and others."""

from __future__ import annotations

import json
from typing import Any, Final

from chains.contracts.respelling import respelled
from chains.evm import address

PERMIT2: Final = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
TOKEN: Final = "0x52908400098527886E0F7030069857D2E4169EE7"
MAIL: Final = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"
SPENDER: Final = "0x3535353535353535353535353535353535353535"
CHAIN: Final = 31337
FOREVER: Final = 2**256 - 1


def siwe(signer: str, domain: str = "app.example", chain: int = CHAIN, **changes: str) -> str:
    lines = {
        "head": f"{domain} wants you to sign in with your Ethereum account:",
        "address": signer,
        "statement": "\nTo see my orders.\n",
        "uri": f"URI: https://{domain}/login",
        "version": "Version: 1",
        "chain": f"Chain ID: {chain}",
        "nonce": "Nonce: 32891756aB",
        "issued": "Issued At: 2026-03-02T06:30:00Z",
    }
    return "\n".join((lines | changes).values())


def typed(
    primary: str, types: dict[str, list[tuple[str, str]]], message: Any, **domain: Any
) -> dict[str, Any]:
    """As libraries write it; a member of the domain that is None is left out."""
    plain = {"name": "Mail", "version": "1", "chainId": CHAIN, "verifyingContract": MAIL}
    said = {name: value for name, value in (plain | domain).items() if value is not None}
    return {
        "types": {
            name: [{"name": member, "type": kind} for member, kind in members]
            for name, members in types.items()
        },
        "primaryType": primary,
        "domain": said,
        "message": message,
    }


def mail(text: str = "hello", **domain: Any) -> dict[str, Any]:
    types = {"Mail": [("to", "Person"), ("text", "string")], "Person": [("wallet", "address")]}
    return typed("Mail", types, {"to": {"wallet": SPENDER}, "text": text}, **domain)


_PERMIT: Final = [
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
]


def permit(owner: str, deadline: int, units: int = 60, **changes: Any) -> dict[str, Any]:
    """EIP-2612. `members`, `primary`: in place of the standard's; what else: of the domain."""
    said = {"owner": owner, "spender": SPENDER, "value": units, "nonce": 0, "deadline": deadline}
    said |= changes.pop("said", {})
    primary = changes.pop("primary", "Permit")
    types = {primary: changes.pop("members", _PERMIT)}
    domain = {"name": "A dollar", "version": "2", "verifyingContract": TOKEN} | changes
    return typed(primary, types, said, **domain)


def permit_single(deadline: int, units: int = 60, expires: int = 0, **changes: Any) -> Any:
    types = {
        "PermitSingle": [
            ("details", "PermitDetails"),
            ("spender", "address"),
            ("sigDeadline", "uint256"),
        ],
        "PermitDetails": [
            ("token", "address"),
            ("amount", "uint160"),
            ("expiration", "uint48"),
            ("nonce", "uint48"),
        ],
    }
    details = {"token": TOKEN, "amount": units, "expiration": expires or deadline, "nonce": 0}
    said = {"details": details | changes.pop("details", {}), "spender": SPENDER}
    said |= {"sigDeadline": deadline} | changes.pop("said", {})
    domain = {"name": "Permit2", "version": None, "verifyingContract": PERMIT2} | changes
    return typed("PermitSingle", types, said, **domain)


def permit_batch(deadline: int, *units: int) -> dict[str, Any]:
    single = permit_single(deadline)
    one = single["message"].pop("details")
    single["message"]["details"] = [one | {"amount": each} for each in units]
    single["types"]["PermitBatch"] = single["types"].pop("PermitSingle")
    single["types"]["PermitBatch"][0]["type"] = "PermitDetails[]"
    return single | {"primaryType": "PermitBatch"}


def permit_transfer(deadline: int, units: int = 60, *, witness: bool = False) -> dict[str, Any]:
    members = [
        ("permitted", "TokenPermissions"),
        ("spender", "address"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ]
    said: dict[str, Any] = {
        "permitted": {"token": TOKEN, "amount": units},
        "spender": SPENDER,
        "nonce": 7,
        "deadline": deadline,
    }
    name = "PermitTransferFrom"
    types = {name: members, "TokenPermissions": [("token", "address"), ("amount", "uint256")]}
    if witness:
        name = "PermitWitnessTransferFrom"
        types[name] = [*types.pop("PermitTransferFrom"), ("witness", "ExclusiveOrder")]
        types["ExclusiveOrder"] = [("least", "uint256")]
        said["witness"] = {"least": 1}
    domain = {"name": "Permit2", "version": None, "verifyingContract": PERMIT2}
    return typed(name, types, said, **domain)


def order() -> dict[str, Any]:
    """As Seaport's, shortened."""
    types = {
        "OrderComponents": [("offerer", "address"), ("offer", "OfferItem[]")],
        "OfferItem": [("token", "address"), ("amount", "uint256")],
    }
    said = {"offerer": SPENDER, "offer": [{"token": TOKEN, "amount": 60}]}
    return typed("OrderComponents", types, said, name="Seaport", version="1.6")


def spelled(document: dict[str, Any]) -> bytes:
    """In the one spelling."""
    return respelled(document, address.canonical)


def full(document: dict[str, Any]) -> dict[str, Any]:
    """As eth_account wants it."""
    read: dict[str, Any] = json.loads(spelled(document))
    return read
