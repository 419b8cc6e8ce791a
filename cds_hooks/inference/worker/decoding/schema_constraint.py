"""A JSON schema as token masks (llguidance), with places that only a terminology name may fill.

A string position marked `x-chartside-names` becomes a constant of one private-use character. When
the grammar forces that character, a name is written instead (`name_search.py`), and the grammar
goes on behind it. Length caps are left out of the grammar: see `answer_parser.py` for where they
hold.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import llama_cpp as lib
import orjson
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from cds_hooks.inference.worker.bindings.native import NativeModel

__all__ = ["NAME", "CompiledSchema", "SchemaCompiler", "SchemaError"]

NAME = "\ue000"
_MARK = "x-chartside-names"
_LARGEST_LIST = 64
_DEFAULT_STRING = 240
_KEPT = 32


class SchemaError(Exception):
    """The schema cannot constrain decoding; nothing is decoded without it."""

    code = "schema-not-compiled"


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema ready to constrain; `longest` is how long a free string may get, in characters."""

    matcher: LLMatcher
    names: bool
    longest: int

    def start(self) -> LLMatcher:
        """A matcher at the start of the answer."""
        return self.matcher.deep_copy()


class SchemaCompiler:
    """Compiles schemas for one model and keeps the last ones."""

    def __init__(self, model: NativeModel) -> None:
        self.tokenizer = _tokenizer(model)
        self._kept: OrderedDict[bytes, CompiledSchema] = OrderedDict()

    def compile(self, schema: Mapping[str, Any], *, names: bool) -> CompiledSchema:
        """Raises SchemaError when llguidance cannot take the schema as it is."""
        key = orjson.dumps([schema, names])
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            self._kept[key] = self._compiled(schema, names)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _compiled(self, schema: Mapping[str, Any], names: bool) -> CompiledSchema:
        caps: list[int] = []
        plain = _plain(schema, names, caps)
        try:
            grammar = LLMatcher.grammar_from_json_schema(
                orjson.dumps(plain).decode(), defaults={"whitespace_flexible": False}
            )
        except ValueError:
            raise SchemaError("the schema is not a JSON schema") from None
        limits = LLParserLimits(verbose_errors=False)
        matcher = LLMatcher(self.tokenizer, grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise SchemaError("llguidance cannot compile the schema")
        has_names = NAME in orjson.dumps(plain).decode()
        return CompiledSchema(matcher, has_names, max(caps, default=_DEFAULT_STRING))


def _tokenizer(model: NativeModel) -> LLTokenizer:
    """llguidance's view of the vocabulary, as `llguidance.llamacpp` makes it, from known pieces.

    A leading 0xff marks what is not text, so that no string of an answer can hold it.
    """
    tokenize = ctypes.cast(lib.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value
    return LLTokenizer.from_llamacpp(
        tokens=[
            b"\xff" + piece if token in model.control else piece
            for token, piece in enumerate(model.pieces)
        ],
        vocab_ptr=model.vocab,
        tokenize_fptr=tokenize,
        eos_token=lib.llama_vocab_eos(model.vocab),
        slices=None,
    )


def _plain(node: Any, names: bool, caps: list[int]) -> Any:
    """The schema with names as constants and without length caps, which go to `caps`."""
    if isinstance(node, list):
        return [_plain(item, names, caps) for item in node]
    if not isinstance(node, Mapping):
        return node
    if names and node.get(_MARK) is True:
        return {"const": NAME}
    kept = {}
    for key, value in node.items():
        if key == "maxLength" and isinstance(value, int):
            caps.append(value)
        elif key == _MARK or (key == "maxItems" and value > _LARGEST_LIST):
            continue
        else:
            kept[key] = _plain(value, names, caps)
    return kept
