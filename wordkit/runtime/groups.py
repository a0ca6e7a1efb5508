"""Linux control groups, which bound what a container may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["group_folders", "read_text"]

_GROUPS_OF_PROCESS = Path("/proc/self/cgroup")
_FILES_OF_GROUPS = Path("/sys/fs/cgroup")


def group_folders(controller: str) -> Iterator[tuple[int, Path]]:
    """Yield version and folder of the control groups around this process, up to the outermost.

    Args:
        controller: ``memory`` or ``cpu``.
    """
    for line in (read_text(_GROUPS_OF_PROCESS) or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        version, roots = (1, (controller, controllers)) if controllers else (2, ("", "unified"))
        inside = Path(path.lstrip("/"))
        for root in dict.fromkeys(roots):
            for group in (inside, *inside.parents) if ".." not in inside.parts else (Path(),):
                yield version, _FILES_OF_GROUPS / root / group


def read_text(path: Path) -> str | None:
    """Return the text of a file of the system; None where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # not Linux, or no such controller
        return None
