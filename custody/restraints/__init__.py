"""What of our balances the issuers of tokens let nobody move, as the nodes said last."""
