"""Bytes to protobuf messages, strictly: a transaction has one spelling, and we read only that.

Protobuf lets the same message be written in many ways (fields in any order, repeated, defaults
spelled out, fields unknown to us). Two readers may then see two different payments in the same
signed bytes. Everything we sign must therefore survive a round trip through our own serializer.
Pure. What other people's transactions did is read from the node's blocks, more leniently.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError, Message

from chains.errors import MalformedTransaction
from chains.tron import tron_pb2 as pb


def raw_data(payload: bytes) -> pb.RawData:
    """The signed part of a transaction. Raises MalformedTransaction unless `payload` is its
    canonical serialization, without unknown fields at any depth."""
    message = pb.RawData()
    _read_canonical(message, payload)
    return message


def transfer(parameter: bytes) -> pb.TransferContract:
    """The parameter of a transfer of TRX. Raises MalformedTransaction like `raw_data`."""
    message = pb.TransferContract()
    _read_canonical(message, parameter)
    return message


def call(parameter: bytes) -> pb.TriggerSmartContract:
    """The parameter of a contract call. Raises MalformedTransaction like `raw_data`."""
    message = pb.TriggerSmartContract()
    _read_canonical(message, parameter)
    return message


def signed_transaction(raw: bytes) -> pb.Transaction:
    """What travels. Raises MalformedTransaction like `raw_data`; its own raw_data is not read."""
    message = pb.Transaction()
    _read_canonical(message, raw)
    return message


def _read_canonical(message: Message, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise MalformedTransaction("not a protobuf message") from error
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != data:
        raise MalformedTransaction("unknown fields, or known ones not in canonical form")
