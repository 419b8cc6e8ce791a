"""A running service put together from its settings.

`Runtime` is loaded when it is first asked for: what only needs an engine starts that before.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cds_hooks.runtime.service import Runtime

__all__ = ["Runtime"]


def __getattr__(name: str) -> Any:
    if name != "Runtime":
        raise AttributeError(name)
    from cds_hooks.runtime.service import Runtime

    return Runtime
