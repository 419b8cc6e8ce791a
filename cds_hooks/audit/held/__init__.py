"""A site key that is held elsewhere: by a PKCS#11 device, or by Vault's transit engine.

Its file holds no secret: what holds the key, the key's id, and the identity (what pseudonyms are
made with) sealed by it. The identity is unsealed once, at the start; data keys are wrapped and
unwrapped by the holder, which never gives its own key out.
"""
