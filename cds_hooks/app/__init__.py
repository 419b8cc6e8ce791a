"""The HTTP edge: paths, limits and errors; everything that does work is handed in."""

from typing import TYPE_CHECKING

from cds_hooks.lazy_names import lazy_names

if TYPE_CHECKING:
    from cds_hooks.app.application import create_app
    from cds_hooks.app.browsers import ErrorPage
    from cds_hooks.app.handlers import AppHandlers, Call, Exchange, Identify, Readiness, RequestInfo
    from cds_hooks.app.server_settings import AppConfig
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "AppConfig": "server_settings",
            "AppHandlers": "handlers",
            "ErrorPage": "browsers",
            "Call": "handlers",
            "Exchange": "handlers",
            "Identify": "handlers",
            "Readiness": "handlers",
            "RequestInfo": "handlers",
            "create_app": "application",
        },
    )

__all__ = [
    "AppConfig",
    "AppHandlers",
    "Call",
    "ErrorPage",
    "Exchange",
    "Identify",
    "Readiness",
    "RequestInfo",
    "create_app",
]
