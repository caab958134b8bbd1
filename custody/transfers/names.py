"""What the house calls the transfers that its rules ask for: the retry key of each. Pure.

A transfer's id follows from its client and its retry key, for ever. So the id alone proves, to
whoever knows these names, that a transfer is a certain rule's and which of its times it is: also to
a database that has forgotten both. No client can send a key with a space in it. What a name says,
the signer's journal keeps; so a name must never be changed, only another one added beside it.
"""

from __future__ import annotations


def top_up(network: str, address: str, bears: str, number: int) -> str:
    """The gas station's, for an address. `bears`: `gas.model.Bearer`."""
    return f"gas {network} {address} {number} {bears}"


def top_up_unsaid(network: str, address: str, number: int) -> str:
    """As programs before ADR 0093 called it: who bears it is not in it."""
    return f"gas {network} {address} {number}"


def carrier(key: str, bears: str, number: int) -> str:
    """The gas station's, of what submits a payment that was signed apart. `key`: the payment's,
    which has its network, contract, payer and number; no other payment ever has the same."""
    return f"carry {key} {bears} {number}"


def refill(vault: str, asset: str, number: int) -> str:
    """To the vault."""
    return f"refill {vault} {asset} {number}"


def sweep(vault: str, address: str, asset: str, number: int) -> str:
    """Of the vault's later address."""
    return f"sweep {vault} {address} {asset} {number}"


def coin_move(vault: str, network: str, number: int) -> str:
    """Consolidates or splits the vault's coins."""
    return f"coins {vault} {network} {number}"


def revocation(
    key: str, network: str, asset: str, owner: str, spender: str, ends: bool = False
) -> str:
    """Takes an allowance back, under the retry key of who asked for that."""
    return f"revoke {key} {network} {asset} {owner} {spender}{' until' * ends}"


def move_step(vault: str, asset: str, number: int) -> str:
    """Out of a vault that is moved to new keys."""
    return f"move {vault} {asset} {number}"
