# mypy: disable-error-code="type-arg"
from google.protobuf import any_pb2 as _any_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Transaction(_message.Message):
    __slots__ = ("raw_data", "signature")
    RAW_DATA_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    raw_data: bytes
    signature: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, raw_data: _Optional[bytes] = ..., signature: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RawData(_message.Message):
    __slots__ = ("ref_block_bytes", "ref_block_num", "ref_block_hash", "expiration", "auths", "data", "contract", "scripts", "timestamp", "fee_limit")
    REF_BLOCK_BYTES_FIELD_NUMBER: _ClassVar[int]
    REF_BLOCK_NUM_FIELD_NUMBER: _ClassVar[int]
    REF_BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    EXPIRATION_FIELD_NUMBER: _ClassVar[int]
    AUTHS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    SCRIPTS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    FEE_LIMIT_FIELD_NUMBER: _ClassVar[int]
    ref_block_bytes: bytes
    ref_block_num: int
    ref_block_hash: bytes
    expiration: int
    auths: _containers.RepeatedScalarFieldContainer[bytes]
    data: bytes
    contract: _containers.RepeatedCompositeFieldContainer[Contract]
    scripts: bytes
    timestamp: int
    fee_limit: int
    def __init__(self, ref_block_bytes: _Optional[bytes] = ..., ref_block_num: _Optional[int] = ..., ref_block_hash: _Optional[bytes] = ..., expiration: _Optional[int] = ..., auths: _Optional[_Iterable[bytes]] = ..., data: _Optional[bytes] = ..., contract: _Optional[_Iterable[_Union[Contract, _Mapping]]] = ..., scripts: _Optional[bytes] = ..., timestamp: _Optional[int] = ..., fee_limit: _Optional[int] = ...) -> None: ...

class Contract(_message.Message):
    __slots__ = ("type", "parameter", "provider", "contract_name", "permission_id")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACCOUNT_CREATE: _ClassVar[Contract.Type]
        TRANSFER: _ClassVar[Contract.Type]
        CREATE_SMART_CONTRACT: _ClassVar[Contract.Type]
        TRIGGER_SMART_CONTRACT: _ClassVar[Contract.Type]
    ACCOUNT_CREATE: Contract.Type
    TRANSFER: Contract.Type
    CREATE_SMART_CONTRACT: Contract.Type
    TRIGGER_SMART_CONTRACT: Contract.Type
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PARAMETER_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_NAME_FIELD_NUMBER: _ClassVar[int]
    PERMISSION_ID_FIELD_NUMBER: _ClassVar[int]
    type: Contract.Type
    parameter: _any_pb2.Any
    provider: bytes
    contract_name: bytes
    permission_id: int
    def __init__(self, type: _Optional[_Union[Contract.Type, str]] = ..., parameter: _Optional[_Union[_any_pb2.Any, _Mapping]] = ..., provider: _Optional[bytes] = ..., contract_name: _Optional[bytes] = ..., permission_id: _Optional[int] = ...) -> None: ...

class TransferContract(_message.Message):
    __slots__ = ("owner_address", "to_address", "amount")
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TO_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    to_address: bytes
    amount: int
    def __init__(self, owner_address: _Optional[bytes] = ..., to_address: _Optional[bytes] = ..., amount: _Optional[int] = ...) -> None: ...

class TriggerSmartContract(_message.Message):
    __slots__ = ("owner_address", "contract_address", "call_value", "data", "call_token_value", "token_id")
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CALL_VALUE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CALL_TOKEN_VALUE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    contract_address: bytes
    call_value: int
    data: bytes
    call_token_value: int
    token_id: int
    def __init__(self, owner_address: _Optional[bytes] = ..., contract_address: _Optional[bytes] = ..., call_value: _Optional[int] = ..., data: _Optional[bytes] = ..., call_token_value: _Optional[int] = ..., token_id: _Optional[int] = ...) -> None: ...
