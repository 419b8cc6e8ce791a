"""Recording CDS Hooks calls as files that `map`, `hook` and `replay` read: redacted unless told.

`RecordingProxy` stands in front of a service; the service itself has a switch (`[capture]`). Both
hand an `Exchange` to a `Recorder`, which writes it beside the call, never in its way. What a file
holds is in docs/integrators/capture-and-replay.md.
"""

from cds_hooks.capture.exchange import CallKind, Exchange, kind_of
from cds_hooks.capture.folder import CaptureFolder, CaptureRefused
from cds_hooks.capture.policy import require_allowed
from cds_hooks.capture.proxy import RecordingProxy
from cds_hooks.capture.recorder import Recorder

__all__ = [
    "CallKind",
    "CaptureFolder",
    "CaptureRefused",
    "Exchange",
    "Recorder",
    "RecordingProxy",
    "kind_of",
    "require_allowed",
]
