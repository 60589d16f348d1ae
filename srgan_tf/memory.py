"""How much memory can still be taken."""

import contextlib
import math
from pathlib import Path

LIMITS = (("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
          ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"))


def available_memory() -> float:
    """Bytes that can still be taken of the machine, and of this container's limit; infinite where that is not said."""
    found = [math.inf]
    with contextlib.suppress(OSError, KeyError):
        fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        found.append(1024 * int(fields["MemAvailable"].split()[0]))
    for limit, used in LIMITS:
        with contextlib.suppress(OSError, ValueError):  # there is no such file, or it says "max"
            found.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
    return min(found)
