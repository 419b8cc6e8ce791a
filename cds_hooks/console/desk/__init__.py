"""The reviewer's desk: search the ledger, verify it, export it, and open single consultations.

Whatever a reviewer asks here is a record of the ledger before it is answered.
"""

from cds_hooks.console.desk.desk import Desk
from cds_hooks.console.desk.router import add_routes

__all__ = ["Desk", "add_routes"]
