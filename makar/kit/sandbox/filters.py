"""Landlock and seccomp: what a process forbids itself and its children for good. Standard library only.

Source: landlock(7), seccomp(2), Linux uapi linux/landlock.h, linux/bpf_common.h, linux/audit.h
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from makar.kit.sandbox import linux

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEV = 1, 2, 4, 8, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}

EPERM, EACCES, ENOSYS = 1, 13, 38
# name: ((x86_64, aarch64), the error the caller sees)
_DENIED: dict[str, tuple[tuple[int, int], int]] = {
    "socket": ((41, 198), EACCES),
    # The C library falls back to clone, whose flags can be looked at.
    "clone3": ((435, 435), ENOSYS),
    # Memory outside every limit set on a process or its folder.
    "memfd_create": ((319, 279), ENOSYS), "memfd_secret": ((447, 447), ENOSYS),
    "shmget": ((29, 194), ENOSYS), "msgget": ((68, 186), ENOSYS), "semget": ((64, 190), ENOSYS),
    "io_uring_setup": ((425, 425), ENOSYS),
    "ptrace": ((101, 117), EPERM), "process_vm_readv": ((310, 270), EPERM), "process_vm_writev": ((311, 271), EPERM),
    "pidfd_getfd": ((438, 438), EPERM), "kcmp": ((312, 272), EPERM),
    "mount": ((165, 40), EPERM), "umount2": ((166, 39), EPERM), "pivot_root": ((155, 41), EPERM),
    "chroot": ((161, 51), EPERM), "fsopen": ((430, 430), EPERM), "fsmount": ((432, 432), EPERM),
    "move_mount": ((429, 429), EPERM), "open_tree": ((428, 428), EPERM), "mount_setattr": ((442, 442), EPERM),
    "unshare": ((272, 97), EPERM), "setns": ((308, 268), EPERM), "personality": ((135, 92), EPERM),
    "keyctl": ((250, 219), EPERM), "add_key": ((248, 217), EPERM), "request_key": ((249, 218), EPERM),
    "bpf": ((321, 280), EPERM), "perf_event_open": ((298, 241), EPERM), "userfaultfd": ((323, 282), EPERM),
    "open_by_handle_at": ((304, 265), EPERM), "name_to_handle_at": ((303, 264), EPERM),
    "init_module": ((175, 105), EPERM), "finit_module": ((313, 273), EPERM), "delete_module": ((176, 106), EPERM),
    "kexec_load": ((246, 104), EPERM), "kexec_file_load": ((320, 294), EPERM), "reboot": ((169, 142), EPERM),
    "swapon": ((167, 224), EPERM), "syslog": ((103, 116), EPERM), "acct": ((163, 89), EPERM),
    "settimeofday": ((164, 170), EPERM), "clock_settime": ((227, 112), EPERM), "quotactl": ((179, 60), EPERM),
    "vhangup": ((153, 58), EPERM), "sethostname": ((170, 161), EPERM), "setdomainname": ((171, 162), EPERM),
}
_CLONE, _KILL = (56, 220), (62, 129)
_AUDIT_ARCH = (0xC000003E, 0xC00000B7)
_X32_BIT = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_AT_NUMBER, _AT_ARCH, _AT_FIRST_ARGUMENT = 0, 4, 16
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def landlock_version() -> int:
    """Version of Landlock in this kernel; 0 where it has none or has it switched off."""
    try:
        return linux.syscall("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Forbids every file but those beneath `readable` (read, execute) and `writable` (all). Needs no-new-privileges.

    Returns the version of Landlock used. From version 4 TCP is forbidden too, from 6 signals to processes outside.
    Raises: OSError
    """
    version = landlock_version()
    if version == 0:
        raise OSError(ENOSYS, "the kernel has no Landlock")
    rights = _RIGHTS_BY_ABI.get(version, (1 << 16) - 1)
    words = [rights, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0]
    attributes = ctypes.create_string_buffer(struct.pack("=QQQ", *words), 24)
    ruleset = linux.syscall("landlock_create_ruleset", attributes, 8 if version < 4 else 16 if version < 6 else 24, 0)
    for allowed, paths in ((_READ, readable), (rights, writable)):
        for path in paths:
            _allow(ruleset, path, allowed & rights)
    linux.syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)
    return version


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(os.fstat(beneath).st_mode):
        rights &= _OF_FILES
    rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, beneath), 12)
    linux.syscall("landlock_add_rule", ruleset, 1, rule, 0)
    os.close(beneath)


def restrict_calls() -> None:
    """Forbids the system calls of `_DENIED`, new namespaces and a signal to everybody. Needs no-new-privileges.

    Raises: OSError
    """
    column = linux.machine()
    if column is None:
        raise OSError(ENOSYS, "the numbers of this machine's system calls are not known here")
    program = b"".join(struct.pack("=HBBI", *line) for line in _program(column))
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(code))
    pointer = ctypes.create_string_buffer(header, len(header))
    result = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), pointer)
    if result < 0:
        raise OSError(ctypes.get_errno(), "the kernel has no seccomp filters")


def _program(column: int) -> list[tuple[int, int, int, int]]:
    lines = [(_LOAD, 0, 0, _AT_ARCH), (_EQUAL, 1, 0, _AUDIT_ARCH[column]), (_RETURN, 0, 0, _KILL_PROCESS),
             (_LOAD, 0, 0, _AT_NUMBER), (_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _ERRNO | ENOSYS)]
    for numbers, error in _DENIED.values():
        lines += [(_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _ERRNO | error)]
    for numbers, test, value in ((_CLONE, _ANY_BIT, linux.ALL_NAMESPACES | 0x02000000), (_KILL, _EQUAL, 0xFFFFFFFF)):
        lines += [(_EQUAL, 0, 4, numbers[column]), (_LOAD, 0, 0, _AT_FIRST_ARGUMENT), (test, 0, 1, value),
                  (_RETURN, 0, 0, _ERRNO | EPERM), (_LOAD, 0, 0, _AT_NUMBER)]
    return [*lines, (_RETURN, 0, 0, _ALLOW)]
