"""One number after the other for what happened: per client, in commit order, without gaps."""
