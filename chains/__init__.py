"""Blockchains: codecs, adapters, followers. Knows nothing of custody or the signer."""
