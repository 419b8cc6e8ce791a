"""Whether the GPUs that there are hold what is to be on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.inference.memory.context_size import Placement, SplitMode
from cds_hooks.inference.memory.plan import OnGpus
from cds_hooks.inference.model_files.gguf import ModelFileError

__all__ = ["GpuMemory", "refuse_unless_gpus_hold"]

_MIB = 1 << 20
_LESS = (
    "Set model.gpu_layers lower, model.kv_type to q8_0, model.micro_batch or model.parallel lower, "
    "or share it among more GPUs (model.tensor_split)."
)


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """How many bytes are free on a GPU, by the name that ggml gives it."""

    name: str
    free: int


def refuse_unless_gpus_hold(
    needed: OnGpus, devices: Sequence[GpuMemory], placement: Placement, file_name: str
) -> None:
    """Raises ModelFileError gpu-memory-insufficient with the arithmetic, or gpu-split-unusable
    where shares are given to more GPUs than there are. Without any nothing is refused here."""
    if not devices:
        return
    _refuse_unless_they_are_there(devices, placement, file_name)
    for device, share in _shares(devices, placement):
        wanted = _wanted(needed, share, placement)
        if wanted > device.free:
            own = f", {_mib(int(wanted))} MiB on {device.name}"
            raise ModelFileError(
                "gpu-memory-insufficient",
                f"On GPUs {needed.explain()}{own if share < 1 else ''}; "
                f"{device.name} has {device.free // _MIB} MiB free",
                where=file_name,
                hint=_LESS,
            )


def _wanted(needed: OnGpus, share: float, placement: Placement) -> float:
    """Bytes on one GPU. With whole layers on each, every one of them that has any allocates for
    computing what a single one would (`ggml_backend_sched` has a buffer for each device)."""
    if placement.split_mode is not SplitMode.LAYER or not share:
        return needed.total * share
    return (needed.total - needed.compute) * share + needed.compute


def _refuse_unless_they_are_there(
    devices: Sequence[GpuMemory], placement: Placement, file_name: str
) -> None:
    names = ", ".join(device.name for device in devices)
    alone = placement.split_mode is SplitMode.NONE
    wanted = placement.main_gpu + 1 if alone else len(placement.tensor_split)
    if wanted > len(devices):
        key = "main_gpu" if alone else "tensor_split"
        raise ModelFileError(
            "gpu-split-unusable",
            f"model.{key} needs {wanted} GPUs, and llama.cpp sees {len(devices)} ({names})",
            where=file_name,
            hint=f"Correct model.{key}; CUDA_VISIBLE_DEVICES and the like hide GPUs.",
        )


def _shares(devices: Sequence[GpuMemory], placement: Placement) -> list[tuple[GpuMemory, float]]:
    """Which share each GPU gets: all on one, as the site says, or by free memory."""
    if placement.split_mode is SplitMode.NONE:
        return [(devices[placement.main_gpu], 1.0)]
    told = placement.tensor_split
    wanted = [*told, *[0.0] * (len(devices) - len(told))] if told else [d.free for d in devices]
    whole = sum(wanted)
    return [(d, w / whole if whole else 1.0) for d, w in zip(devices, wanted, strict=True)]


def _mib(size: int) -> int:
    return -(-size // _MIB)
