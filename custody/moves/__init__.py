"""Vaults that are moved to new keys: what they have, and what still comes, goes to a successor"""
