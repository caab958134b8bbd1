"""A vault's coins: consolidated and split by rule"""
