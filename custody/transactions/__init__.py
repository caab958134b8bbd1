"""What chains are asked to do, for the transfers that people want. One transaction may carry
several transfers, and a transfer may have had several transactions, of which at most one is ever
in a block.
"""
