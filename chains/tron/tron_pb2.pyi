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
        TRANSFER_ASSET: _ClassVar[Contract.Type]
        VOTE_ASSET: _ClassVar[Contract.Type]
        VOTE_WITNESS: _ClassVar[Contract.Type]
        WITNESS_CREATE: _ClassVar[Contract.Type]
        ASSET_ISSUE: _ClassVar[Contract.Type]
        WITNESS_UPDATE: _ClassVar[Contract.Type]
        PARTICIPATE_ASSET_ISSUE: _ClassVar[Contract.Type]
        ACCOUNT_UPDATE: _ClassVar[Contract.Type]
        FREEZE_BALANCE: _ClassVar[Contract.Type]
        UNFREEZE_BALANCE: _ClassVar[Contract.Type]
        WITHDRAW_BALANCE: _ClassVar[Contract.Type]
        UNFREEZE_ASSET: _ClassVar[Contract.Type]
        UPDATE_ASSET: _ClassVar[Contract.Type]
        PROPOSAL_CREATE: _ClassVar[Contract.Type]
        PROPOSAL_APPROVE: _ClassVar[Contract.Type]
        PROPOSAL_DELETE: _ClassVar[Contract.Type]
        SET_ACCOUNT_ID: _ClassVar[Contract.Type]
        CREATE_SMART_CONTRACT: _ClassVar[Contract.Type]
        TRIGGER_SMART_CONTRACT: _ClassVar[Contract.Type]
        UPDATE_SETTING: _ClassVar[Contract.Type]
        EXCHANGE_CREATE: _ClassVar[Contract.Type]
        EXCHANGE_INJECT: _ClassVar[Contract.Type]
        EXCHANGE_WITHDRAW: _ClassVar[Contract.Type]
        EXCHANGE_TRANSACTION: _ClassVar[Contract.Type]
        UPDATE_ENERGY_LIMIT: _ClassVar[Contract.Type]
        ACCOUNT_PERMISSION_UPDATE: _ClassVar[Contract.Type]
        CLEAR_ABI: _ClassVar[Contract.Type]
        UPDATE_BROKERAGE: _ClassVar[Contract.Type]
        SHIELDED_TRANSFER: _ClassVar[Contract.Type]
        MARKET_SELL_ASSET: _ClassVar[Contract.Type]
        MARKET_CANCEL_ORDER: _ClassVar[Contract.Type]
        FREEZE_BALANCE_V2: _ClassVar[Contract.Type]
        UNFREEZE_BALANCE_V2: _ClassVar[Contract.Type]
        WITHDRAW_EXPIRE_UNFREEZE: _ClassVar[Contract.Type]
        DELEGATE_RESOURCE: _ClassVar[Contract.Type]
        UNDELEGATE_RESOURCE: _ClassVar[Contract.Type]
        CANCEL_ALL_UNFREEZE_V2: _ClassVar[Contract.Type]
    ACCOUNT_CREATE: Contract.Type
    TRANSFER: Contract.Type
    TRANSFER_ASSET: Contract.Type
    VOTE_ASSET: Contract.Type
    VOTE_WITNESS: Contract.Type
    WITNESS_CREATE: Contract.Type
    ASSET_ISSUE: Contract.Type
    WITNESS_UPDATE: Contract.Type
    PARTICIPATE_ASSET_ISSUE: Contract.Type
    ACCOUNT_UPDATE: Contract.Type
    FREEZE_BALANCE: Contract.Type
    UNFREEZE_BALANCE: Contract.Type
    WITHDRAW_BALANCE: Contract.Type
    UNFREEZE_ASSET: Contract.Type
    UPDATE_ASSET: Contract.Type
    PROPOSAL_CREATE: Contract.Type
    PROPOSAL_APPROVE: Contract.Type
    PROPOSAL_DELETE: Contract.Type
    SET_ACCOUNT_ID: Contract.Type
    CREATE_SMART_CONTRACT: Contract.Type
    TRIGGER_SMART_CONTRACT: Contract.Type
    UPDATE_SETTING: Contract.Type
    EXCHANGE_CREATE: Contract.Type
    EXCHANGE_INJECT: Contract.Type
    EXCHANGE_WITHDRAW: Contract.Type
    EXCHANGE_TRANSACTION: Contract.Type
    UPDATE_ENERGY_LIMIT: Contract.Type
    ACCOUNT_PERMISSION_UPDATE: Contract.Type
    CLEAR_ABI: Contract.Type
    UPDATE_BROKERAGE: Contract.Type
    SHIELDED_TRANSFER: Contract.Type
    MARKET_SELL_ASSET: Contract.Type
    MARKET_CANCEL_ORDER: Contract.Type
    FREEZE_BALANCE_V2: Contract.Type
    UNFREEZE_BALANCE_V2: Contract.Type
    WITHDRAW_EXPIRE_UNFREEZE: Contract.Type
    DELEGATE_RESOURCE: Contract.Type
    UNDELEGATE_RESOURCE: Contract.Type
    CANCEL_ALL_UNFREEZE_V2: Contract.Type
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

class Owned(_message.Message):
    __slots__ = ("owner_address",)
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    def __init__(self, owner_address: _Optional[bytes] = ...) -> None: ...

class OwnedSecond(_message.Message):
    __slots__ = ("owner_address",)
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    def __init__(self, owner_address: _Optional[bytes] = ...) -> None: ...

class Participation(_message.Message):
    __slots__ = ("owner_address", "to_address", "amount")
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TO_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    to_address: bytes
    amount: int
    def __init__(self, owner_address: _Optional[bytes] = ..., to_address: _Optional[bytes] = ..., amount: _Optional[int] = ...) -> None: ...

class Freezing(_message.Message):
    __slots__ = ("owner_address", "frozen_balance")
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    FROZEN_BALANCE_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    frozen_balance: int
    def __init__(self, owner_address: _Optional[bytes] = ..., frozen_balance: _Optional[int] = ...) -> None: ...

class Creation(_message.Message):
    __slots__ = ("owner_address", "new_contract")
    class Contract(_message.Message):
        __slots__ = ("call_value",)
        CALL_VALUE_FIELD_NUMBER: _ClassVar[int]
        call_value: int
        def __init__(self, call_value: _Optional[int] = ...) -> None: ...
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    NEW_CONTRACT_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    new_contract: Creation.Contract
    def __init__(self, owner_address: _Optional[bytes] = ..., new_contract: _Optional[_Union[Creation.Contract, _Mapping]] = ...) -> None: ...

class ExchangeCreation(_message.Message):
    __slots__ = ("owner_address", "first_token_id", "first_token_balance", "second_token_id", "second_token_balance")
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    FIRST_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_TOKEN_BALANCE_FIELD_NUMBER: _ClassVar[int]
    SECOND_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    SECOND_TOKEN_BALANCE_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    first_token_id: bytes
    first_token_balance: int
    second_token_id: bytes
    second_token_balance: int
    def __init__(self, owner_address: _Optional[bytes] = ..., first_token_id: _Optional[bytes] = ..., first_token_balance: _Optional[int] = ..., second_token_id: _Optional[bytes] = ..., second_token_balance: _Optional[int] = ...) -> None: ...

class ExchangeUse(_message.Message):
    __slots__ = ("owner_address", "exchange_id", "token_id", "quant")
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    QUANT_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    exchange_id: int
    token_id: bytes
    quant: int
    def __init__(self, owner_address: _Optional[bytes] = ..., exchange_id: _Optional[int] = ..., token_id: _Optional[bytes] = ..., quant: _Optional[int] = ...) -> None: ...

class MarketSale(_message.Message):
    __slots__ = ("owner_address", "sell_token_id", "sell_token_quantity")
    OWNER_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SELL_TOKEN_ID_FIELD_NUMBER: _ClassVar[int]
    SELL_TOKEN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    owner_address: bytes
    sell_token_id: bytes
    sell_token_quantity: int
    def __init__(self, owner_address: _Optional[bytes] = ..., sell_token_id: _Optional[bytes] = ..., sell_token_quantity: _Optional[int] = ...) -> None: ...
