"""The pipeline, top to bottom: gather, map, render, infer, check, answer.

The only package that knows all the stages. A hook is answered within `answer_within_s`; what is not
ready by then goes on in the background with the facts already gathered (never with the EHR's
token) and answers the next hook of the same chart. Identical work in flight runs once, in all
processes that share a store.
"""

from typing import TYPE_CHECKING

from cds_hooks.lazy_names import lazy_names

if TYPE_CHECKING:
    from cds_hooks.consult.consult_config import ConsultConfig
    from cds_hooks.consult.consultant import Consultant
    from cds_hooks.consult.content_key import content_key
    from cds_hooks.consult.dependencies import ConsultationStore, Dependencies, Gather
    from cds_hooks.consult.links import LinkUnknown
    from cds_hooks.consult.pages import (
        ConsultationPages,
        NoConsultation,
        OpenedConsultation,
        OtherPatient,
        PatientScope,
    )
    from cds_hooks.consult.terms import ClientTerms, patient_scope
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "ClientTerms": "terms",
            "ConsultConfig": "consult_config",
            "Consultant": "consultant",
            "ConsultationPages": "pages",
            "ConsultationStore": "dependencies",
            "Dependencies": "dependencies",
            "Gather": "dependencies",
            "LinkUnknown": "links",
            "NoConsultation": "pages",
            "OpenedConsultation": "pages",
            "OtherPatient": "pages",
            "PatientScope": "pages",
            "content_key": "content_key",
            "patient_scope": "terms",
        },
    )

__all__ = [
    "ClientTerms",
    "ConsultConfig",
    "Consultant",
    "ConsultationPages",
    "ConsultationStore",
    "Dependencies",
    "Gather",
    "LinkUnknown",
    "NoConsultation",
    "OpenedConsultation",
    "OtherPatient",
    "PatientScope",
    "content_key",
    "patient_scope",
]
