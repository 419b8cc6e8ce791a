"""A response as each client shows it, and what a page tells of an exchange. Pure.

`client_view` gives a response's cards as one client shows them, with what it drops or changes and
why; `json_lines` the JSON with an id for each line. A page shows them with the macros of
`templates/ehr_views/`.
"""

from cds_hooks.console.ehr_views.client_view import ClientView, client_view, client_views
from cds_hooks.console.ehr_views.clients import Client, clients, fires
from cds_hooks.console.ehr_views.json_view import JsonLine, json_id, json_lines, with_steady_ids
from cds_hooks.console.ehr_views.shown import Remark, ShownCard, ShownLink, ShownSuggestion

__all__ = [
    "Client",
    "ClientView",
    "JsonLine",
    "Remark",
    "ShownCard",
    "ShownLink",
    "ShownSuggestion",
    "client_view",
    "client_views",
    "clients",
    "fires",
    "json_id",
    "json_lines",
    "with_steady_ids",
]
