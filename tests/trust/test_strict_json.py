"""How deep JSON from outside may be nested does not depend on the Python that reads it."""

from __future__ import annotations

import pytest

from cds_hooks.trust.strict_json import NotStrictJson, read_strict


def nested(levels: int, opening: str = "[", closing: str = "]") -> bytes:
    """An object with that many levels, itself the first."""
    inside = levels - 1
    return f'{{"a":{opening * inside}{"1" if opening != "[" else ""}{closing * inside}}}'.encode()


@pytest.mark.parametrize("levels", [1, 2, 63, 64])
def test_64_levels_are_read(levels: int) -> None:
    assert "a" in read_strict(nested(levels) if levels > 1 else b'{"a":1}')
    assert "a" in read_strict(nested(levels, '{"a":', "}"))


@pytest.mark.parametrize("levels", [65, 66, 500, 2_500, 100_000])
def test_deeper_ones_are_refused(levels: int) -> None:
    for raw in (nested(levels), nested(levels, '{"a":', "}")):
        with pytest.raises(NotStrictJson):
            read_strict(raw)


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"a"', b"", b"{", b'{"a":1,"a":2}', b'{"a":NaN}'])
def test_other_documents_are_refused(raw: bytes) -> None:
    with pytest.raises(NotStrictJson):
        read_strict(raw)
