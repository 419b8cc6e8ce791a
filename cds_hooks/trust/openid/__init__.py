"""People who sign in at an OpenID provider: the client's side of OpenID Connect Core 1.0.

Authorization code with PKCE (RFC 7636), state and nonce; RFC 9207 where the provider has it.
Sources besides: OpenID Connect Discovery 1.0, RFC 6749, RFC 8725, RFC 9700 (best current practice).
"""
