"""`makar chat`, one turn per line from a pipe, and Ctrl-C in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from makar.ledger import open_ledger

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
TINY = ["--model", "tiny", "--max-tokens", "10", "--seed", "3", "--temperature", "5"]


def test_turns_commands_and_a_saved_conversation(makar_command: Command, tmp_path: Path) -> None:
    script = "\n".join(["one", "", "two", "/save talk.json", "/save talk.txt", "/reset", "three", "/system Be brief.",
                        "four", "/save last.json", "/exit", "five"])
    done = makar_command("chat", *TINY, input=script.encode())
    assert done.returncode == 0, done.stderr
    turns = json.loads((tmp_path / "talk.json").read_text())
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2
    assert [turn["content"] for turn in turns if turn["role"] == "user"] == ["one", "two"]
    assert (tmp_path / "talk.txt").read_text().startswith("user: one\n")
    last = json.loads((tmp_path / "last.json").read_text())
    assert [turn["role"] for turn in last] == ["system", "user", "assistant"]
    with open_ledger() as ledger:
        assert len(list(ledger.stamps(kind="release"))) == 4
        assert ledger.verify().ok


def test_a_wrong_turn_does_not_end_the_conversation(makar_command: Command) -> None:
    lines = ["/nonsense", "/save", "/save /absent/folder/x", "a " * 200_000, "hello"]
    done = makar_command("chat", *TINY, input="\n".join(lines).encode())
    assert done.returncode == 2
    complaints = [line for line in done.stderr.decode().splitlines() if line.startswith("makar: ")]
    assert len(complaints) == 4
    assert "Known: /exit" in complaints[0]
    assert done.stdout.strip()


def test_a_full_context_says_what_is_left_out(makar_command: Command) -> None:
    from makar.generate.load import load
    from makar.rooms.text import ROOM

    line = "a" * (load(ROOM, "tiny").context_tok // 3)
    done = makar_command("chat", *TINY, input=f"{line}\n{line}\n{line}\n".encode())
    assert done.returncode == 0, done.stderr
    assert b"given without the first 2 messages" in done.stderr


def test_binary_input(makar_command: Command) -> None:
    done = makar_command("chat", *TINY, input=b"\xff\xfe\n")
    assert done.returncode == 2
    assert b"not UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr


def test_ctrl_c_keeps_the_partial_answer(own_home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "makar.cli", "chat", "--model", "tiny", "--seed", "3", "--temperature", "5",
               "--max-tokens", "1900", "--regex", "[a-z ]{1800,}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
                          env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"hello\n")
        process.stdin.flush()
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in said
    with open_ledger() as ledger:
        assert len(list(ledger.stamps(kind="partial"))) == 1
        assert list(ledger.stamps(kind="release")) == []
        assert ledger.verify().ok
