"""Messages that an address signs: logins, texts, typed data. They move nothing on any chain.

A message is read as a transaction is: from the bytes that custody stores and the signer decodes,
into effects that people agree to. What each family signs, and how, is in its own `messages.py`.
"""
