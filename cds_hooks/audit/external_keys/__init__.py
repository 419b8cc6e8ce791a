"""Site keys in an external key provider: a PKCS#11 device, or Vault's transit engine.

The key's file has no secret in it: the provider's kind, the key's id, and the identity (what
pseudonyms are made with) encrypted by the provider. The identity is decrypted once, at the start;
the provider wraps and unwraps data keys, and never gives its own key away.
"""
