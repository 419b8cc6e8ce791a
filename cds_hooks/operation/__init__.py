"""What an operator sees of the service: logs and metrics, neither with anything of a patient."""

from cds_hooks.operation.logs import configure_logging, get_logger
from cds_hooks.operation.metrics import Metrics

__all__ = ["Metrics", "configure_logging", "get_logger"]
