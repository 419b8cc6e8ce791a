"""Tiny GGUF files with random weights and the real architecture, tokenizer kind and markers.

Which keys and tensors a family needs is read off llama.cpp's loaders (`src/models/*.cpp`); the chat
templates are our own and short, with the family's real markers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cds_hooks.inference.model_files.gguf import Header, Tensor, read_header

__all__ = ["FAMILIES", "byte_letters", "split", "write", "write_adapter"]

EMBD, HEADS, KV_HEADS, HEAD, FF, EXPERTS = 64, 4, 2, 16, 96, 4
NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6
Value = bool | int | float | str | list[Any]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Family:
    """An architecture: its own metadata, tensors, tokenizer, markers and chat template."""

    architecture: str
    tokenizer: str
    pre: str
    markers: tuple[str, ...]
    template: str
    end: str
    layers: int
    metadata: dict[str, Value] = field(default_factory=dict)


_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n<think>\n"
)
_GEMMA3 = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('none') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}<start_of_turn>model\n"
)
_GEMMA4 = (
    "{{ bos_token }}{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}<turn|>\n"
    "{% endfor %}<|turn>model\n"
)
_HARMONY = (
    "<|start|>system<|message|>Today is {{ strftime_now('%Y-%m-%d') }}.<|end|>"
    "{% for m in messages %}<|start|>{{ 'developer' if m.role == 'system' else m.role }}"
    "<|message|>{{ m.content }}<|end|>"
    "{% endfor %}<|start|>assistant"
)
_LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n"
)
_SSM = {
    "full_attention_interval": 4,
    "ssm.conv_kernel": 4,
    "ssm.inner_size": 4 * 32,
    "ssm.state_size": 32,
    "ssm.time_step_rank": 4,
    "ssm.group_count": 2,
    "rope.dimension_sections": [2, 1, 1, 0],
    "rope.dimension_count": 8,
}
_MIXTURE = {"expert_count": EXPERTS, "expert_used_count": 2, "expert_feed_forward_length": 32}
_QWEN = ("<|im_start|>", "<|im_end|>")

FAMILIES = {
    "llama": Family(
        "llama", "gpt2", "llama-bpe",
        ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        _LLAMA, "<|eot_id|>", 2, {"rope.dimension_count": HEAD},
    ),
    "gemma3": Family(
        "gemma3", "llama", "default", ("<start_of_turn>", "<end_of_turn>"), _GEMMA3,
        "<end_of_turn>", 6,
        {
            "attention.sliding_window": 32, "attention.key_length": HEAD,
            "attention.value_length": HEAD,
        },
    ),
    "gemma4": Family(
        "gemma4", "gemma4", "gemma4",
        ("<bos>", "<eos>", "<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|think|>"),
        _GEMMA4, "<turn|>", 4,
        {
            "attention.sliding_window": 32,
            "attention.sliding_window_pattern": [True, True, True, False],
            "attention.key_length": HEAD, "attention.value_length": HEAD,
            "attention.key_length_swa": HEAD, "attention.value_length_swa": HEAD,
            "rope.dimension_count": HEAD, "rope.dimension_count_swa": HEAD,
            "embedding_length_per_layer_input": 0, "final_logit_softcapping": 30.0,
        },
    ),
    "qwen35": Family(
        "qwen35", "gpt2", "qwen35", _QWEN, _CHATML, "<|im_end|>", 4,
        {"attention.key_length": HEAD, "attention.value_length": HEAD, **_SSM},
    ),
    "qwen35moe": Family(
        "qwen35moe", "gpt2", "qwen35", _QWEN, _CHATML, "<|im_end|>", 4,
        {
            "attention.key_length": HEAD, "attention.value_length": HEAD, **_SSM, **_MIXTURE,
            "expert_shared_feed_forward_length": 32,
        },
    ),
    "gpt-oss": Family(
        "gpt-oss", "gpt2", "gpt-4o",
        ("<|start|>", "<|message|>", "<|end|>", "<|channel|>", "<|return|>"), _HARMONY,
        "<|return|>", 4,
        {
            "attention.sliding_window": 32, "attention.key_length": HEAD,
            "attention.value_length": HEAD, "rope.dimension_count": HEAD, **_MIXTURE,
        },
    ),
}  # fmt: skip


def write(
    name: str,
    path: Path,
    seed: int = 0,
    template: str = "",
    context: int = 8192,
    says: dict[str, Value | None] | None = None,
    more: Shapes | None = None,
    words: Sequence[str] = (),
) -> None:
    """Write a tiny model of a family; the same seed writes the same bytes.

    `says` is further metadata, where None leaves a key out; `more` are further tensors; `words` are
    further tokens of text: those that the family has already are passed over.
    """
    family = FAMILIES[name]
    family = replace(family, template=template or family.template)
    tokens, types = _vocabulary(family)
    known = set(tokens)
    added = [token for token in dict.fromkeys(words) if token not in known]
    tokens, types = tokens + added, types + [NORMAL] * len(added)
    tensors = {"token_embd.weight": (EMBD, len(tokens)), "output_norm.weight": (EMBD,)}
    if name == "gpt-oss":
        tensors["output.weight"] = (EMBD, len(tokens))
    if name == "gemma4":
        tensors["rope_freqs.weight"] = (HEAD // 2,)
    for layer in range(family.layers):
        for part, shape in _layer(name, layer).items():
            tensors[f"blk.{layer}.{part}"] = shape
    metadata = _metadata(family, tokens, types)
    metadata[f"{family.architecture}.context_length"] = context
    told = {key: value for key, value in {**metadata, **(says or {})}.items() if value is not None}
    path.write_bytes(_gguf(told, {**tensors, **(more or {})}, np.random.default_rng(seed)))


def split(whole: Path, stem: str, count: int, *, without_tensors: bool = False) -> list[Path]:
    """Write a model again in `count` parts beside it, as llama-gguf-split does.

    The first part has all metadata, and `without_tensors` nothing else.
    """
    raw, header = whole.read_bytes(), read_header(whole)
    share = -(-len(header.tensors) // (count - without_tensors))
    groups = [header.tensors[at : at + share] for at in range(0, len(header.tensors), share)]
    groups = [(), *groups] if without_tensors else groups
    paths = []
    for number, group in enumerate(groups):
        places = {
            "split.no": (2, struct.pack("<H", number)),
            "split.count": (2, struct.pack("<H", count)),
            "split.tensors.count": (5, struct.pack("<i", len(header.tensors))),
        }
        entries = _raw_metadata(raw) if number == 0 else []
        entries += [_string(key) + struct.pack("<I", k) + v for key, (k, v) in places.items()]
        paths.append(whole.with_name(f"{stem}-{number + 1:05}-of-{count:05}.gguf"))
        paths[-1].write_bytes(_part(raw, header, entries, group))
    assert len(paths) == count
    return paths


def _part(raw: bytes, header: Header, entries: list[bytes], group: tuple[Tensor, ...]) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(group), len(entries)) + b"".join(entries)
    data = b""
    for tensor in group:
        shape = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
        head += _string(tensor.name) + shape + struct.pack("<IQ", tensor.kind, len(data))
        start = header.data_start + tensor.offset
        piece = raw[start : start + tensor.size]
        data += piece + b"\0" * (-len(piece) % 32)
    return head + b"\0" * (-len(head) % 32) + data


def _raw_metadata(raw: bytes) -> list[bytes]:
    """Each entry of a file's metadata as its bytes."""
    (count,) = struct.unpack("<Q", raw[16:24])
    entries, at = [], 24
    for _ in range(count):
        begin, (length,) = at, struct.unpack_from("<Q", raw, at)
        at += 8 + length
        (kind,) = struct.unpack_from("<I", raw, at)
        at = _behind(raw, at + 4, kind)
        entries.append(raw[begin:at])
    return entries


def _behind(raw: bytes, at: int, kind: int) -> int:
    """Where a value of a type ends."""
    if kind == 8:
        return at + 8 + int(struct.unpack_from("<Q", raw, at)[0])
    if kind != 9:
        return at + {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}[kind]
    inner, length = struct.unpack_from("<IQ", raw, at)
    at += 12
    for _ in range(length):
        at = _behind(raw, at, inner)
    return at


def write_adapter(
    path: Path, *, architecture: str = "llama", kind: str = "lora", rank: int = 2, wide: int = EMBD
) -> None:
    """Write a LoRA adapter of the tiny llama that changes what it says beyond recognition."""
    tensors: Shapes = {}
    for layer in range(FAMILIES["llama"].layers):
        for part, (inner, outer) in {"ffn_down": (FF, wide), "ffn_up": (wide, FF)}.items():
            tensors[f"blk.{layer}.{part}.weight.lora_a"] = (inner, rank)
            tensors[f"blk.{layer}.{part}.weight.lora_b"] = (rank, outer)
    metadata: dict[str, Value] = {
        "general.type": "adapter",
        "adapter.type": kind,
        "adapter.lora.alpha": 8.0 * rank,
        "general.architecture": architecture,
    }
    path.write_bytes(_gguf(metadata, tensors, np.random.default_rng(1)))


def _metadata(family: Family, tokens: list[str], types: list[int]) -> dict[str, Value]:
    arch = family.architecture
    own: dict[str, Value] = {
        "embedding_length": EMBD,
        "block_count": family.layers,
        "feed_forward_length": FF,
        "attention.head_count": HEADS,
        "attention.head_count_kv": KV_HEADS,
        "attention.layer_norm_rms_epsilon": 1e-6,
        "rope.freq_base": 10000.0,
        **family.metadata,
    }
    first = family.markers[0] if family.tokenizer != "llama" else "<bos>"
    return {
        "general.architecture": arch,
        **{f"{arch}.{key}": value for key, value in own.items()},
        "tokenizer.ggml.model": family.tokenizer,
        "tokenizer.ggml.pre": family.pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.scores": [-float(number) for number in range(len(tokens))],
        "tokenizer.ggml.merges": ["a n", "i n"] if family.tokenizer != "llama" else ["a n"],
        "tokenizer.ggml.bos_token_id": tokens.index(first),
        "tokenizer.ggml.eos_token_id": tokens.index(family.end),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.chat_template": family.template,
    }


def _vocabulary(family: Family) -> tuple[list[str], list[int]]:
    """Bytes (in the kind's own spelling), a few pairs, and the family's markers."""
    marked = [(marker, CONTROL) for marker in family.markers]
    if family.tokenizer == "gpt2":
        bytes_ = [(letter, NORMAL) for letter in byte_letters()]
        extra = [("an", NORMAL), ("in", NORMAL), ("<think>", USER), ("</think>", USER)]
    else:
        letters = [*map(chr, range(33, 127)), "\u2581", "\n", "an", "in"]
        bytes_ = [(f"<0x{value:02X}>", BYTE) for value in range(256)]
        extra = [(letter, NORMAL) for letter in letters]
    head = []
    if family.tokenizer == "llama":
        head = [("<pad>", CONTROL), ("<eos>", CONTROL), ("<bos>", CONTROL), ("<unk>", UNKNOWN)]
    everything = [*head, *bytes_, *extra, *marked]
    return [text for text, _ in everything], [kind for _, kind in everything]


def byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(value) if value in plain else chr(next(others)) for value in range(256)]


def _layer(name: str, layer: int) -> Shapes:
    shapes: Shapes = {"attn_norm.weight": (EMBD,)}
    recurrent = name.startswith("qwen35") and (layer + 1) % 4
    shapes |= _recurrent() if recurrent else _attention(name)
    if name == "llama":
        shapes["ffn_norm.weight"] = (EMBD,)
    else:
        shapes["post_attention_norm.weight"] = (EMBD,)
    if name.startswith("gemma"):
        shapes |= {"ffn_norm.weight": (EMBD,), "post_ffw_norm.weight": (EMBD,)}
    return shapes | _feed_forward(name)


def _attention(name: str) -> Shapes:
    gated = 2 if name.startswith("qwen35") else 1
    shapes: Shapes = {
        "attn_q.weight": (EMBD, gated * HEADS * HEAD),
        "attn_k.weight": (EMBD, KV_HEADS * HEAD),
        "attn_v.weight": (EMBD, KV_HEADS * HEAD),
        "attn_output.weight": (HEADS * HEAD, EMBD),
    }
    if name == "gpt-oss":
        return shapes | {"attn_sinks.weight": (HEADS,), "attn_output.bias": (EMBD,)}
    if name != "llama":
        shapes |= {"attn_q_norm.weight": (HEAD,), "attn_k_norm.weight": (HEAD,)}
    return shapes


def _recurrent() -> Shapes:
    key, value = 2 * 32, 4 * 32
    return {
        "attn_qkv.weight": (EMBD, 2 * key + value),
        "attn_gate.weight": (EMBD, value),
        "ssm_conv1d.weight": (4, 2 * key + value),
        "ssm_dt.bias": (4,),
        "ssm_a": (4,),
        "ssm_beta.weight": (EMBD, 4),
        "ssm_alpha.weight": (EMBD, 4),
        "ssm_norm.weight": (32,),
        "ssm_out.weight": (value, EMBD),
    }


def _feed_forward(name: str) -> Shapes:
    if name not in ("qwen35moe", "gpt-oss"):
        return {
            "ffn_gate.weight": (EMBD, FF),
            "ffn_up.weight": (EMBD, FF),
            "ffn_down.weight": (FF, EMBD),
        }
    shapes: Shapes = {
        "ffn_gate_inp.weight": (EMBD, EXPERTS),
        "ffn_gate_exps.weight": (EMBD, 32, EXPERTS),
        "ffn_up_exps.weight": (EMBD, 32, EXPERTS),
        "ffn_down_exps.weight": (32, EMBD, EXPERTS),
    }
    if name == "gpt-oss":
        return shapes | {
            "ffn_gate_inp.bias": (EXPERTS,),
            "ffn_gate_exps.bias": (32, EXPERTS),
            "ffn_up_exps.bias": (32, EXPERTS),
            "ffn_down_exps.bias": (EMBD, EXPERTS),
        }
    return shapes | {
        "ffn_gate_inp_shexp.weight": (EMBD,),
        "ffn_gate_shexp.weight": (EMBD, 32),
        "ffn_up_shexp.weight": (EMBD, 32),
        "ffn_down_shexp.weight": (32, EMBD),
    }


def _gguf(metadata: dict[str, Value], tensors: Shapes, random: np.random.Generator) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(_string(key) + _typed(value) for key, value in metadata.items())
    data = b""
    for name, shape in tensors.items():
        head += (
            _string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        )
        head += struct.pack("<IQ", 0, len(data))
        raw = _weights(name, shape, random).tobytes()
        data += raw + b"\0" * (-len(raw) % 32)
    return head + b"\0" * (-len(head) % 32) + data


def _weights(name: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    if "norm" in name or name.startswith("rope"):
        return np.ones(shape[::-1], np.float32)
    if name.endswith("ssm_a"):
        return -np.ones(shape[::-1], np.float32)
    return random.normal(0, 0.4 if name == "token_embd.weight" else 0.1, shape[::-1]).astype(
        np.float32
    )


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _typed(value: Value) -> bytes:
    kind, raw = next(_encoded(value))
    return struct.pack("<I", kind) + raw


def _encoded(value: Value) -> Iterator[tuple[int, bytes]]:
    if isinstance(value, bool):
        yield 7, struct.pack("<?", value)
    elif isinstance(value, int):
        yield (5 if value < 0 else 4), struct.pack("<i" if value < 0 else "<I", value)
    elif isinstance(value, float):
        yield 6, struct.pack("<f", value)
    elif isinstance(value, str):
        yield 8, _string(value)
    else:
        items = [next(_encoded(item)) for item in value]
        kind = 5 if items[0][0] == 4 else items[0][0]  # arrays of integers are signed
        yield 9, struct.pack("<IQ", kind, len(items)) + b"".join(raw for _, raw in items)
