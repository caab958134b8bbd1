"""What an operator holds back for a while: a network, a vault, or a vault on one network"""
