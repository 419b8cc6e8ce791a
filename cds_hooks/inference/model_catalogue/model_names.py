"""Names of models in one spelling, so that headers, file names and the catalogue can be compared.

`Gemma 4 31B It`, `Gemma-4-31B-It` and `google_gemma-4-31B-it-Q4_K_M.gguf` are all
`gemma-4-31b-it`. What names the weights' format is left out; what names other weights is not: a
quantisation-aware training (`qat`) or a fine-tune stays in the name.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["file_name", "normal", "of_hex", "split_stem"]

_MOST = 200
_SEPARATORS = re.compile(r"[\s_/-]+")
# Who publishes files: it may stand before the model's own name.
_PUBLISHERS = (
    *("google", "openai", "qwen", "huggingfacetb", "unsloth", "ggml-org", "bartowski"),
    *("lmstudio-community", "mradermacher"),
)
_PUBLISHER = re.compile(rf"^(?:{'|'.join(_PUBLISHERS)})-(?=[a-z])")
# The formats that stand at the end of names: `Q4_K_M`, `UD-IQ2_XXS`, `i1-Q4_K_S`.
_KINDS = (
    r"i?q\d(?:-(?:0|1|k|s|m|l|xs|xl|xxs|xxl|nl))*",
    r"tq[12]-0",
    r"mxfp4(?:-moe)?",
    r"bf16|fp?16|fp?32|gguf",
)
_FORMAT = re.compile(rf"[-.](?:ud-|i1-)?(?:{'|'.join(_KINDS)})$")
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_CACHED = re.compile(r"-gguf_", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32,64}")


def normal(name: str) -> str:
    """A model's name in lower case with hyphens, without its publisher and its format."""
    text = _SEPARATORS.sub("-", name[:_MOST].strip().lower()).strip("-")
    while (shorter := _PUBLISHER.sub("", text)) != text:
        text = shorter
    while (shorter := _FORMAT.sub("", text)) != text:
        text = shorter
    return text


def file_name(path: Path) -> str:
    """The name that a file's name gives, or empty for a name that is a digest.

    llama.cpp's own cache puts the repository before it: `ggml-org_NAME-GGUF_NAME-Q8_0.gguf`.
    """
    stem = split_stem(path.name.removesuffix(".gguf"))
    if stem.startswith("sha256-") or of_hex(stem):
        return ""
    return normal(_CACHED.split(stem)[-1])


def split_stem(stem: str) -> str:
    """Without the number of a part (`-00001-of-00003`)."""
    return _PART.sub("", stem)


def of_hex(name: str) -> bool:
    """Whether a name is only a digest: converters take that of a cache's folder for a name."""
    return _HEX.fullmatch(name.strip().lower()) is not None
