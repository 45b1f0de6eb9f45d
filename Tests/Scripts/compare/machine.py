"""What a figure is worth nothing without: the machine, its load, and the versions of everything."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from options import PROJECT

MATRIX_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def told(*command: str) -> str:
    """The first line that a program prints; empty where it cannot be run."""
    try:
        out = subprocess.run(
            command, check=False, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return out.stdout.strip().splitlines()[0] if out.returncode == 0 and out.stdout.strip() else ""


def first(pattern: str, text: str) -> str:
    """The first group of the first match; empty without one."""
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def describe(cores: list[int]) -> dict[str, object]:
    """For the output."""
    processor = Path("/proc/cpuinfo").read_text()
    flags = first(r"^(?:flags|Features)\s*:(.*)$", processor).split()
    commit = told("git", "describe", "--always", "--dirty", "--abbrev=12")
    return {
        "processor": first(r"^model name\s*:(.*)$", processor) or platform.machine(),
        "processor_family_model_stepping": [
            first(rf"^{field}\s*:(.*)$", processor) for field in ("cpu family", "model", "stepping")
        ],
        "matrix_instructions": [flag for flag in MATRIX_FLAGS if flag in flags],
        "processors": os.cpu_count(),
        "cores_used": cores,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load_average": os.getloadavg()[0],
        "kernel": platform.release(),
        "commit": commit,
        "versions": {
            "python": platform.python_version(),
            "torch": version("torch"),
            "onednn_of_alta": told("dpkg-query", "-W", "-f=${Version}", "libdnnl-dev"),
            "swift": first(r"Swift version (\S+)", told("swift", "--version")),
            "mpi": first(r"(\d\S*)$", told("mpirun", "--version")),
        },
    }


def summary(machine: dict[str, object]) -> str:
    """Two lines for people."""
    versions = machine["versions"]
    assert isinstance(versions, dict)
    family = ", ".join(f"{name} {value}" for name, value in versions.items() if value)
    cores, instructions = machine["cores_used"], machine["matrix_instructions"]
    assert isinstance(cores, list) and isinstance(instructions, list)
    used = ",".join(map(str, cores))
    return (
        f"{machine['processor']} ({', '.join(instructions)}), cores {used} of {machine['processors']}\n"
        f"alta {machine['commit']}, {family}"
    )
