"""The sandbox against programs that mean harm, with all the walls this kernel has and with those of an older one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from makar.kit.errors import BadInput, NotHere
from makar.kit.sandbox import Limits, Result, containment, run

PYTHON = [sys.executable, "-I", "-c"]
# What is switched off: nothing, or what containers and older kernels often forbid.
WALLS = [pytest.param((), id="all"), pytest.param(("namespaces",), id="no-namespaces")]


def python(source: str, *, without: tuple[str, ...] = (), **limits: float) -> Result:
    return run([*PYTHON, source], {}, Limits(**{"wall_s": 10.0, **limits}), without=without)  # type: ignore[arg-type]


def need(result: Result, *aspects: str) -> None:
    missing = [aspect for aspect in aspects if aspect not in result.contained]
    if missing:
        assert set(missing) <= set(result.not_contained)
        pytest.skip(f"this kernel cannot contain {', '.join(missing)}, and the result says so")


@pytest.fixture(params=WALLS)
def walls(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


def test_an_ordinary_program_runs(walls: tuple[str, ...]) -> None:
    result = run([sys.executable, "main.py", "a b"], {
        "main.py": "import sys, pkg.part\nprint(pkg.part.X, sys.argv[1], sys.stdin.read() == '')\n"
                   "print('warned', file=sys.stderr)\nopen('made.txt', 'w').write('x')\nsys.exit(3)\n",
        "pkg/part.py": "X = 'é'\n"}, without=walls)
    assert (result.returncode, result.stdout, result.stderr) == (3, "é a b True\n", "warned\n")
    assert not result.timed_out and result.stopped is None and not result.ok


def test_threads_and_processes_within_limits_work(walls: tuple[str, ...]) -> None:
    result = python("import subprocess, sys, threading\n"
                    "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n"
                    "print(subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True).stdout)",
                    without=walls)
    assert result.stdout == "thread\nb'42\\n'\n", result.stderr


def test_endless_loop_is_killed_on_time(walls: tuple[str, ...]) -> None:
    result = python("while True: pass", without=walls, wall_s=1.0)
    assert result.timed_out and result.stopped == "time" and result.returncode == -9


def test_cpu_limit_binds_before_the_wall_clock(walls: tuple[str, ...]) -> None:
    result = python("while True: pass", without=walls, cpu_s=1, wall_s=30.0)
    assert not result.timed_out and result.returncode < 0


def test_output_is_kept_whole_to_the_limit_and_the_program_killed_beyond(walls: tuple[str, ...]) -> None:
    result = python("import sys\nfor _ in range(10_000): sys.stdout.write('x' * 1_000_000)", without=walls,
                    output_bytes=5000, wall_s=60.0)
    assert result.stopped == "output" and result.stdout == "x" * 5000


def test_what_was_said_before_the_kill_is_kept(walls: tuple[str, ...]) -> None:
    result = python("import time\nprint('first', flush=True)\ntime.sleep(60)", without=walls, wall_s=1.0)
    assert result.timed_out and result.stdout == "first\n"


def test_memory_bomb(walls: tuple[str, ...]) -> None:
    result = python("x = bytearray(3 << 30)", without=walls, memory_bytes=1 << 30)
    assert result.returncode != 0 and "MemoryError" in result.stderr


def test_memory_of_many_processes_is_counted_together(walls: tuple[str, ...]) -> None:
    result = python("import os, time\n"
                    "for _ in range(6):\n"
                    "    if os.fork() == 0: x = bytearray(60 << 20); time.sleep(30); os._exit(0)\n"
                    "time.sleep(30)", without=walls, memory_bytes=250 << 20, wall_s=20.0)
    assert result.stopped == "memory"


FORK_BOMB = """
import os, sys, time
made = 0
for _ in range(500):
    try:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
    except OSError:
        break
print(made)
"""


def test_fork_bomb_hits_the_limit_on_processes() -> None:
    result = python(FORK_BOMB, num_processes=20)
    need(result, "num_processes")
    assert result.returncode == 0 and 0 < int(result.stdout) <= 21


def test_fork_bomb_without_namespaces_is_stopped_as_a_whole() -> None:
    result = python(FORK_BOMB + "\ntime.sleep(30)", without=("namespaces",), num_processes=20, wall_s=20.0)
    assert result.stopped in ("processes", "time")
    assert result.stopped == "processes" or int(result.stdout) <= 21


def alive(marker: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and marker.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", ["setsid", "double fork", "normal end"])
def test_a_daemon_does_not_outlive_its_run(walls: tuple[str, ...], how: str) -> None:
    marker = f"makar_daemon_{os.getpid()}_{time.monotonic_ns()}"
    end = "" if how == "normal end" else "time.sleep(60)"
    twice = "os.setsid()\nif os.fork(): os._exit(0)" if how == "double fork" else "os.setsid()"
    source = f"""
import os, sys, time
if os.fork() == 0:
    {twice.replace(chr(10), chr(10) + '    ')}
    for number in (0, 1, 2): os.close(number)
    os.execv(sys.executable, [sys.executable, '-I', '-c', 'import time; time.sleep(300)', '{marker}'])
time.sleep(0.3)
{end}
"""
    result = run([*PYTHON, source], {}, Limits(wall_s=1.5), without=walls)
    need(result, "detached")
    assert result.timed_out == (how != "normal end")
    assert alive(marker) == []


def test_no_zombies_are_left(walls: tuple[str, ...]) -> None:
    python("import os, time\nfor _ in range(5):\n    if os.fork() == 0: os._exit(0)\ntime.sleep(60)",
           without=walls, wall_s=1.0)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_no_network(walls: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = python(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\nprint('reached')",
                        without=walls)
    need(result, "network")
    assert "reached" not in result.stdout and "Error" in result.stderr


@pytest.mark.parametrize("family", ["AF_INET, socket.SOCK_DGRAM", "AF_INET6, socket.SOCK_STREAM",
                                    "AF_UNIX, socket.SOCK_STREAM", "AF_NETLINK, socket.SOCK_RAW"])
def test_no_sockets_of_any_kind(walls: tuple[str, ...], family: str) -> None:
    result = python(f"import socket\nsocket.socket(socket.{family})\nprint('made')", without=walls)
    need(result, "network")
    assert "made" not in result.stdout and "PermissionError" in result.stderr


def test_namespaces_alone_keep_the_network_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = python(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\nprint('reached')",
                        without=("seccomp", "landlock"))
    need(result, "network")
    assert "reached" not in result.stdout


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / ".ssh" / "id_ed25519"
    path.parent.mkdir()
    path.write_text("PRIVATE")
    return path


def test_no_reading_elsewhere(walls: tuple[str, ...], secret: Path) -> None:
    result = python(f"print(open({str(secret)!r}).read())", without=walls)
    need(result, "files_read")
    assert "PRIVATE" not in result.stdout and "Error" in result.stderr


def test_no_reading_through_links_or_descriptors(walls: tuple[str, ...], secret: Path) -> None:
    result = python(f"""
import os
os.symlink({str(secret)!r}, 'link')
for path in ('link', '../' * 40 + {str(secret)!r}, '/proc/1/root' + {str(secret)!r},
             '/proc/self/root' + {str(secret)!r},
             *('/proc/self/fd/%d/../..%s' % (n, {str(secret)!r}) for n in range(20))):
    try: print(open(path).read())
    except OSError as error: pass
try: os.link({str(secret)!r}, 'hard'); print(open('hard').read())
except OSError: pass
print('done')
""", without=walls)
    need(result, "files_read")
    assert result.stdout == "done\n"


def test_no_listing_of_other_folders(secret: Path) -> None:
    result = python(f"import os\nprint(os.path.exists({str(secret)!r}), os.path.exists({str(Path.home() / '.ssh')!r}))")
    need(result, "metadata")
    assert result.stdout == "False False\n"


def test_no_writing_elsewhere(walls: tuple[str, ...], tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("before")
    result = python(f"""
import os
os.symlink({str(kept)!r}, 'link')
for path in ({str(kept)!r}, {str(tmp_path / 'new.txt')!r}, 'link', '/usr/makar_was_here', '/makar_was_here'):
    try: open(path, 'w').write('after'); print('wrote', path)
    except OSError: pass
for act in (lambda: os.unlink({str(kept)!r}), lambda: os.rename({str(kept)!r}, 'mine'),
            lambda: os.truncate({str(kept)!r}, 0)):
    try: act(); print('acted')
    except OSError: pass
""", without=walls)
    need(result, "files_write")
    assert kept.read_text() == "before" and not (tmp_path / "new.txt").exists()
    assert not Path("/usr/makar_was_here").exists() and not Path("/makar_was_here").exists()
    assert "wrote" not in result.stdout and "acted" not in result.stdout


def test_a_link_to_a_folder_outside_is_not_followed_by_the_cleaning(walls: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("before")
    result = python(f"import os\nos.symlink({str(tmp_path)!r}, 'out')\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()\n"
                    "os.chmod('a/b', 0); os.chmod('a', 0)", without=walls)
    assert result.ok, result.stderr
    assert (tmp_path / "kept.txt").read_text() == "before"


def test_nothing_is_left_in_the_temp_folder(walls: tuple[str, ...], tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    python("import os\nos.makedirs('a/b'); os.chmod('a', 0o000)\nwhile True: pass", without=walls, wall_s=0.7)
    assert list(tmp_path.iterdir()) == []


def test_no_secrets_from_the_environment(walls: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "sk-planted")
    result = python("""
import glob, os
print(dict(os.environ))
for path in glob.glob('/proc/*/environ'):
    try: print(open(path, 'rb').read())
    except OSError: pass
""", without=walls)
    assert "sk-planted" not in result.stdout and "HOME" in result.stdout


def test_no_open_files_of_the_caller(walls: tuple[str, ...], secret: Path) -> None:
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        result = python("import os\nfor n in range(3, 256):\n    try: os.fstat(n); print('open', n)\n"
                        "    except OSError: pass", without=walls)
    assert result.returncode == 0 and result.stdout == ""


def test_other_processes_are_out_of_reach(walls: tuple[str, ...]) -> None:
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        result = python(f"""
import os, signal
for target in ({victim.pid}, os.getppid(), -1):
    try: os.kill(target, signal.SIGKILL); print('sent', target)
    except OSError: pass
print('end')
""", without=walls)
        need(result, "processes")
        assert victim.poll() is None
        assert result.returncode == 0 and "end" in result.stdout and f"sent {victim.pid}" not in result.stdout
    finally:
        victim.kill()
        victim.wait()


def test_disk_is_bounded() -> None:
    result = python("for n in range(100): open(f'f{n}', 'wb').write(b'x' * 1_000_000)", disk_bytes=8 << 20)
    need(result, "disk")
    assert result.returncode != 0 and "No space left" in result.stderr


def test_one_file_is_bounded(walls: tuple[str, ...]) -> None:
    result = python("open('f', 'wb').write(b'x' * 3_000_000)", without=walls, file_bytes=1_000_000)
    assert result.returncode != 0


def test_system_calls_that_lead_out_are_refused(walls: tuple[str, ...]) -> None:
    result = python("""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.unshare(0x10000000), libc.ptrace(0, 0, 0, 0), libc.mount(b'x', b'/', b'tmpfs', 0, b''), libc.chroot(b'/'))
print(libc.memfd_create(b'x', 0), libc.syscall(425, 8, 0))
""", without=walls)
    need(result, "system_calls")
    assert result.stdout == "-1 -1 -1 -1\n-1 -1\n"


def test_no_capabilities(walls: tuple[str, ...]) -> None:
    result = python("import ctypes\nprint(open('/proc/self/status').read())")
    need(result, "privileges")
    values = dict(line.split(":\t", 1) for line in result.stdout.splitlines() if line.startswith(("Cap", "NoNew")))
    assert int(values["CapEff"], 16) == int(values["CapPrm"], 16) == 0 and values["NoNewPrivs"] == "1"


def test_what_is_switched_off_is_said() -> None:
    full, bare = python(""), python("", without=("namespaces", "landlock", "seccomp"))
    assert set(bare.contained) < set(full.contained) | {"time"}
    assert {"network", "files_read", "files_write", "detached"} <= set(bare.not_contained)
    assert not set(bare.contained) & set(bare.not_contained)


def test_containment_tells_every_aspect_once() -> None:
    found = containment()
    assert "time" in found.contained
    text = str(found)
    assert all(text.count(f" {aspect}:") == 1 for aspect in (*found.contained, *found.not_contained))


@pytest.mark.parametrize("name", ["../x.py", "/etc/x", "", "a/../../b", "."])
def test_files_stay_in_the_folder(name: str) -> None:
    with pytest.raises(BadInput, match="inside its folder"):
        run([*PYTHON, ""], {name: "x"})


def test_a_command_that_is_not_there(walls: tuple[str, ...]) -> None:
    with pytest.raises(NotHere, match="no_such_program"):
        run(["no_such_program"], {}, without=walls)


def test_unknown_mechanism_is_named() -> None:
    with pytest.raises(BadInput, match="namespaces, landlock, seccomp"):
        run([*PYTHON, ""], {}, without=("prayer",))


def test_binary_files_and_odd_text_arrive() -> None:
    result = run([*PYTHON, "print(list(open('b', 'rb').read()), len(open('t', 'rb').read()))"],
                 {"b": b"\x00\xff", "t": "a\ud800"})
    assert result.stdout == "[0, 255] 4\n"
