"""What can go wrong in the inspector, each with a stable code and what to do next."""

from __future__ import annotations

from cds_hooks.cds_client.server_chart import ChartNotRead
from cds_hooks.errors import ChartsideError

__all__ = [
    "AddressNotListed",
    "AddressUnusable",
    "ChoiceIncomplete",
    "FileUnusable",
    "HookNotFireable",
    "InspectionExpired",
    "InspectorBusy",
    "ListOutdated",
    "ServerNotRead",
    "ServiceSilent",
]


class ChoiceIncomplete(ChartsideError):
    """A form without what it needs."""

    code = "choice-incomplete"
    status = 400
    issue = "required"


class FileUnusable(ChartsideError):
    """A dropped file from which no chart can be read."""

    code = "file-unusable"
    status = 400
    issue = "structure"


class HookNotFireable(ChartsideError):
    """A service whose hook cannot be made from a chart alone."""

    code = "hook-not-fireable"
    status = 400
    issue = "not-supported"


class ServiceSilent(ChartsideError):
    """A service whose answers a silent trial keeps from clinicians: only its investigators fire it
    for a patient of theirs."""

    code = "silent-trial"
    status = 403
    issue = "forbidden"

    def __init__(self, service_id: str) -> None:
        hint = "Fire it for a sample patient, or ask for the role investigator."
        super().__init__("the service is silent, for a trial", where=service_id, hint=hint)


class AddressUnusable(ChartsideError):
    """What was given is not the address of a FHIR server."""

    code = "address-unusable"
    status = 400
    issue = "value"

    def __init__(self) -> None:
        super().__init__(
            "this is not the address of a FHIR server",
            hint="Give its base URL, such as https://ehr.example.org/fhir: without a user name, "
            "a query or a fragment.",
        )


class AddressNotListed(ChartsideError):
    """A FHIR server that the site's settings do not list: nothing was asked of it.

    `setting` is what to add to the settings file, `variable` the same for the environment.
    """

    code = "fhir-server-not-listed"
    status = 403
    issue = "forbidden"

    def __init__(self, setting: str, variable: str) -> None:
        super().__init__(
            "this FHIR server is not listed in the settings, so nothing was asked of it",
            where="fhir.allowed_bases",
            hint="Whoever runs this service adds the line below and starts it again.",
        )
        self.setting = setting
        self.variable = variable


class ServerNotRead(ChartsideError):
    """A FHIR server that did not give what was asked of it; nothing of its answer is told."""

    code = "fhir-server-not-read"
    status = 502
    issue = "exception"

    @classmethod
    def of(cls, error: ChartNotRead) -> ServerNotRead:
        """The same for a page."""
        return cls(error.message, where=error.where, hint=error.form_hint)


class InspectionExpired(ChartsideError):
    """What was fired is not kept any more, or another browser fired it."""

    code = "inspection-expired"
    status = 410
    issue = "expired"

    def __init__(self) -> None:
        super().__init__(
            "what was fired here is not kept any more",
            hint="It was kept in memory for a while, and for the browser that fired it alone. Fire "
            "the hook again: choose the same service and patient. What went on record stays there.",
        )


class ListOutdated(ChartsideError):
    """A patient was chosen on a list, and other files or another server since in another tab."""

    code = "patient-list-outdated"
    status = 409
    issue = "conflict"

    def __init__(self) -> None:
        super().__init__(
            "other files or another server were chosen since, in another tab: nothing was fired",
            where="patient",
            hint="Choose again on the inspector's page, and fire from the list that it shows.",
        )


class InspectorBusy(ChartsideError):
    """As many hooks are open as the inspector may have."""

    code = "inspector-busy"
    status = 429
    issue = "throttled"

    def __init__(self) -> None:
        super().__init__(
            "the inspector has as many hooks open as it may",
            where="inspector.at_once",
            hint="Wait until one has ended, then send the form again.",
        )
