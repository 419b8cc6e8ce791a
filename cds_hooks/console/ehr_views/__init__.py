"""A response as each client shows it, and what a page tells of an exchange. Pure.

`client_view` gives a response's cards as one client shows them, with what it drops or changes and
why; `json_lines` the JSON with an id for each line. `response_findings` and `request_findings` tell
what does not conform on our side and on the client's, `curl_command` and `saved_case` take a
request away: as a command, as a redacted file. A page shows them with the macros of
`templates/ehr_views/`: cards, comparison, findings, take_away.
"""

from cds_hooks.console.ehr_views.client_view import ClientView, client_view, client_views
from cds_hooks.console.ehr_views.clients import Client, clients, fires
from cds_hooks.console.ehr_views.curl import Curl, curl_command
from cds_hooks.console.ehr_views.displayed_cards import (
    Remark,
    ShownCard,
    ShownLink,
    ShownSuggestion,
)
from cds_hooks.console.ehr_views.findings import Finding, response_findings
from cds_hooks.console.ehr_views.json_view import JsonLine, json_id, json_lines, with_steady_ids
from cds_hooks.console.ehr_views.request_findings import feedback_findings, request_findings
from cds_hooks.console.ehr_views.saved_case import saved_case

__all__ = [
    "Client",
    "ClientView",
    "Curl",
    "Finding",
    "JsonLine",
    "Remark",
    "ShownCard",
    "ShownLink",
    "ShownSuggestion",
    "client_view",
    "client_views",
    "clients",
    "curl_command",
    "feedback_findings",
    "fires",
    "json_id",
    "json_lines",
    "request_findings",
    "response_findings",
    "saved_case",
    "with_steady_ids",
]
