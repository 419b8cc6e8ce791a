"""What an operator sees of the service: logs and metrics, neither with anything of a patient."""

from typing import TYPE_CHECKING

from cds_hooks.lazy_names import lazy_names

if TYPE_CHECKING:
    from cds_hooks.operation.logs import configure_logging, get_logger
    from cds_hooks.operation.metrics import Metrics
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Metrics": "metrics",
            "configure_logging": "logs",
            "get_logger": "logs",
        },
    )

__all__ = ["Metrics", "configure_logging", "get_logger"]
