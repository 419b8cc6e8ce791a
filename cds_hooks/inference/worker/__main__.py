"""Process set-up: nothing but frames on the pipe, and no life after the parent's."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from cds_hooks.inference.worker.bindings.unusable_library import unusable
from cds_hooks.inference.worker.file_digests import start_hashing
from cds_hooks.inference.worker.heartbeat import start_heartbeat
from cds_hooks.inference.worker.inbox import Inbox
from cds_hooks.inference.worker.outbox import Outbox
from cds_hooks.inference.worker.sandbox.confinement import NOT_CONFINED, confine

_PR_SET_PDEATHSIG = 1


def _report(kind: type[BaseException], _error: BaseException, trace: TracebackType | None) -> None:
    """A traceback without the exception's text, which might quote a chart."""
    lines = "".join(traceback.format_tb(trace))
    sys.stderr.write(f"{lines}{kind.__name__}\n")


def _die_with_parent(parent: int) -> None:
    """Linux ends this process when its parent ends; elsewhere the closed pipe does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _confined(order: Mapping[str, Any], outbox: Outbox) -> Mapping[str, str] | None:
    """What holds of the confinement; None when it is required and does not hold."""
    if order.get("confine", "off") == "off":
        return {"confined": "off"}
    done = confine(order)
    if done.holds or order["confine"] != "required":
        return {"confined": "yes" if done.holds else "partly", **done.facts()}
    still = ", ".join(name for name, result in done.tried.items() if result != "refused")
    frame = {
        "op": "state",
        "status": "failed",
        "code": NOT_CONFINED,
        "message": f"The engine process cannot be confined here (open: {still})",
        "where": "egress.confine_engine",
        "hint": "It needs Linux with Landlock and seccomp (docs/reviewers/confinement.md).",
    }
    outbox.send(frame)
    return None


def main() -> int:
    """Serve frames between descriptors 0 and 1; what else is printed goes to standard error."""
    _die_with_parent(int(sys.argv[1]))
    # Ctrl-C and systemd signal the whole group: the service ends this process, by its pipe.
    for sent in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sent, signal.SIG_IGN)
    sys.excepthook = _report
    faulthandler.enable()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)

    inbox, outbox = Inbox(source), Outbox(sink)
    order = inbox.first()
    # While there is one thread: Landlock binds the thread that asks and those that it begins.
    told = _confined(order, outbox)
    if told is None:
        return 0
    inbox.open()
    start_heartbeat(outbox.send, float(order["pulse_s"]))
    digests = start_hashing(order)

    # Only now: the descriptors are safe, and the files are hashed while the libraries load.
    try:
        import llama_cpp  # noqa: F401 - here alone its errors are about the library
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        # No libllama, one that cannot be loaded, one without a symbol.
        outbox.send(unusable(error))
        return 0
    from cds_hooks.inference.worker.bindings import native
    from cds_hooks.inference.worker.service import Service

    native.silence()
    return Service(inbox, outbox, confined=told).run(order, digests)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)
