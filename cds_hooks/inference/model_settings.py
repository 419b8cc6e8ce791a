"""Settings of the models that are asked: files on this machine, model servers, a panel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cds_hooks.section import Digest, Section, Unset

__all__ = [
    "AdapterSettings",
    "ModelFileSettings",
    "ModelServerSettings",
    "ModelSettings",
    "PanelSettings",
]

_Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Value = str | bool | int | float
_Url = Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")]


class AdapterSettings(Section):
    """A LoRA adapter of a model."""

    path: Path = Field(description="The adapter's GGUF file.")
    scale: float = Field(1.0, ge=0, le=4, description="How strongly it counts; 1: as trained.")
    sha256: Digest = Field("", description="Its digest; a file with another is refused.")


class ModelFileSettings(Section):
    """A further model that runs on this machine."""

    path: Path = Field(description="The GGUF file.")
    sha256: Digest = Field("", description="Its digest; a file with another is refused.")
    adapters: tuple[AdapterSettings, ...] = Field((), description="LoRA adapters of it.")


class ModelServerSettings(Section):
    """The model on servers inside the network instead (docs/operators/beyond-one-machine.md)."""

    bases: tuple[_Url, ...] = Field(
        (),
        description="Base URLs of OpenAI-compatible servers inside the network that all serve one "
        "model. With any, the model is asked there and [model] is not loaded.",
    )
    model: str = Field("", description="The id under which they serve it.")
    name: str = Field("", description="What records and cards call it; empty: its id.")
    sha256: Digest = Field("", description="Digest of its files, as you verified them.")
    licence: str = Field("", description="Its licence.")
    demonstration: bool = Field(False, description="Whether cards must call it a demonstration.")
    key_file: Annotated[Path | None, Unset] = Field(None, description="File with the bearer key.")
    authority: Annotated[Path | None, Unset] = Field(
        None, description="Certificate authority (PEM); unset: the system's."
    )
    certificate: Annotated[Path | None, Unset] = Field(
        None, description="Our certificate for servers that ask for one (PEM)."
    )
    certificate_key: Annotated[Path | None, Unset] = Field(None, description="Its private key.")
    thinking_tokens: int = Field(
        0, ge=0, description="Tokens a reasoning model may think, on top of the answer's."
    )
    in_flight: int = Field(16, gt=0, description="Requests at one time, for each server.")
    extra: Mapping[str, _Value | Mapping[str, _Value]] = Field(
        {},
        description="Further sampling and template fields of a request (`top_p`, `min_p`, "
        "`chat_template_kwargs` ...).",
    )

    @model_validator(mode="after")
    def _servers_serve_a_model(self) -> Self:
        if self.bases and not self.model:
            raise ValueError("model must be the id under which the servers serve it")
        if (self.certificate is None) != (self.certificate_key is None):
            raise ValueError("certificate and certificate_key belong together")
        return self


class PanelSettings(Section):
    """Further models that are asked about each chart; what they agree on weighs more."""

    asked: Literal["in-turn", "at-once", "one-in-memory"] = Field(
        "in-turn", description="How the models share the machine; `one-in-memory` loads in turn."
    )
    files: tuple[ModelFileSettings, ...] = Field(
        (), description="More models to ask about each chart: tables of `path`, `sha256`."
    )
    servers: tuple[ModelServerSettings, ...] = Field(
        (), description="More models on servers: tables as [model_server]."
    )
    calibration: Annotated[Path | None, Unset] = Field(
        None, description="Thresholds of agreement from the site's own cases (TOML)."
    )


class ModelSettings(Section):
    """The model on this machine (docs/operators/models.md)."""

    path: Path = Field(
        Path("build/models/SmolLM2-135M-Instruct.Q8_0.gguf"), description="The GGUF file."
    )
    sha256: Digest = Field("", description="Its digest; a file with another is refused.")
    adapters: tuple[AdapterSettings, ...] = Field(
        (), description="LoRA adapters of it: tables of `path`, `scale`, `sha256`."
    )
    chat_template: Annotated[Path | None, Unset] = Field(
        None, description="A chat template (Jinja) instead of the one that the file brings."
    )
    catalogue: Annotated[Path | None, Unset] = Field(
        None, description="The site's own model catalogue."
    )
    names: Annotated[Path | None, Unset] = Field(
        Path("build/names.txt"), description="Disease names that decoding may follow."
    )
    names_by_construction: Annotated[bool | None, Unset] = Field(
        None, description="Whether diagnoses are written along those names; unset: demo models."
    )
    cache: Annotated[Path | None, Unset] = Field(
        Path("build/cache"), description="Folder of what can be computed again."
    )
    portable_library: Annotated[Path | None, Unset] = Field(
        Path("build/llama-portable/lib"),
        description="Folder of a libllama built for any processor, tried last when the installed "
        "one dies while it loads; ignored where there is no such folder.",
    )
    threads: int = Field(0, ge=0, description="Threads; 0: one a core.")
    prompt_threads: int = Field(0, ge=0, description="Threads for prompts; 0: as `threads`.")
    gpu_layers: int = Field(0, ge=-1, description="Layers on the GPU; -1: all.")
    split_mode: Literal["layer", "row", "none"] = Field(
        "layer",
        description="How several GPUs share the model: whole layers, rows of each tensor, or all "
        "on `main_gpu`.",
    )
    tensor_split: tuple[_Share, ...] = Field(
        (), description="Shares of the GPUs, in their order (`[3, 1]`); empty: by free memory."
    )
    main_gpu: int = Field(0, ge=0, description="The GPU that holds all of it with `none`.")
    batch: int = Field(256, ge=32, description="Tokens a batch, of all requests together.")
    micro_batch: int = Field(
        0, ge=0, description="Tokens computed at once; 0: a batch. Fewer need less memory."
    )
    kv_type: Literal["f16", "q8_0"] = Field(
        "f16",
        description="Type of the KV cache; `q8_0` takes half the memory and turns flash attention "
        "on.",
    )
    swa: Literal["full", "windowed"] = Field(
        "full",
        description="Cache of layers with a sliding window: whole, or what the window sees: less "
        "memory, but a prompt is reused only whole.",
    )
    flash_attention: Literal["measured", "on", "off"] = Field(
        "measured", description="Attention in one piece; `measured`: what is faster here."
    )
    tune: Literal["at-load", "off"] = Field(
        "at-load",
        description="Whether flash attention and threads that are not set are measured at the "
        "first load of a model, and the choice kept in `model.cache`.",
    )
    extra_buffers: Literal["measured", "on", "off"] = Field(
        "measured", description="Weights repacked for this processor; `measured`: so far as `on`."
    )
    load_s: float = Field(
        3600.0,
        gt=0,
        description="Seconds that a load may take in all: a file of 60 GB on a disk of 100 MB/s "
        "needs 600, and 600 more to be hashed.",
    )
    load_silence_s: float = Field(
        300.0,
        gt=0,
        description="Seconds that a process that loads may use no processor time: a disk or "
        "network drive may keep it waiting.",
    )
    queue: int = Field(16, ge=0, description="Requests that may wait.")
    parallel: int = Field(2, gt=0, description="Requests that run at one time.")
    temperature: Annotated[Annotated[float, Field(ge=0, le=2)] | None, Unset] = Field(
        None, description="Of the sampling, 0 to 2; unset: the catalogue's."
    )
    seed: int = Field(0, ge=0, description="Seed of the samples.")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.kv_type != "f16" and self.flash_attention == "off":
            raise ValueError('kv_type q8_0 needs flash attention: set flash_attention = "on"')
        if self.micro_batch > self.batch:
            raise ValueError("micro_batch must not be larger than batch")
        if self.tensor_split and not sum(self.tensor_split):
            raise ValueError("tensor_split must give at least one GPU a share")
        if self.tensor_split and not self.gpu_layers:
            raise ValueError("tensor_split shares out what gpu_layers puts on GPUs, which is 0")
        if self.load_silence_s > self.load_s:
            raise ValueError("load_silence_s must not be longer than load_s")
        return self
