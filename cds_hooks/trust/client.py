"""A CDS client as the site knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from cds_hooks.consultation import is_plain_organization
from cds_hooks.section import Section, Unset, one_of
from cds_hooks.trust.caller_errors import KeysUnusable
from cds_hooks.trust.certificate import fingerprint_of, subject_of
from cds_hooks.trust.key_set import ALGORITHMS, MAX_BYTES

__all__ = ["DEFAULT_ALGORITHMS", "Client"]

DEFAULT_ALGORITHMS = ("ES384", "RS384")
"""CDS Hooks 2.0.1, Trusting CDS Clients: RECOMMENDED."""

_Algorithm = Annotated[str, one_of(ALGORITHMS)]
_KeyUrl = Annotated[str, Field(pattern=r"^(https?://[^\s?#@]+)?$")]
_Fingerprint = Annotated[str, AfterValidator(fingerprint_of)]
_Subject = Annotated[str, AfterValidator(subject_of)]


def _organization(value: str) -> str:
    if value and not is_plain_organization(value):
        raise ValueError("must be an OID, a UUID (urn:uuid:) or an address that names no person")
    return value


class Client(Section):
    """A CDS client as the site knows it; what its tokens say is compared with this."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="The site's name for it, in every record."
    )
    issuer: str = Field(min_length=1, description="`iss` of its tokens, letter for letter.")
    jwks_file: Annotated[Path | None, Unset] = Field(None, description="Its public keys (JWK Set).")
    jwks: str = Field("", description="The same, as JSON in the settings.")
    jku: _KeyUrl = Field(
        "",
        description="The URL of its keys: the only `jku` its tokens may name, and read where "
        "neither `jwks_file` nor `jwks` is set.",
    )
    algorithms: tuple[_Algorithm, ...] = Field(
        DEFAULT_ALGORITHMS, min_length=1, description="What it may sign with; asymmetric only."
    )
    audiences: tuple[str, ...] = Field(
        (), description="Exact `aud` texts; empty: `server.public_url` and the path called."
    )
    tenants: tuple[str, ...] = Field((), description="Tenants let in; empty: any.")
    organization: Annotated[str, AfterValidator(_organization)] = Field(
        "",
        description="Organization that its users act for (OID or address), where its tokens name "
        "none; recorded as said by the settings.",
    )
    organization_claim: str = Field(
        "", description="Claim of its tokens with that organization, beside the published ones."
    )
    purpose_claim: str = Field("", description="Claim of its tokens with the purpose of use.")
    leeway_s: float = Field(60.0, ge=0, le=300, description="Seconds that clocks may differ.")
    max_lifetime_s: float = Field(
        3600.0, gt=0, description="Longest seconds from `iat` to `exp` of a token."
    )
    calls_per_minute: float = Field(600.0, ge=0, description="Calls it may make; 0: no bound.")
    burst: int = Field(60, gt=0, description="Calls it may make at once before that counts.")
    certificate_sha256: tuple[_Fingerprint, ...] = Field(
        (), description="SHA-256 fingerprints of certificates, one of which it must show in TLS."
    )
    certificate_subjects: tuple[_Subject, ...] = Field(
        (),
        description="Or their subjects (RFC 4514, `CN=ehr.hospital.example,O=Hospital`); empty "
        "both: any certificate, or none.",
    )

    @model_validator(mode="after")
    def _it_has_keys(self) -> Self:
        if not (self.jwks_file or self.jwks or self.jku):
            raise ValueError("a client needs jwks_file, jwks or jku")
        if self.jwks_file and self.jwks:
            raise ValueError("jwks_file and jwks do not go together")
        return self

    @property
    def is_bound(self) -> bool:
        """Whether it has to show a certificate."""
        return bool(self.certificate_sha256 or self.certificate_subjects)

    @property
    def fetches(self) -> bool:
        """Whether its keys are read from its URL."""
        return not (self.jwks or self.jwks_file)

    def given_keys(self) -> bytes:
        """The JWK Set in the settings or in the file that they name. Raises KeysUnusable."""
        if self.jwks_file is None:
            return self.jwks.encode()
        try:
            with self.jwks_file.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            message = f"a client's key set cannot be read ({error.strerror})"
            where = str(self.jwks_file)
            raise KeysUnusable(message, where=where, hint="Check jwks_file.") from None
