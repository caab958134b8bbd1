"""Contracts that speak Solidity's ABI, on EVM networks and TRON: types, values and descriptions."""
