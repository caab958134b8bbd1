"""Contracts that speak Solidity's ABI, on EVM and TRON: types, values, functions, typed data."""
