"""The program that puts up the walls around a command and waits for it. Started by `runner`; standard library only.

It runs as three processes: the launcher itself, the first process of the new namespaces, and the command.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from makar.kit.sandbox import filters, linux, processes

INSIDE_ID = 1000
# What root runs the command as: an identity without files. The limit on processes binds it; root it would not bind.
_OUTSIDE_IDS_OF_ROOT = (1835100018, 65534, 0)
_SCRATCH = ("/box", "/tmp", "/dev/shm")
_PASSWD = f"maker:x:{INSIDE_ID}:{INSIDE_ID}::/box:/bin/sh\n"


class SetupFailed(Exception):
    """The namespaces could not be set up; the runner tries again without them."""


def main() -> None:
    """Reads the order from standard input, runs it, reports on the descriptor the order names."""
    order = json.load(sys.stdin)
    os.set_inheritable(order["status_fd"], False)
    try:
        status = _in_namespaces(order) if "namespaces" not in order["without"] else _without_namespaces(order)
    except SetupFailed as error:
        status = {"failed": "namespaces", "why": str(error)}
    except OSError as error:
        status = {"failed": "launch", "why": str(error)}
    _report(order, status)


def _report(order: dict[str, Any], status: dict[str, Any]) -> None:
    os.write(order["status_fd"], json.dumps(status).encode() + b"\n")


def _in_namespaces(order: dict[str, Any]) -> dict[str, Any]:
    outside_id = _enter(order)
    sources = {path: os.open(path, os.O_PATH) for path in order["show"] if os.path.exists(path)}
    try:
        os.setresgid(INSIDE_ID, INSIDE_ID, INSIDE_ID)
        os.setresuid(INSIDE_ID, INSIDE_ID, INSIDE_ID)
        linux.die_with(order["parent"])
        read_end, write_end = os.pipe()
        launcher = os.getpid()
        first = os.fork()
    except OSError as error:
        raise SetupFailed(str(error)) from error
    if first == 0:
        os.close(write_end)
        _first_process(order, sources, launcher, read_end, counted=outside_id != 0)
    os.write(write_end, b"1")
    _, ended = os.waitpid(first, 0)
    return {"first": os.waitstatus_to_exitcode(ended)}


def _enter(order: dict[str, Any]) -> int:
    """New namespaces of every kind, in which this process is `INSIDE_ID`; returns who it is outside."""
    candidates = (os.geteuid(),) if os.geteuid() else _OUTSIDE_IDS_OF_ROOT if order["all_may_read"] else (0,)
    ready_read, ready_write = os.pipe()
    done_read, done_write = os.pipe()
    me = os.getpid()
    mapper = os.fork()
    if mapper == 0:
        chosen = _map_ids(me, candidates) if os.read(ready_read, 1) else None
        os.write(done_write, b"" if chosen is None else str(chosen).encode())
        os._exit(0)
    os.close(done_write)
    try:
        linux.unshare(linux.ALL_NAMESPACES)
        os.write(ready_write, b"1")
    except OSError as error:
        raise SetupFailed(str(error)) from error
    finally:
        os.close(ready_write)
        answer = os.read(done_read, 32) if sys.exc_info()[0] is None else b""
        os.close(ready_read)
        os.waitpid(mapper, 0)
    if not answer:
        raise SetupFailed("the kernel did not accept a user for the new namespace")
    return int(answer)


def _map_ids(target: int, candidates: tuple[int, ...]) -> int | None:
    for outside_id in candidates:
        try:
            if os.geteuid():
                Path(f"/proc/{target}/setgroups").write_text("deny")
            group = outside_id if not os.geteuid() else os.getegid()
            Path(f"/proc/{target}/gid_map").write_text(f"{INSIDE_ID} {group} 1")
            Path(f"/proc/{target}/uid_map").write_text(f"{INSIDE_ID} {outside_id} 1")
        except OSError:
            continue
        return outside_id
    return None


def _first_process(order: dict[str, Any], sources: dict[str, int], launcher: int, go: int, *,
                   counted: bool) -> NoReturn:
    """Builds the root the command sees, starts the command, and takes all down with it when it ends."""
    try:
        linux.die_with(launcher)
        if not os.read(go, 1):
            os._exit(1)
        has_proc = _build_root(order, sources)
        _write_files("/box", order["files"])
    except OSError as error:
        _report(order, {"failed": "namespaces", "why": str(error)})
        os._exit(1)
    held = {"network", "files_read", "files_write", "metadata", "detached", "disk", "privileges", "processes"}
    held |= {"num_processes"} if counted else set()
    readable = [*order["show"], *(["/proc"] if has_proc else []), "/etc", *_SCRATCH]
    _report(order, _run(order, "/box", held, readable, 3))
    os._exit(0)  # ends the process namespace: whatever still lives in it is killed by the kernel


def _build_root(order: dict[str, Any], sources: dict[str, int]) -> bool:
    linux.mount("", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    root = "/tmp"
    options = f"size={order['disk_bytes']},nr_inodes={max(1024, order['disk_bytes'] // 4096)},mode=755"
    linux.mount("tmpfs", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
    for folder in (*_SCRATCH, "/etc", "/proc", "/.old"):
        os.makedirs(root + folder, exist_ok=True)
    for path in sorted(sources):
        _show(root, path, sources[path])
    Path(f"{root}/etc/passwd").write_text(_PASSWD)
    try:
        linux.mount("proc", f"{root}/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        has_proc = True
    except OSError:  # inside some containers; the command then goes without /proc
        has_proc = False
    linux.change_root(root, ".old")
    return has_proc


def _show(root: str, path: str, source: int) -> None:
    target = root + path
    if os.path.islink(path) and not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(f"/proc/self/fd/{source}"):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    linux.mount(f"/proc/self/fd/{source}", target, "", linux.MS_BIND | linux.MS_REC)
    if not path.startswith("/dev/"):
        linux.make_read_only(target)


def _without_namespaces(order: dict[str, Any]) -> dict[str, Any]:
    """The command in its folder on the real file system; Landlock and seccomp are then the walls there are."""
    if linux.machine() is not None:
        linux.die_with(order["parent"])
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    _write_files(order["folder"], order["files"])
    readable = [*order["show"], order["folder"]]
    return _run(order, order["folder"], set(), readable, _num_of_mine() + 2)


def _num_of_mine() -> int:
    """Threads that this user has running now: without a user namespace they count against the limit."""
    if not os.path.isdir("/proc/self/task"):
        return 1024
    count = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == os.geteuid():
                count += len(os.listdir(f"/proc/{entry.name}/task"))
        except FileNotFoundError:
            continue
    return count


def _write_files(folder: str, files: dict[str, str]) -> None:
    for name, data in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))


def _run(order: dict[str, Any], folder: str, held: set[str], readable: list[str], others: int) -> dict[str, Any]:
    """Starts the command as a child and waits for it, reaping what it leaves behind."""
    said_read, said_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(said_read)
        try:
            held |= _wall_in(order, folder, readable, others, in_namespaces=bool(held))
            os.write(said_write, json.dumps({"held": sorted(held)}).encode())
            os.execvpe(order["command"][0], order["command"], order["env"] | _folders(folder))
        except OSError as error:
            os.write(said_write, b"\n" + json.dumps({"failed": "command", "why": str(error)}).encode())
        os._exit(127)
    os.close(said_write)
    with os.fdopen(said_read) as said:
        lines = said.read().splitlines()
    for line in filter(None, lines):
        _report(order, json.loads(line))
    while True:
        process, ended = os.wait()
        if process == child:
            processes.kill_below(os.getpid())
            return {"returncode": os.waitstatus_to_exitcode(ended)}


def _folders(folder: str) -> dict[str, str]:
    return {"HOME": folder, "TMPDIR": "/tmp" if folder == "/box" else folder}


def _wall_in(order: dict[str, Any], folder: str, readable: list[str], others: int, *, in_namespaces: bool) -> set[str]:
    os.chdir(folder)
    os.setpgid(0, 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    _set_limits(order, others)
    held = {"time", "memory", "file_size", "environment"}
    if linux.machine() is None:
        return held
    if os.geteuid() == 0:
        linux.prctl(linux.PR_SET_SECUREBITS, linux.SECBIT_NOROOT_LOCKED)
    elif not in_namespaces:
        held.add("num_processes")
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    held.add("privileges")
    held |= _landlock(order, folder, readable, in_namespaces)
    if "seccomp" not in order["without"]:
        try:
            filters.restrict_calls()
            held |= {"system_calls", "network"}
        except OSError:  # stated in not_contained
            return held
    return held


def _landlock(order: dict[str, Any], folder: str, readable: list[str], in_namespaces: bool) -> set[str]:
    if "landlock" in order["without"]:
        return set()
    writable = [*(_SCRATCH if in_namespaces else (folder,)), "/dev/null", "/dev/zero", "/dev/full"]
    try:
        version = filters.restrict_files(readable, writable)
    except OSError:  # stated in not_contained
        return set()
    held = {"files_read"} | ({"files_write"} if version >= 3 else set())
    # What cannot signal the launcher cannot leave it behind either.
    return held | ({"processes", "detached"} if version >= 6 else set())


def _set_limits(order: dict[str, Any], others: int) -> None:
    wanted = {
        resource.RLIMIT_CPU: order["cpu_s"], resource.RLIMIT_FSIZE: order["file_bytes"], resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: order["num_files"], resource.RLIMIT_NPROC: order["num_processes"] + others,
        resource.RLIMIT_AS: order["memory_bytes"], resource.RLIMIT_STACK: 8 << 20,
    }
    for name, value in wanted.items():
        hard = resource.getrlimit(name)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(name, (bound, bound))
        except (OSError, ValueError):  # macOS refuses an address-space limit; the runner watches memory there too
            if name != resource.RLIMIT_AS:
                raise


if __name__ == "__main__":
    main()
