"""The whole house on one machine: local networks, signer, database, API; and the demo that uses it.

For demonstrations, tests and development only: the signer's passphrase and the administrator's key
are made on the spot and thrown away with the data folder.
"""
