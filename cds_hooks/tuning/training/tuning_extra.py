"""Whether the extra `tune` is installed. Nothing else of this package asks for it at import."""

from __future__ import annotations

import os
from importlib.util import find_spec

from cds_hooks.tuning.training.tuning_errors import TuningError

__all__ = ["missing_packages", "require_extra"]

_PACKAGES = ("torch", "transformers", "peft", "gguf", "safetensors")


def missing_packages() -> tuple[str, ...]:
    """The packages of the extra that are not installed."""
    return tuple(name for name in _PACKAGES if find_spec(name) is None)


def require_extra() -> None:
    """Raises TuningError (tune-extra-missing). No package may look for anything on a network."""
    if missing := missing_packages():
        raise TuningError(
            "tune-extra-missing", f"Fine-tuning needs {', '.join(missing)}, not installed here",
            hint="In a checkout run `make tune-setup`; elsewhere install chartside[tune].",
        )  # fmt: skip
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[name] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
