"""A hook request without what says who it is about: for test cases, captures and bug reports. Pure.

    redacted = redact(request, now=captured_at)          # `request` as JSON, `now` timezone-aware
    redacted.request                                     # the same shape, as JSON
    redacted.told()                                      # what was done, to write beside it

Kept: which keys, resources and elements came, public codes with their displays, numbers and units,
and the time between dates. All dates move together, so that `redacted.now` is to the redacted
request what `now` was to the request. Ids and references are replaced, the same one by the same.
Removed: names, addresses, telecom, identifiers, free text, narrative, attachments, the access
token, and every element that the mapping does not read. `is_term` says which words a terminology
knows; without it words that no public code stands beside are removed too.

An envelope of a captured request (`cds_client.captured`) takes `redacted.request` as its `request`
and `redacted.told()` as its `redaction`. Responses are not redacted: a card repeats the chart.
"""

from cds_hooks.redaction.redact import Redacted, redact

__all__ = ["Redacted", "redact"]
