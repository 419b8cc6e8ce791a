"""What is told of an engine process that died: kinds and places, never what it was reading."""

from __future__ import annotations

from cds_hooks.inference.local.process import safe_traceback

LINES = [
    "Traceback (most recent call last):",
    '  File "/opt/x/cds_hooks/inference/worker/service.py", line 120, in _work',
    "    raise ValueError(prompt)",
    "ValueError: Mrs Smith, potassium 6.1",
]


def test_a_traceback_is_told_without_its_text() -> None:
    assert safe_traceback(LINES) == "service.py:120 ValueError"


def test_anything_else_is_not_told_at_all() -> None:
    assert safe_traceback(["Mrs Smith, potassium 6.1", ""]) == "it left no traceback"


def test_of_a_check_of_llama_cpp_the_place_is_told_and_not_the_condition() -> None:
    line = "/tmp/build/ggml/src/ggml-cpu/ops.cpp:4321: GGML_ASSERT(ne00 == n_tokens) failed"
    assert safe_traceback([line]) == "ops.cpp:4321"


def test_of_all_threads_the_one_at_fault_is_told() -> None:
    lines = [
        "Fatal Python error: Segmentation fault",
        "",
        "Thread 0x00007f1 (most recent call first):",
        '  File "/usr/lib/python3.11/threading.py", line 1002 in _bootstrap',
        "",
        "Current thread 0x00007f2 (most recent call first):",
        '  File "/opt/x/cds_hooks/inference/worker/first_decode.py", line 25 in prove',
        '  File "/opt/x/cds_hooks/inference/worker/loading.py", line 136 in load',
        "",
        "Thread 0x00007f3 (most recent call first):",
        '  File "/opt/x/cds_hooks/inference/worker/inbox.py", line 51 in _read',
    ]
    assert safe_traceback(lines) == "first_decode.py:25 loading.py:136"
