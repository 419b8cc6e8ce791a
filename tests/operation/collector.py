"""A collector of the tests: it keeps what it is sent, as bytes and as what they mean."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["CollectorOfTests"]


class CollectorOfTests:
    """`status` is what it answers, `delay_s` after how long."""

    def __init__(self, status: int = 200, delay_s: float = 0.0) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        self.headers: list[str] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.bodies.append((self.path, body))
                collector.headers.append(str(self.headers))
                time.sleep(delay_s)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def spans(self) -> list[Any]:
        """Every span that came."""
        found: list[Any] = []
        for path, body in list(self.bodies):
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    @property
    def metrics(self) -> dict[str, Any]:
        """Every metric of the last set, by name."""
        last = [body for path, body in self.bodies if path == "/v1/metrics"][-1]
        [resource] = ExportMetricsServiceRequest.FromString(last).resource_metrics
        return {each.name: each for scope in resource.scope_metrics for each in scope.metrics}


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a span or of a point."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}
