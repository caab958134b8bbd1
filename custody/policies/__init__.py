"""What the policy says of transfers: the document, how much of its windows is used, the verdict."""
