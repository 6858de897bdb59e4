"""What a sandboxed program may use, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

# What can be contained, in the words of `Result.contained` and `Result.not_contained`.
ASPECTS = {
    "time": "CPU time of a process and the time of the whole",
    "memory": "address space of a process; the memory of all of them is watched",
    "num_processes": "processes and threads at once",
    "file_size": "size of one file, number of open files, no core dumps",
    "disk": "all that the program stores",
    "environment": "no environment variables, open files or terminal of the caller",
    "network": "no sockets and no network interfaces",
    "files_read": "reads nothing but Python, system libraries and its own folder",
    "files_write": "writes nothing but its own folder",
    "metadata": "does not see or change names, modes and times of files elsewhere",
    "processes": "neither sees nor signals processes that are not its own",
    "detached": "a process that detaches itself dies with the rest",
    "privileges": "no capabilities, no gain of privileges",
    "system_calls": "no tracing, mounting, namespaces, kernel keys, io_uring, bpf",
}


@dataclass(frozen=True)
class Limits:
    """Bounds on one run; the whole program is killed when it passes one.

    Units: `_s` seconds, `_bytes` bytes. `memory_bytes` bounds the address space of each process and the memory of all;
    `output_bytes` each of the two output streams; `disk_bytes` everything stored, `file_bytes` one file.
    """

    wall_s: float = 10.0
    cpu_s: int = 10
    memory_bytes: int = 2 << 30
    num_processes: int = 32
    num_files: int = 256
    file_bytes: int = 16 << 20
    disk_bytes: int = 64 << 20
    output_bytes: int = 1 << 20


@dataclass(frozen=True)
class Result:
    """How the program ended.

    returncode: its exit status, or minus the signal that ended it.
    stopped: None, or the limit for which it was killed: time, memory, processes, output.
    contained, not_contained: the keys of `ASPECTS` that held and that did not on this kernel.
    """

    returncode: int
    stdout: str
    stderr: str
    timed_out: bool
    seconds: float
    contained: tuple[str, ...]
    not_contained: tuple[str, ...]
    stopped: str | None = None

    @property
    def ok(self) -> bool:
        """Ended by itself with status 0."""
        return self.returncode == 0 and self.stopped is None
