"""EVM: transactions of EIP-155 and EIP-1559, payments of ERC-20, proofs in a block's tries.

A block is shown by its header, whose hash is the block's, and by the nodes of the transactions' and
of the receipts' trie (Yellow Paper, appendices B and D), from the roots that the header names.
"""

from collections import Counter
from typing import Any, Final

from custody_verify.addresses import eip55
from custody_verify.contracts import PADDING, told
from custody_verify.errors import Refuted, Unreadable, refute, reject
from custody_verify.hashes import keccak256
from custody_verify.keys import recover
from custody_verify.model import Anchors, Block, Meaning, Pay, Transaction, pinned
from custody_verify.strict import fields, listed, number, octets

Item = bytes | list["Item"]
_DEPTH_MAX: Final = 16
_TOPIC: Final = keccak256(b"Transfer(address,address,uint256)")
_HEADER_FIELDS: Final = range(15, 33)
"""So many there were at first, and so many are taken for a header of what is still to come."""


def rlp(item: Item) -> bytes:
    if isinstance(item, bytes):
        alone = len(item) == 1 and item[0] < 0x80
        return item if alone else _prefix(len(item), 0x80) + item
    body = b"".join(map(rlp, item))
    return _prefix(len(body), 0xC0) + body


def _prefix(length: int, base: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    spelled = natural(length)
    return bytes([base + 55 + len(spelled)]) + spelled


def natural(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def parse_rlp(data: bytes) -> Item:
    """Every byte, in the one spelling there is: what is read is written again and compared."""
    item, end = _item(data, 0, 0)
    reject(end != len(data) or rlp(item) != data, "RLP in another spelling or with bytes behind it")
    return item


def _item(data: bytes, start: int, depth: int) -> tuple[Item, int]:
    reject(start >= len(data) or depth > _DEPTH_MAX, "RLP that ends too early, or nests too deeply")
    first, base = data[start], 0xC0 if data[start] >= 0xC0 else 0x80
    if first < 0x80:
        return data[start : start + 1], start + 1
    long = max(0, first - base - 55)
    begin = start + 1 + long
    end = begin + (int.from_bytes(data[start + 1 : begin], "big") if long else first - base)
    reject(end > len(data), "RLP that ends too early")
    if base == 0x80:
        return data[begin:end], end
    members: list[Item] = []
    while begin < end:
        member, begin = _item(data, begin, depth + 1)
        members.append(member)
    reject(begin != end, "RLP with a member that is longer than its list")
    return members, end


def _list(item: Item, counts: range | None = None) -> list[Item]:
    if not isinstance(item, list) or (counts is not None and len(item) not in counts):
        raise Unreadable("no list of RLP, or one of another length")
    return item


def _octets(item: Item, *lengths: int) -> bytes:
    if not isinstance(item, bytes) or (lengths and len(item) not in lengths):
        raise Unreadable("bytes of another length")
    return item


def _number(item: Item) -> int:
    data = _octets(item)
    reject(data[:1] == b"\0" or len(data) > 32, "a number with leading zeros, or beyond 256 bits")
    return int.from_bytes(data, "big")


def _split(data: bytes) -> tuple[bytes, list[Item]]:
    """The type byte, if there is one, and the fields."""
    kind = data[:1] if data[:1] == b"\x02" else b""
    return kind, _list(parse_rlp(data[len(kind) :]))


spell = eip55


def decode(tx: Transaction) -> Meaning:
    """One payment or call; a payment to oneself is none."""
    kind, parts = _split(tx.unsigned)
    if len(parts) != 9 or (not kind and parts[7:] != [b"", b""]):
        raise Unreadable("no unsigned transaction of EIP-1559 or EIP-155")
    chain = _number(parts[0] if kind else parts[6])
    if tx.network != f"eip155:{chain}" or tx.sender is None:
        raise Refuted("a transaction of another network, or of nobody")
    refute(kind and parts[8] != [], "an access list, which no payment has")
    price, gas, to, value, data = parts[3:8] if kind else parts[1:6]
    _number(parts[1] if kind else parts[0])
    payee, units, called = _octets(to, 20), _number(value), _octets(data)
    costs, address = {"fee": _number(price) * _number(gas)}, eip55(payee)
    if called:
        effect = told(f"{tx.network}/erc20:{address}", address, units, called, eip55)
        return Meaning(tx.sender, Counter([effect]), (), costs, called)
    if address == tx.sender:
        return Meaning(tx.sender, Counter(), ((address, units),), costs)
    return Meaning(tx.sender, Counter([Pay(address, tx.coin, units)]), (), costs)


def check_signed(tx: Transaction) -> str:
    """The signed bytes are the unsigned ones and a signature of the sender."""
    kind, parts = _split(tx.signed)
    if kind:
        body, odd = parts[:-3], _number(parts[-3])
        unsigned = kind + rlp(body)
    else:
        chain, odd = divmod(_number(parts[6] if len(parts) == 9 else b"") - 35, 2)
        unsigned = rlp([*parts[:6], natural(max(0, chain)), b"", b""])
    if len(parts) != (12 if kind else 9) or unsigned != tx.unsigned or odd > 1:
        raise Refuted("the signed bytes are another transaction than the unsigned ones")
    key = recover(_number(parts[-2]), _number(parts[-1]), odd, keccak256(tx.unsigned))
    refute(eip55(keccak256(key)[-20:]) != tx.sender, "it is not signed by the key of who pays")
    refute("0x" + keccak256(tx.signed).hex() != tx.txid, "the bytes hash to another txid")
    return f"signed by the key of {tx.sender}"


def check_block(tx: Transaction, meaning: Meaning, proof: Any, anchors: Anchors) -> Block:
    shown = fields(proof, "header index transaction_nodes receipt_nodes")
    raw = octets(shown["header"])
    header = _list(parse_rlp(raw), _HEADER_FIELDS)
    key = rlp(natural(number(shown["index"])))
    included = _walk(shown["transaction_nodes"], _octets(header[4], 32), key)
    refute(included != tx.signed, "the block has another transaction at that place")
    _check_receipt(tx, meaning, _walk(shown["receipt_nodes"], _octets(header[5], 32), key))
    height, hash_ = _number(header[8]), "0x" + keccak256(raw).hex()
    grade = "C" if pinned(anchors, tx.network, {height: hash_}) is None else "A"
    words = "its hash is pinned" if grade == "A" else "that this block is of the chain, nodes said"
    return Block(height, hash_, grade, words, "A" if grade == "A" else None, words)


def _walk(nodes: Any, root: bytes, key: bytes) -> bytes:
    """The value under `key`, by nodes from the root down, each of which is used."""
    given = [octets(node) for node in listed(nodes, most=80)]
    path = [digit for byte in key for digit in divmod(byte, 16)]
    node: Item = root
    is_value = False
    while not is_value:
        if isinstance(node, bytes):
            if not given or keccak256(given[0]) != _octets(node, 32):
                raise Refuted("a node of a trie is missing, or is another one")
            node = parse_rlp(given.pop(0))
        node, path, is_value = _step(_list(node), path)
    found = _octets(node)
    refute(given or not found, "the trie has nothing there, or more nodes than lead there")
    return found


def _step(node: list[Item], path: list[int]) -> tuple[Item, list[int], bool]:
    """What stands next on the path, what is left of the path, and whether that is the value."""
    if len(node) == 17:
        return (node[path[0]], path[1:], False) if path else (node[16], path, True)
    if len(node) != 2 or not (spelled := _octets(node[0])) or spelled[0] >> 4 > 3:
        raise Unreadable("no node of a trie")
    digits = [digit for byte in spelled for digit in divmod(byte, 16)]
    odd, leaf = digits[0] & 1, bool(digits[0] & 2)
    part = digits[1:] if odd else digits[2:]
    reject(not odd and digits[1], "a node of a trie in another spelling")
    refute(path[: len(part)] != part or (leaf and len(part) != len(path)), "it has nothing there")
    return node[1], path[len(part) :], leaf


def _check_receipt(tx: Transaction, meaning: Meaning, data: bytes) -> None:
    """It succeeded, and each token says that it moved what was agreed."""
    kind, parts = _split(data)
    reject(kind != _split(tx.signed)[0] or len(parts) != 4, "a receipt of another kind")
    refute(parts[0] != b"\x01", "the block has it, but it failed there")
    moved = Counter[Pay]()
    for log in _list(parts[3]):
        address, topics, said = _list(log, range(3, 4))
        words = [_octets(topic, 32) for topic in _list(topics)]
        if len(words) != 3 or words[0] != _TOPIC or len(_octets(said)) != 32:
            continue
        if {words[1][:12], words[2][:12]} == {PADDING} and eip55(words[1][12:]) == meaning.payer:
            token = f"{tx.network}/erc20:{eip55(_octets(address, 20))}"
            units = int.from_bytes(_octets(said), "big")
            moved[Pay(eip55(words[2][12:]), token, units)] += 1
    paid = {each: n for each, n in meaning.effects.items() if isinstance(each, Pay)}
    if Counter({pay: n for pay, n in paid.items() if pay.asset != tx.coin}) - moved:
        raise Refuted("the token does not say that it moved what was agreed")
