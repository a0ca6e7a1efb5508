"""The devices that torch can compute on here."""

from __future__ import annotations

import glob
import sys

from wordkit.errors import ConfigError, ResourceError
from wordkit.runtime.threads import thread_count

__all__ = ["DEVICES", "choose_device", "found_devices", "is_bf16_fast"]

DEVICES = ("auto", "cpu", "cuda", "mps")
"""The names that :func:`choose_device` knows."""

# One of these exists wherever Linux has a device that torch calls CUDA: the drivers of NVIDIA,
# of its boards with their own memory bus, of the Windows that Linux may run in, and of AMD.
_LINUX_DRIVERS = ("/dev/nvidia*", "/dev/nvhost*", "/dev/nvmap", "/dev/dxg", "/dev/kfd")


def choose_device(name: str = "auto") -> str:
    """Return the device to compute on, as torch names it: ``cpu``, ``cuda`` or ``mps``.

    Args:
        name: one of these, or ``auto``: CUDA or MPS where the machine has it, else the CPU.

    Raises:
        ConfigError: there is no device of this name.
        ResourceError: the machine has no such device, or this torch cannot use it.
    """
    if name not in DEVICES:
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, not {name!r}")
    if name == "cpu" or (name == "auto" and not _may_have_accelerator()):
        return "cpu"
    import torch  # takes seconds to load

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next((device for device, is_found in available.items() if is_found), "cpu")
    if not available[name]:
        raise ResourceError(
            f"device {name} was asked for, and torch {torch.__version__} finds none on this "
            "machine; choose auto or cpu, or install a driver and a torch that fit the device"
        )
    return name


def found_devices() -> dict[str, str]:
    """Return the devices that torch can compute on here, each with its description."""
    import torch  # takes seconds to load

    devices = {"cpu": f"{thread_count()} cores"}
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        devices["cuda"] = ", ".join(names)
    if torch.backends.mps.is_available():
        devices["mps"] = "the GPU of this Mac"
    return devices


def _may_have_accelerator() -> bool:
    """Return False only if there is no accelerator to find, so that torch need not be loaded."""
    return sys.platform != "linux" or any(glob.glob(pattern) for pattern in _LINUX_DRIVERS)


def is_bf16_fast() -> bool:
    """Return whether this processor multiplies bfloat16 faster than float32.

    AMD's that can (AVX512-BF16) multiply twice as many in a clock; Intel's do so in their matrix
    unit (AMX), and without it, as in many virtual machines, half as many.
    """
    import llvmlite.binding  # type: ignore[import-untyped]

    features, name = llvmlite.binding.get_host_cpu_features(), llvmlite.binding.get_host_cpu_name()
    is_supported = bool(features.get("avx512bf16"))
    return is_supported and (name.startswith("znver") or bool(features.get("amx-bf16")))
