"""The process that tokenises: a model file is untrusted input to native code.

It confines itself as the engine's process does, loads the vocabulary alone, and answers JSON lines
on standard input with JSON lines on standard output until that ends.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import orjson

from cds_hooks.inference.model_files.chat_template import ChatTemplateError
from cds_hooks.inference.worker.sandbox.confinement import confine
from cds_hooks.tuning.marking import Marker, MarkingError

__all__ = ["main"]


def main() -> int:
    """Serve until the input ends; whatever else is printed goes to standard error."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    order: dict[str, Any] = orjson.loads(source.readline())
    if order["confine"] != "off":
        held = confine(order).holds
        if not held and order["confine"] == "required":
            return _tell(sink, {"error": "engine-not-confined"})
    from cds_hooks.inference.worker.bindings import native

    native.silence()
    try:
        marker = Marker.of(native.NativeModel(order["model"], vocabulary_alone=True), order)
    except (native.NativeError, ChatTemplateError, MarkingError) as error:
        return _tell(sink, {"error": error.code})
    _tell(sink, {"ready": True, "thinks": marker.thinks})
    for line in source:
        _tell(sink, _answer(marker, orjson.loads(line)))
    return 0


def _answer(marker: Marker, asked: dict[str, Any]) -> dict[str, Any]:
    if "count" in asked:
        return {"counts": [len(ids) for ids in marker.tokenizer.contents(asked["count"])]}
    try:
        ids, labels = marker.mark(asked["messages"], asked["answer"], asked["trace"])
    except (ChatTemplateError, MarkingError) as error:
        return {"error": error.code}
    return {"input_ids": ids, "labels": labels}


def _tell(sink: Any, document: dict[str, Any]) -> int:
    sink.write(orjson.dumps(document) + b"\n")
    sink.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
