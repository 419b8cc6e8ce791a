"""A PKCS#11 device made of software (SoftHSM 2) for tests, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["PIN", "SoftHsm", "SoftHsmMissing"]

PIN = "hsm-pin-471100"
_PLACES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so")


class SoftHsmMissing(Exception):
    """SoftHSM is not on this machine."""


class SoftHsm:
    """Tokens in a folder of their own. The module in this process is told of them again."""

    def __init__(self, folder: Path) -> None:
        found = [place for place in _PLACES if Path(place).is_file()]
        if not found or shutil.which("softhsm2-util") is None:
            raise SoftHsmMissing("SoftHSM is not installed (Debian's package softhsm2 has it)")
        self.module = Path(found[0])
        self.tokens = folder / "tokens"
        self.tokens.mkdir(parents=True)
        self.config = folder / "softhsm2.conf"
        self.config.write_text(f"directories.tokendir = {self.tokens}\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(self.config)

    def new_token(self, label: str, pin: str = PIN) -> None:
        """Make a token, empty."""
        command = ["softhsm2-util", "--init-token", "--free", "--label", label]
        command += ["--so-pin", "so-pin-4711", "--pin", pin]
        subprocess.run(command, check=True, capture_output=True)
        self.look_again()

    def look_again(self) -> Any:
        """The module in this process, told to look which tokens there are: no session outlives it.

        Only SoftHSM's configuration of that moment counts.
        """
        import pkcs11

        library = pkcs11.lib(str(self.module))
        library.reinitialize()
        return library

    def session(self, label: str, pin: str = PIN) -> Any:
        """A session of the test's own, to make keys in."""
        return self.look_again().get_token(token_label=label).open(rw=True, user_pin=pin)
