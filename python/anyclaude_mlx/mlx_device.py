"""What the device and the system have to give. Imports mlx."""

from __future__ import annotations

import os

import mlx.core as mx


def free_bytes() -> int:
    """Memory that a new prompt may take: what the device recommends, or what the system has."""
    if mx.default_device().type == mx.DeviceType.cpu:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") + _reclaimable_bytes()
    recommended = int(mx.device_info()["max_recommended_working_set_size"])
    return recommended - mx.get_active_memory()


def _reclaimable_bytes() -> int:
    """Linux counts its file cache as used; it gives it back on demand."""
    try:
        with open("/proc/meminfo") as meminfo:
            lines = dict(line.split(":", 1) for line in meminfo)
        return (int(lines["MemAvailable"].split()[0]) - int(lines["MemFree"].split()[0])) * 1024
    except (OSError, KeyError):
        return 0
