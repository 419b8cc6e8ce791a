"""Who may call, and where this process may connect.

Who may call: `CallerVerifier.admit` takes the Authorization header of a call and the URL under
which the service is known, and gives who calls or raises TokenRefused. Sources: CDS Hooks 2.0.1,
"Trusting CDS Clients"; RFC 7515, 7517, 7518, 7519; RFC 8725.
"""
