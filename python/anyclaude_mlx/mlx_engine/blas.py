"""
Which linear algebra mlx computes with on a Linux CPU. Knows the system's libraries; nothing of mlx.

The wheel carries the reference BLAS. The system's OpenBLAS, loaded first and for everybody, answers
the same calls: a float32 product of 1,024 x 1,024 took 22 ms instead of 364 on two x86-64 cores.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import sys

log = logging.getLogger(__name__)
library = "libopenblas.so.0"
bundled = "reference"


@functools.cache
def prefer_openblas() -> str | None:
    """
    The name of what is used; None where mlx brings something better itself. The first call counts,
    and it has to come before mlx is imported.
    """
    if sys.platform != "linux":
        return None
    if "mlx.core" in sys.modules:
        return bundled
    try:
        openblas = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
        openblas.openblas_get_config.restype = ctypes.c_char_p
        version: bytes = openblas.openblas_get_config()
    except (OSError, AttributeError):
        log.info("no %s: prefill takes about three times as long as with it", library)
        return bundled
    return " ".join(version.decode("ascii", "replace").split()[:2])
