"""Charts read ahead of their visits and handed to the running service, so that answers wait."""

from cds_hooks.prewarm.access_token import AccessTokenRefused, BackendClient, TokenSource
from cds_hooks.prewarm.appointments import Schedule, ScheduleUnavailable, patients_on
from cds_hooks.prewarm.charts import ChartIncomplete, ChartReader
from cds_hooks.prewarm.hand_over import RunningService, ServiceAway
from cds_hooks.prewarm.patients import Item, ListUnreadable, PatientList, read_patients
from cds_hooks.prewarm.rate_limited_transport import RateLimitedTransport, ServerBusy
from cds_hooks.prewarm.run import Summary, prewarm
from cds_hooks.trust.signing import KeyUnusable, SigningKey

__all__ = [
    "BackendClient",
    "ChartIncomplete",
    "ChartReader",
    "Item",
    "KeyUnusable",
    "ListUnreadable",
    "PatientList",
    "RateLimitedTransport",
    "RunningService",
    "Schedule",
    "ScheduleUnavailable",
    "ServerBusy",
    "ServiceAway",
    "SigningKey",
    "Summary",
    "AccessTokenRefused",
    "TokenSource",
    "patients_on",
    "prewarm",
    "read_patients",
]
