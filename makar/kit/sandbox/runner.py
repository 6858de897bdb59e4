"""Starts the launcher, reads what the command says, and kills the whole when it passes a limit."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import selectors
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from makar.kit.errors import BadInput, NotHere
from makar.kit.sandbox import processes
from makar.kit.sandbox.limits import ASPECTS, Limits, Result

MECHANISMS = ("namespaces", "landlock", "seccomp")
_LOOK_EVERY_S = 0.05
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from makar.kit.sandbox.launcher import main; main()"
_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives", "/nix/store",
           "/gnu/store", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class Containment:
    """What this kernel lets the sandbox hold back, and what not; keys of `ASPECTS`."""

    contained: tuple[str, ...]
    not_contained: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"  held      {key}: {ASPECTS[key]}" for key in self.contained]
        return "\n".join(lines + [f"  NOT held  {key}: {ASPECTS[key]}" for key in self.not_contained])


@functools.cache
def containment() -> Containment:
    """Runs a program that does nothing and tells what held."""
    result = run([sys.executable, "-I", "-S", "-c", ""], {})
    return Containment(result.contained, result.not_contained)


def run(command: Sequence[str], files: Mapping[str, str | bytes], limits: Limits | None = None, *,
        env: Mapping[str, str] | None = None, without: Collection[str] = ()) -> Result:
    """Runs `command` in a fresh folder that holds `files` (relative path: content) and is gone afterwards.

    The command has no input, no network, none of the caller's environment, and dies whole when it passes a limit.
    `without` names mechanisms not to use (`MECHANISMS`), as on a kernel that lacks them.

    Raises: BadInput (a path that leaves the folder, an unusable command), NotHere (no such system or command)
    """
    if os.name != "posix":
        raise NotHere("the sandbox needs Linux or another Unix; on Windows run Makar inside WSL")
    limits = limits or Limits()
    _check_paths(files, limits)
    for name in without:
        if name not in MECHANISMS:
            raise BadInput(f"no sandbox mechanism '{name}'; there are {', '.join(MECHANISMS)}")
    avoided = {*without, *_unusable()}
    with _folder() as folder:
        order = _order(command, files, limits, folder) | {"env": _environment() | dict(env or {})}
        status, running = _launch(order | {"without": sorted(avoided)}, limits)
    if status.get("failed") == "namespaces":
        _remember_unusable("namespaces")
        return run(command, files, limits, env=env, without={*avoided, "namespaces"})
    if status.get("failed") == "command":
        raise NotHere(f"the sandbox cannot start '{command[0]}': {status['why']}")
    if "returncode" not in status and running.stopped is None:
        why = status.get("why") or running.stderr.strip()[-300:] or "no word from it"
        raise NotHere(f"the sandbox did not start: {why}")
    return _result(status, running)


_UNUSABLE: set[str] = set()


def _unusable() -> frozenset[str]:
    return frozenset(_UNUSABLE)


def _remember_unusable(mechanism: str) -> None:
    _UNUSABLE.add(mechanism)


def _check_paths(files: Mapping[str, str | bytes], limits: Limits) -> None:
    for name in files:
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\0" in name or path == PurePosixPath("."):
            raise BadInput(f"a sandbox file needs a path inside its folder; got '{name}'")
    total_bytes = sum(len(data) for data in files.values())
    if total_bytes > limits.disk_bytes // 2:
        raise BadInput(f"the sandbox takes files of {limits.disk_bytes // 2:,} bytes in all; got {total_bytes:,}")


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="makar-box-")
    try:
        yield os.path.realpath(folder)
    finally:
        shutil.rmtree(folder, onerror=_open_and_retry)


def _open_and_retry(function: Any, path: str, _: Any) -> None:
    """A program may have closed its own folders; they are opened again, without following links."""
    parent = os.path.dirname(path)
    if not os.path.islink(parent):
        os.chmod(parent, stat.S_IRWXU)
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def _environment() -> dict[str, str]:
    path = [os.path.dirname(sys.executable), "/usr/local/bin", "/usr/bin", "/bin"]
    return {"PATH": ":".join(path), "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TZ": "UTC"}


def _order(command: Sequence[str], files: Mapping[str, str | bytes], limits: Limits, folder: str) -> dict[str, Any]:
    if not command or any("\0" in part for part in command):
        raise BadInput(f"the sandbox needs a command of words without null characters; got {list(command)!r}")
    shown = _shown()
    data = {name: content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
            for name, content in files.items()}
    return {
        "command": list(command), "folder": folder, "parent": os.getpid(), "show": shown,
        "all_may_read": _all_may_read(shown),
        "files": {name: base64.b64encode(content).decode() for name, content in data.items()},
        "cpu_s": limits.cpu_s, "memory_bytes": limits.memory_bytes, "num_processes": limits.num_processes,
        "num_files": limits.num_files, "file_bytes": limits.file_bytes, "disk_bytes": limits.disk_bytes,
    }


def _shown() -> list[str]:
    """The paths a command may read: this Python, its packages, and the system's programs and libraries."""
    own = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix)} | {sys.prefix, sys.base_prefix}
    shown: list[str] = []
    for path in [*sorted(own), *_SYSTEM]:
        inside = any(path == other or path.startswith(other + "/") for other in shown)
        if path != "/" and not inside and os.path.exists(path):
            shown.append(path)
    return shown


def _all_may_read(shown: Sequence[str]) -> bool:
    """Whether a user who owns nothing could run this Python."""
    probes = [*shown, os.path.realpath(sys.executable), os.path.realpath(os.__file__)]
    return all(mode & 5 == 5 if stat.S_ISDIR(mode) else mode & 4 for mode in (os.stat(path).st_mode for path in probes))


@dataclass
class _Running:
    stdout: str = ""
    stderr: str = ""
    stopped: str | None = None
    seconds: float = 0.0
    streams: dict[str, bytearray] = field(default_factory=lambda: {"out": bytearray(), "err": bytearray()})


def _launch(order: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], _Running]:
    status_read, status_write = os.pipe()
    started_s = time.monotonic()
    package_root = str(Path(__file__).resolve().parents[3])
    launcher = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BOOT, package_root], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={}, pass_fds=(status_write,), start_new_session=True, close_fds=True, cwd="/")
    os.close(status_write)
    running = _Running()
    try:
        assert launcher.stdin is not None
        launcher.stdin.write(json.dumps(order | {"status_fd": status_write}).encode())
        launcher.stdin.close()
        _follow(launcher, running, started_s, limits)
    except BrokenPipeError:  # it ended before reading its order; it says why on standard error
        _follow(launcher, running, started_s, limits)
    finally:
        processes.kill_tree(launcher.pid)
        launcher.wait()
        for pipe in (launcher.stdout, launcher.stderr):
            if pipe is not None:
                pipe.close()
        os.set_blocking(status_read, False)
        said = _read_ready(status_read)
        os.close(status_read)
    running.seconds = time.monotonic() - started_s
    running.stdout, running.stderr = (bytes(running.streams[key][:limits.output_bytes]).decode("utf-8", "replace")
                                      for key in ("out", "err"))
    status: dict[str, Any] = {}
    for line in said.splitlines():
        status |= json.loads(line)
    return status, running


def _read_ready(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:  # nothing was said and a writer lives on
        return b""


def _follow(launcher: subprocess.Popen[bytes], running: _Running, started_s: float, limits: Limits) -> None:
    """Reads both streams until the launcher has ended or a limit is passed."""
    with selectors.DefaultSelector() as waiting:
        for key, pipe in (("out", launcher.stdout), ("err", launcher.stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            waiting.register(pipe, selectors.EVENT_READ, key)
        looked_s = started_s
        while True:
            now_s = time.monotonic()
            if now_s - started_s >= limits.wall_s:
                running.stopped = "time"
            elif now_s - looked_s >= _LOOK_EVERY_S:
                looked_s, running.stopped = now_s, _passed(launcher.pid, limits)
            if running.stopped or (launcher.poll() is not None and not waiting.select(0)):
                return
            if not waiting.get_map():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    launcher.wait(_LOOK_EVERY_S)
                continue
            for event, _ in waiting.select(_LOOK_EVERY_S):
                chunk = os.read(event.fd, 1 << 16)
                stream = running.streams[event.data]
                stream += chunk
                if not chunk:
                    waiting.unregister(event.fileobj)
                if len(stream) > limits.output_bytes:
                    running.stopped = "output"
                    return


def _passed(pid: int, limits: Limits) -> str | None:
    below = processes.descendants(pid)
    if len(below) > limits.num_processes + 3:
        return "processes"
    if sum(map(processes.memory_bytes, below)) > limits.memory_bytes:
        return "memory"
    return None


def _result(status: dict[str, Any], running: _Running) -> Result:
    held = set(status.get("held", ()))
    return Result(
        returncode=-9 if running.stopped else status["returncode"], stdout=running.stdout, stderr=running.stderr,
        timed_out=running.stopped == "time", seconds=running.seconds,
        contained=tuple(key for key in ASPECTS if key in held),
        not_contained=tuple(key for key in ASPECTS if key not in held), stopped=running.stopped)

