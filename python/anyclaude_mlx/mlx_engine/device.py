"""What the device and the system have to give. Imports mlx."""

from __future__ import annotations

import os

import mlx.core as mx

# What mlx may keep of freed buffers: without a limit they grow until the system swaps.
kept_buffer_bytes = 1 << 30


def prepare() -> None:
    """Before a model is loaded. Weights and caches of a Mac's GPU stay where it can reach them."""
    if is_cpu():
        return
    mx.set_cache_limit(kept_buffer_bytes)
    if mx.metal.is_available():
        mx.set_wired_limit(device_bytes())


def is_cpu() -> bool:
    return bool(mx.default_device().type == mx.DeviceType.cpu)


def free_bytes() -> int:
    """Memory that a new prompt may take: what the device recommends, or what the system has."""
    return system_bytes() if is_cpu() else device_bytes() - int(mx.get_active_memory())


def device_bytes() -> int:
    """Of a GPU. Metal says what it recommends, CUDA what there is."""
    info = mx.device_info()
    recommended = info.get("max_recommended_working_set_size") or info.get("total_memory")
    return int(recommended) if recommended else system_bytes()


def system_bytes() -> int:
    """What is free now. Linux counts its file cache as used; it gives it back on demand."""
    try:
        with open("/proc/meminfo") as meminfo:
            lines = dict(line.split(":", 1) for line in meminfo)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
