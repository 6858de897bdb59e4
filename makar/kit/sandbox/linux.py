"""The few kernel calls that Python does not offer: namespaces, mounts, process control. Standard library only.

Source: namespaces(7), mount_namespaces(7), user_namespaces(7), pivot_root(2), mount_setattr(2), prctl(2)
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
ALL_NAMESPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 28, 36, 38
SECBIT_NOROOT_LOCKED = 0b11
_AT_RECURSIVE, _AT_FDCWD = 0x8000, -100
_ATTR_RDONLY, _ATTR_NOSUID = 1, 2

# x86_64, aarch64
NUMBERS: dict[str, tuple[int, int]] = {
    "pivot_root": (155, 41), "mount_setattr": (442, 442), "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
}


def machine() -> int | None:
    """Column of `NUMBERS` for this machine; None where the system is not Linux or its numbers are not known here."""
    if not sys.platform.startswith("linux"):
        return None
    return {"x86_64": 0, "aarch64": 1}.get(platform.machine())


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def syscall(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Calls the kernel by name.

    Raises: OSError
    """
    column = machine()
    if column is None:
        raise OSError(38, f"{name}: not known on {platform.machine()}")
    wide = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    return _checked(_libc().syscall(ctypes.c_long(NUMBERS[name][column]), *wide), name)


def prctl(option: int, value: int) -> None:
    """Sets one attribute of this process.

    Raises: OSError
    """
    _checked(_libc().prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)),
             f"prctl {option}")


def unshare(flags: int) -> None:
    """Leaves the namespaces named by `flags` for new ones.

    Raises: OSError
    """
    _checked(_libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mounts `source` on `target`.

    Raises: OSError
    """
    _checked(_libc().mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()),
             f"mount {kind or source} on {target}")


def make_read_only(target: str) -> None:
    """Makes the mount at `target` and all below it read-only and without set-user-id.

    Raises: OSError
    """
    attributes = ctypes.create_string_buffer(struct.pack("=QQQQ", _ATTR_RDONLY | _ATTR_NOSUID, 0, 0, 0), 32)
    syscall("mount_setattr", _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, 32)


def change_root(target: str, old: str) -> None:
    """Makes the mount at `target` the root and lets go of the old one, which passes through the folder `old`.

    Raises: OSError
    """
    syscall("pivot_root", target.encode(), f"{target}/{old}".encode())
    os.chdir("/")
    _checked(_libc().umount2(f"/{old}".encode(), MNT_DETACH), "umount")
    os.rmdir(f"/{old}")


def die_with(parent: int) -> None:
    """This process gets SIGKILL when `parent`, which started it, ends; at once if it already has.

    Raises: OSError
    """
    prctl(PR_SET_PDEATHSIG, 9)
    if os.getppid() not in (parent, 0):  # 0: the parent lives in an outer process namespace
        os._exit(1)
