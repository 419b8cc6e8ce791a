"""Settings of what keeps the site key when it is not in a file: a PKCS#11 device, or Vault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from cds_hooks.section import Section, Unset

__all__ = ["KeyDeviceSettings", "KeyVaultSettings"]

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"


class KeyDeviceSettings(Section):
    """A site key that never leaves a PKCS#11 device (docs/operators/key-providers.md).

    Not used until the file of `store.site_key` names it as its key provider.
    """

    module: Annotated[Path | None, Unset] = Field(
        None, description="The device's PKCS#11 library (.so); unset: no device."
    )
    token: str = Field("", max_length=32, description="The token's label.")
    key: str = Field("chartside", min_length=1, max_length=128, description="The key's label.")
    pin_file: Annotated[Path | None, Unset] = Field(
        None,
        description="File with the PIN, readable by its owner alone; unset: the systemd credential "
        "`chartside-device-pin`.",
    )

    @model_validator(mode="after")
    def _a_module_has_a_token(self) -> Self:
        if self.module is not None and not self.token:
            raise ValueError("module needs token")
        return self


class KeyVaultSettings(Section):
    """A site key in Vault, used when the file of `store.site_key` names it as its key provider."""

    address: str = Field(
        "",
        pattern=r"^(https://[^\s/?#@]+)?$",
        description="Vault's address, `https://host:port`; empty: no Vault.",
    )
    authority: Annotated[Path | None, Unset] = Field(
        None, description="The CA (PEM) of its certificate; no other is trusted."
    )
    mount: str = Field(
        "transit",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$",
        description="Where the transit engine is mounted.",
    )
    key: str = Field("chartside", pattern=_NAME, description="The key's name.")
    namespace: str = Field(
        "", pattern=r"^[A-Za-z0-9._/-]*$", description="The namespace, where Vault has them."
    )
    token_file: Annotated[Path | None, Unset] = Field(
        None,
        description="File with the token, readable by its owner alone; unset: the systemd "
        "credential `chartside-vault-token`.",
    )
    timeout_s: float = Field(2.0, gt=0, le=30, description="Seconds for each step of a request.")

    @model_validator(mode="after")
    def _an_address_has_an_authority(self) -> Self:
        if self.address and self.authority is None:
            raise ValueError("address needs authority")
        return self
