"""A service that is switched off while it runs."""

from __future__ import annotations

from cds_hooks.errors import ChartsideError

__all__ = ["ANSWER_HEADER", "SWITCHED_OFF", "ServiceSwitchedOff"]

SWITCHED_OFF = "service-switched-off"
"""The code of a call that was answered with no card because its service is off."""

ANSWER_HEADER = "Chartside-Answer"
"""The response header that tells so: CDS Hooks leaves an answer without cards as it is."""


class ServiceSwitchedOff(ChartsideError):
    """The service is switched off: its callers get an answer without cards, which is no error.

    `event` is the id of the ledger record of the switch.
    """

    code = SWITCHED_OFF
    status = 200
    issue = "suppressed"

    def __init__(self, service_id: str, event: str = "") -> None:
        hint = "`chartside services list` tells since when and why."
        super().__init__("the service is switched off", where=service_id, hint=hint)
        self.service_id = service_id
        self.event = event
