"""Later addresses that are swept by rule, when they have enough"""
