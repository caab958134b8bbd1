"""Bitcoin: transactions and PSBTs, signatures of P2WPKH and P2TR, headers and merkle branches.

A block is shown by its header's work, the branch of the transaction, and that of the coinbase,
which pins how deep the tree is: without that, 64 bytes could be a transaction and a node at once.
"""

from collections import Counter
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from custody_verify.addresses import base58check, segwit
from custody_verify.errors import Refuted, Unreadable, refute, reject
from custody_verify.hashes import hash160, sha256d
from custody_verify.keys import check_ecdsa, check_schnorr
from custody_verify.model import Anchors, Block, Effect, Meaning, Pay, Transaction, pinned
from custody_verify.strict import Reader, fields, listed, number, octets

_NETWORKS: Final = {
    "bip122:000000000019d6689c085ae165831e93": ("bc", 0, 5, 0x1D00FFFF, 6),
    "bip122:0f9188f13cb7b2c71f2a335e3a4fc328": ("bcrt", 111, 196, 0x207FFFFF, 3),
}
"""Prefix of segwit addresses, versions of P2PKH and P2SH, the easiest target (Bitcoin Core,
kernel/chainparams.cpp), and so many blocks, its own included, make one final."""
_SATOSHI_MAX: Final = 21_000_000 * 100_000_000
_IN_KNOWN: Final = frozenset(b"\x00\x01\x03\x06\x16\x17")
_OUT_KNOWN: Final = frozenset(b"\x02\x05\x07")
_BRANCH_MAX: Final = 32
_SEGWIT: Final = ((22, b"\x00\x14"), (34, b"\x00\x20"), (34, b"\x51\x20"))
"""Lengths and beginnings of scripts of P2WPKH, P2WSH and P2TR."""


class Input(NamedTuple):
    outpoint: bytes
    script_sig: bytes
    sequence: bytes
    witness: tuple[bytes, ...] = ()


class Tx(NamedTuple):
    """`core`: the bytes without witnesses, which the txid is of."""

    version: bytes
    inputs: tuple[Input, ...]
    outputs: tuple[tuple[int, bytes], ...]
    locktime: bytes
    core: bytes

    @property
    def hash(self) -> bytes:
        return sha256d(self.core)


def compact(value: int) -> bytes:
    for mark, length in ((b"", 1), (b"\xfd", 2), (b"\xfe", 4)):
        if value < (0xFD if length == 1 else 1 << 8 * length):
            return mark + value.to_bytes(length, "little")
    return b"\xff" + value.to_bytes(8, "little")


def _count(reader: Reader) -> int:
    first = reader.little(1)
    value = first if first < 0xFD else reader.little(1 << (first - 0xFC))
    if len(compact(value)) != (1 if first < 0xFD else 1 + (1 << (first - 0xFC))):
        raise Unreadable("a length that is not in its shortest form")
    return value


def _bytes(reader: Reader) -> bytes:
    return reader.take(_count(reader))


def _prefixed(data: bytes) -> bytes:
    return compact(len(data)) + data


def parse(raw: bytes) -> Tx:
    """BIP-144, every byte. Raises Unreadable."""
    reader = Reader(raw)
    version = reader.take(4)
    marked = raw[4:6] == b"\x00\x01"
    reader.take(2 if marked else 0)
    start = reader.at
    inputs = [Input(reader.take(36), _bytes(reader), reader.take(4)) for _ in range(_count(reader))]
    outputs = tuple((reader.little(8), _bytes(reader)) for _ in range(_count(reader)))
    body = raw[start : reader.at]
    if marked:
        stacks = [tuple(_bytes(reader) for _ in range(_count(reader))) for _ in inputs]
        reject(not any(stacks), "the form with witnesses, and no witness")
        pairs = zip(inputs, stacks, strict=True)
        inputs = [Input(i.outpoint, i.script_sig, i.sequence, stack) for i, stack in pairs]
    locktime = reader.take(4)
    reader.end()
    if not inputs or not outputs or sum(amount for amount, _ in outputs) > _SATOSHI_MAX:
        raise Unreadable("no inputs, no outputs, or more coins than there can be")
    return Tx(version, tuple(inputs), outputs, locktime, version + body + locktime)


def _psbt(payload: bytes) -> tuple[Tx, list[tuple[int, bytes]], list[bool]]:
    """The transaction, what each input spends, and which outputs are claimed to come back. What is
    spent is read from the whole transaction that made it; of taproot, whose signatures commit to
    all amounts, from what the container says (BIP-174, BIP-371)."""
    reader = Reader(payload)
    reject(reader.take(5) != b"psbt\xff", "no PSBT")
    top = _map(reader, frozenset(b"\x00"))
    tx = parse(top.get(b"\x00", b""))
    reject(any(each.script_sig or each.witness for each in tx.inputs), "a PSBT that is signed")
    spent = [_spent(each, _map(reader, _IN_KNOWN)) for each in tx.inputs]
    back = [bool(_map(reader, _OUT_KNOWN)) for _ in tx.outputs]
    reader.end()
    return tx, spent, back


def _map(reader: Reader, known: frozenset[int]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    while key := _bytes(reader):
        reject(key in found or key[0] not in known, "a field of a PSBT twice, or an unknown one")
        found[key] = _bytes(reader)
    return found


def _spent(spending: Input, said: dict[bytes, bytes]) -> tuple[int, bytes]:
    if b"\x00" in said:
        made_by = parse(said[b"\x00"])
        place = int.from_bytes(spending.outpoint[32:], "little")
        if made_by.hash != spending.outpoint[:32] or place >= len(made_by.outputs):
            raise Refuted("what an input spends was made by another transaction")
        return made_by.outputs[place]
    reader = Reader(said.get(b"\x01", b""))
    amount, script = reader.little(8), _bytes(reader)
    reader.end()
    refute(not _is_taproot(script), "an amount that nothing proves")
    return amount, script


def _is_taproot(script: bytes) -> bool:
    return len(script) == 34 and script[:2] == b"\x51\x20"


def decode(tx: Transaction) -> Meaning:
    """Payments are the outputs that the container does not claim for the payer."""
    unsigned, spent, back = _psbt(tx.unsigned)
    if tx.sender is not None or len({each.outpoint for each in unsigned.inputs}) != len(spent):
        raise Refuted("a sender where there is none, or a coin that is spent twice")
    pays: Counter[Effect] = Counter()
    returns = []
    for (amount, script), is_back in zip(unsigned.outputs, back, strict=True):
        address = address_of(script, tx.network)
        if is_back:
            returns.append((address, amount))
        else:
            pays[Pay(address, tx.coin, amount)] += 1
    fee = sum(amount for amount, _ in spent) - sum(amount for amount, _ in unsigned.outputs)
    refute(fee < 0, "it pays out more than it spends")
    return Meaning(None, pays, tuple(returns), {"fee": fee})


def address_of(script: bytes, network: str) -> str:
    """Raises Unreadable for a script without an address: money that goes there is explained by
    nothing."""
    reject(network not in _NETWORKS, "a bitcoin network that is not known here")
    prefix, p2pkh, p2sh, _, _ = _NETWORKS[network]
    if (len(script), script[:2]) in _SEGWIT:
        return segwit(prefix, 1 if script[0] else 0, script[2:])
    if len(script) == 25 and script[:3] == b"\x76\xa9\x14" and script[23:] == b"\x88\xac":
        return base58check(bytes([p2pkh]) + script[3:23])
    if len(script) == 23 and script[:2] == b"\xa9\x14" and script[22:] == b"\x87":
        return base58check(bytes([p2sh]) + script[2:22])
    raise Unreadable("an output whose script has no address")


def check_signed(tx: Transaction) -> str:
    """Unsigned bytes and witnesses give the signed bytes; each is by the key of its coin."""
    unsigned, spent, _ = _psbt(tx.unsigned)
    signed = parse(tx.signed)
    if signed.core != unsigned.core:
        raise Refuted("the signed bytes are another transaction than the unsigned ones")
    for index, spending in enumerate(signed.inputs):
        _check_witness(signed, spent, index, spending.witness)
    refute(signed.hash[::-1].hex() != tx.txid, "the bytes hash to another txid")
    return f"each of {len(spent)} coins is spent by a signature of the key that it names"


def _check_witness(
    tx: Tx, spent: list[tuple[int, bytes]], index: int, witness: tuple[bytes, ...]
) -> None:
    script = spent[index][1]
    if len(script) == 22 and script[:2] == b"\x00\x14" and len(witness) == 2:
        der, key = witness[0][:-1], witness[1]
        if witness[0][-1:] != b"\x01" or len(key) != 33 or hash160(key) != script[2:]:
            raise Refuted("a coin is spent by another key, or not for this transaction alone")
        try:
            r, s = decode_dss_signature(der)
        except ValueError:
            raise Refuted("a signature that is no DER") from None
        check_ecdsa(key, r, s, _sighash_v0(tx, index, *spent[index]))
    elif _is_taproot(script) and len(witness) == 1:
        check_schnorr(script[2:], witness[0], _sighash_taproot(tx, index, spent))
    else:
        raise Refuted("a coin of a kind that is not known here, or another witness than its own")


def _sighash_v0(tx: Tx, index: int, amount: int, script: bytes) -> bytes:
    """BIP-143, SIGHASH_ALL."""
    spending = tx.inputs[index]
    return sha256d(
        tx.version
        + sha256d(b"".join(each.outpoint for each in tx.inputs))
        + sha256d(b"".join(each.sequence for each in tx.inputs))
        + spending.outpoint
        + b"\x19\x76\xa9\x14" + script[2:] + b"\x88\xac"
        + amount.to_bytes(8, "little")
        + spending.sequence
        + sha256d(_outputs(tx.outputs))
        + tx.locktime
        + b"\x01\x00\x00\x00"
    )  # fmt: skip


def _sighash_taproot(tx: Tx, index: int, spent: list[tuple[int, bytes]]) -> bytes:
    """BIP-341, SIGHASH_DEFAULT by the key path, no annex."""
    tag = sha256(b"TapSighash").digest()
    parts = (
        b"".join(each.outpoint for each in tx.inputs),
        b"".join(amount.to_bytes(8, "little") for amount, _ in spent),
        b"".join(_prefixed(script) for _, script in spent),
        b"".join(each.sequence for each in tx.inputs),
        _outputs(tx.outputs),
    )
    body = tx.version + tx.locktime + b"".join(sha256(part).digest() for part in parts)
    end = b"\x00" + index.to_bytes(4, "little")
    return sha256(tag + tag + b"\x00\x00" + body + end).digest()


def _outputs(outputs: tuple[tuple[int, bytes], ...]) -> bytes:
    return b"".join(amount.to_bytes(8, "little") + _prefixed(script) for amount, script in outputs)


def check_block(tx: Transaction, meaning: Meaning, proof: Any, anchors: Anchors) -> Block:
    shown = fields(proof, "header height index branch coinbase coinbase_branch headers")
    height, index = number(shown["height"]), number(shown["index"])
    branch, side = _branch(shown["branch"]), _branch(shown["coinbase_branch"])
    first, core = octets(shown["header"], 80), parse(tx.signed).core
    coinbase = parse(octets(shown["coinbase"]))
    if len(core) == 64 or len(coinbase.core) == 64:
        raise Refuted("a transaction of 64 bytes, which could be a node of the tree")
    if len(branch) != len(side) or index >> len(branch) or not index:
        raise Refuted("the branches show trees of different depths")
    for hashed, at, path in ((sha256d(core), index, branch), (coinbase.hash, 0, side)):
        refute(merkle_root(hashed, at, path) != first[36:68], "a branch leads to another root")
    _check_coinbase(coinbase, height)
    headers = [first, *(octets(each, 80) for each in listed(shown["headers"]))]
    work = sum(_work(each, tx.network) for each in headers)
    for before, after in pairwise(headers):
        refute(after[4:36] != sha256d(before), "a header does not follow the one before it")
    hashes = {height + at: sha256d(each)[::-1].hex() for at, each in enumerate(headers)}
    pin = pinned(anchors, tx.network, hashes)
    wanted, depth = _NETWORKS[tx.network][4], len(headers)
    grade, words = "A", f"block {pin}, which is pinned, follows it"
    if pin is None:
        grade = "C"
        words = f"these headers took 2^{work.bit_length() - 1} hashes or more; no anchor given"
    final_words = f"{depth} blocks with its own of the {wanted} that make one final; {words}"
    final = grade if pin is not None or depth >= wanted else None
    return Block(height, hashes[height], grade, words, final, final_words)


def merkle_root(node: bytes, index: int, branch: list[bytes]) -> bytes:
    """CVE-2012-2459: a list whose end is repeated has the same root. So a node is its own sibling
    only on the left, where the level is odd."""
    for sibling in branch:
        refute(index & 1 and sibling == node, "a node on the right that repeats that on its left")
        node = sha256d(sibling + node if index & 1 else node + sibling)
        index >>= 1
    return node


def _branch(value: Any) -> list[bytes]:
    return [octets(each, 32) for each in listed(value, most=_BRANCH_MAX)]


def _check_coinbase(coinbase: Tx, height: int) -> None:
    """It spends nothing, and begins with the block's height (BIP-34)."""
    digits = height.to_bytes(height.bit_length() // 8 + 1, "little") if height else b""
    spelled = bytes([0x50 + height]) if 1 <= height <= 16 else _prefixed(digits)
    spending = coinbase.inputs[0]
    refute(len(coinbase.inputs) != 1 or spending.outpoint != bytes(32) + b"\xff" * 4, "no coinbase")
    refute(not spending.script_sig.startswith(spelled), "the coinbase is of another height")


def _work(header: bytes, network: str) -> int:
    """The hashes that the header's own target takes. Raises Refuted if it was not met."""
    bits, easiest = int.from_bytes(header[72:76], "little"), _NETWORKS[network][3]
    target, limit = _target(bits), _target(easiest)
    if not 0 < target <= limit or int.from_bytes(sha256d(header), "little") > target:
        raise Refuted("a header without the work that its network asks for")
    return 2**256 // (target + 1)


def _target(bits: int) -> int:
    size, word = bits >> 24, bits & 0x7FFFFF
    if bits & 0x800000 or size > 34:
        return 0
    return word << 8 * (size - 3) if size > 3 else word >> 8 * (3 - size)
