"""The gas station: coins for the fees of addresses that have tokens and no coins"""
