"""What may leave: the allow-list, the lock that holds this process to it, and its report."""

from cds_hooks.trust.egress.destinations import AllowList, Destination, parse
from cds_hooks.trust.egress.egress_errors import DestinationInvalid, EgressRefused
from cds_hooks.trust.egress.hook import install, installed, scoped
from cds_hooks.trust.egress.lock import EgressLock, Program, RefusedAccess

__all__ = [
    "AllowList",
    "Destination",
    "DestinationInvalid",
    "EgressLock",
    "EgressRefused",
    "Program",
    "RefusedAccess",
    "install",
    "installed",
    "parse",
    "scoped",
]
