"""What apps ask of a vault, as of a wallet: tokens in URLs that can only ask, and what waits."""
