"""What can be wrong with an HTTP exchange, apart from its body."""

from __future__ import annotations

from starlette.responses import Response

from cds_hooks.errors import ChartsideError

__all__ = [
    "AnswerLate",
    "BodyTooSlow",
    "ClientGone",
    "ContentTypeRefused",
    "MethodNotAllowed",
    "NotThroughProxy",
    "OriginRefused",
    "Overloaded",
    "PageRefused",
    "PathUnknown",
    "ServiceUnknown",
    "TooManyFromPeer",
    "Unexpected",
]


class PathUnknown(ChartsideError):
    """Nothing is at this path."""

    code = "path-unknown"
    status = 404
    issue = "not-found"

    def __init__(self) -> None:
        super().__init__("nothing is at this path", hint="GET /cds-services lists what there is.")


class PageRefused(ChartsideError):
    """A page of the console that says itself why something else is not shown, and what to do."""

    code = "page-refused"
    status = 403
    issue = "forbidden"

    def __init__(self, page: Response, code: str) -> None:
        super().__init__("this page is not for you", hint="Read the page that is the answer.")
        self.page = page
        self.code = code
        self.status = page.status_code


class ServiceUnknown(ChartsideError):
    """No service has this id."""

    code = "service-unknown"
    status = 404
    issue = "not-found"

    def __init__(self) -> None:
        super().__init__("no service has this id", hint="GET /cds-services lists the services.")


class MethodNotAllowed(ChartsideError):
    """The path is right and the method is not; the Allow header says which are."""

    code = "method-not-allowed"
    status = 405
    issue = "not-supported"

    def __init__(self) -> None:
        super().__init__("this path has no such method", hint="See the Allow header.")


class BodyTooSlow(ChartsideError):
    """The body did not arrive in time."""

    code = "body-too-slow"
    status = 408
    issue = "timeout"

    def __init__(self) -> None:
        super().__init__("the body did not arrive in time", hint="Send it again.")


class ContentTypeRefused(ChartsideError):
    """Not JSON in UTF-8, or compressed."""

    code = "content-type-unsupported"
    status = 415
    issue = "not-supported"

    def __init__(self) -> None:
        super().__init__(
            "the body must be JSON in UTF-8, not compressed",
            where="the Content-Type or Content-Encoding header",
            hint="Send Content-Type: application/json.",
        )


class OriginRefused(ChartsideError):
    """A browser asks for an origin, method or header that is not on the allow-list."""

    code = "cors-refused"
    status = 400
    issue = "forbidden"

    def __init__(self) -> None:
        super().__init__(
            "this origin, method or header is not allowed",
            hint="Add the origin to the CORS setting of the service.",
        )


class NotThroughProxy(ChartsideError):
    """A call that came past the declared proxy, or to it without TLS."""

    code = "not-through-proxy"
    status = 403
    issue = "forbidden"

    def __init__(self) -> None:
        super().__init__(
            "this service is called through its proxy and over https only",
            hint="See [proxy] in the settings; the proxy has to send X-Forwarded-Proto.",
        )


class TooManyFromPeer(ChartsideError):
    """One caller has as many calls open as it may."""

    code = "too-many-requests"
    status = 429
    issue = "throttled"

    def __init__(self) -> None:
        super().__init__("this caller has too many calls open", hint="See Retry-After.")


class Overloaded(ChartsideError):
    """As many calls are open as the service takes at one time."""

    code = "overloaded"
    status = 503
    issue = "transient"

    def __init__(self) -> None:
        super().__init__("the service has too many calls open", hint="See Retry-After.")


class AnswerLate(ChartsideError):
    """No answer was made within the last bound."""

    code = "answer-late"
    status = 503
    issue = "timeout"

    def __init__(self) -> None:
        super().__init__("no answer was made in time", hint="See Retry-After.")


class ClientGone(ChartsideError):
    """The client left before its request was whole; nobody reads the answer."""

    code = "client-gone"
    status = 400
    issue = "incomplete"

    def __init__(self) -> None:
        super().__init__("the client left before its request was whole")


class Unexpected(ChartsideError):
    """A fault of ours. What it was is in our log under the request id, not in the answer."""

    code = "internal"

    def __init__(self) -> None:
        super().__init__(
            "something unexpected went wrong in the service",
            hint="Report this with the X-Request-ID header's value.",
        )
