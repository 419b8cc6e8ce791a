"""A clinician who starts this service as an app from the EHR: the app's side of SMART App Launch.

EHR launch with PKCE, state and nonce; the user by `fhirUser` of the ID token, the patient by the
token answer's launch context. Sources: HL7 SMART App Launch 2.2.0 (app-launch, scopes and launch
context, conformance); OpenID Connect Core 1.0; RFC 6749, 7636, 9700.
"""
