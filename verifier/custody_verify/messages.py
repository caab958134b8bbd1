"""What an address signs beside transactions: texts, logins, typed data.

The bytes of a message begin with a line that no transaction begins with (ADR 0104). Of typed data
is read for whom it is and, of a permit, what it gives; its hash (EIP-712) is not made here, so its
signature is not checked.
"""

from collections import Counter
from hashlib import sha256
from typing import Any, Final

from custody_verify.addresses import from_base58
from custody_verify.contracts import PERMIT2
from custody_verify.errors import Refuted, Unreadable, refute, unread
from custody_verify.hashes import keccak256
from custody_verify.keys import account, check_ed25519
from custody_verify.model import Allow, Effect, Meaning, Sign, Transaction
from custody_verify.strict import fields, octets, parse_jcs, text, units

_FIRST: Final = b"custody-wallet/message/v1\n"
_KINDS: Final = {
    "eip-191": ("eip155", b"\x19Ethereum Signed Message:\n"),
    "siwe": ("eip155", b"\x19Ethereum Signed Message:\n"),
    "eip-712": ("eip155", b""),
    "tip-191": ("tron", b"\x19TRON Signed Message:\n"),
    "tip-712": ("tron", b""),
    "solana-text": ("solana", b""),
}
_LOGIN: Final = " wants you to sign in with your Ethereum account:\n"


def is_one(tx: Transaction) -> bool:
    """Or a payment that its payer signed apart (EIP-3009), which is typed data too."""
    return tx.unsigned.startswith((_FIRST, b"{"))


def decode(tx: Transaction) -> Meaning:
    kind, reference, content = _message(tx)
    domain = content.partition(_LOGIN)[0] if kind == "siwe" else "anybody"
    effect: Effect = Sign(kind, domain, content.encode())
    if kind.endswith("-712"):
        effect = _typed(kind, content, tx.network)
    return Meaning(tx.sender, Counter([effect]), reference=reference)


def _message(tx: Transaction) -> list[str]:
    """Its kind, for which transfer it is, and its content."""
    unread(not tx.unsigned.startswith(_FIRST), "a payment signed apart (EIP-3009) is not read")
    found = tx.unsigned[len(_FIRST) :].decode().split("\n", 2)
    if len(found) != 3 or found[0] not in _KINDS or tx.sender is None:
        raise Unreadable("a message of a kind that is not known here, or of nobody")
    refute(_KINDS[found[0]][0] != tx.network.partition(":")[0], "a message of another chain's kind")
    return found


def _typed(kind: str, content: str, network: str) -> Effect:
    """A permit (EIP-2612) is the allowance that it gives."""
    said = parse_jcs(content.encode())
    contract, primary = text(said["domain"]["verifyingContract"]), text(said["primaryType"])
    if int(network.partition(":")[2], 0) != said["domain"]["chainId"]:
        raise Refuted("its domain names another chain")
    unread(contract == PERMIT2, "what Permit2 may hand on is not read here")
    if primary != "Permit":
        return Sign(kind, f"{contract}/{primary}", content.encode())
    gives = fields(said["message"], "owner spender value nonce deadline")
    amount = units(gives["value"])
    asset = f"{network}/erc20:{contract}"
    return Allow(text(gives["spender"]), asset, None if amount == 2**256 - 1 else amount)


def check_signed(tx: Transaction, chain: Any) -> str:
    """The signature is the sender's, of these bytes, under the name that they have."""
    kind, _, content = _message(tx)
    data, signed = content.encode(), tx.signed.decode()
    unread(kind.endswith("-712"), "typed data is not hashed here: nor whose signature it is")
    if kind == "solana-text":
        name = sha256(data).hexdigest()
        check_ed25519(from_base58(str(tx.sender), 32), from_base58(signed, 64), data)
    else:
        digest = keccak256(_KINDS[kind][1] + str(len(data)).encode() + data)
        name, by = digest.hex(), account(octets(signed.removeprefix("0x"), 65), digest)
        refute(chain.spell(by) != tx.sender, "not signed by the key of its sender")
    refute(tx.txid != f"message:{name}", "the bytes have another name")
    return f"signed by the key of {tx.sender}"
