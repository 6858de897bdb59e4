"""`makar text`: prompts from everywhere, answers to anywhere, and every way to get it wrong."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from makar.cli import main
from makar.ledger import open_ledger

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
TINY = ["--model", "tiny", "--max-tokens", "12", "--seed", "3", "--temperature", "5"]

LONG = [sys.executable, "-m", "makar.cli", "text", "hello", "--model", "tiny", "--seed", "3", "--temperature", "5",
        "--max-tokens", "1900", "--regex", "[a-z ]{1800,}"]  # a form that cannot end early


@pytest.fixture(autouse=True)
def no_stdin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands that run in this process find nothing piped in."""
    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield


def say(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """Standard output of a command that succeeds."""
    assert main(["text", *words, *TINY]) == 0, capfd.readouterr().err
    return capfd.readouterr().out


def refuse(capfd: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    """The one line of a command that does not, with a ledger that still verifies."""
    assert main(["text", *words]) == code
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("makar: ")
    assert said.err.count("\n") == 1, said.err
    with open_ledger() as ledger:
        assert ledger.verify().ok
    return said.err


def test_streamed_or_not_the_same_bytes(capfd: pytest.CaptureFixture[str]) -> None:
    assert say(capfd, "hello", "--stream") == say(capfd, "hello", "--no-stream") == say(capfd, "hello")


def test_the_answer_in_a_file(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shown = say(capfd, "hello")
    assert say(capfd, "hello", "-o", str(tmp_path / "answer.txt"), "--record") == ""
    assert (tmp_path / "answer.txt").read_bytes() == shown.removesuffix("\n").encode()  # carriage returns and all
    assert json.loads((tmp_path / "answer.txt.record.json").read_text())
    assert {file.name for file in tmp_path.iterdir()} == {"answer.txt", "answer.txt.c2pa",
                                                         "answer.txt.record.json"}


def test_the_record_is_json(capfd: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(say(capfd, "hello", "--record"))
    assert shown["text"] == say(capfd, "hello").removesuffix("\n")
    assert shown["record"]["seed"] == 3
    assert len(json.loads(say(capfd, "hello", "--record", "--n", "2"))) == 2


def test_several_answers_in_several_files(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    say(capfd, "hello", "--n", "2", "-o", str(tmp_path / "answer.md"))
    assert {file.name for file in tmp_path.iterdir()} == {"answer-1.md", "answer-1.md.c2pa", "answer-2.md",
                                                           "answer-2.md.c2pa"}


def test_a_device_is_written_to_and_stays_a_device(capfd: pytest.CaptureFixture[str]) -> None:
    say(capfd, "hello", "-o", "/dev/null")
    assert Path("/dev/null").is_char_device()


def test_a_cut_answer_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["text", "hello", *TINY, "--no-mark"]) == 0
    assert "was cut at its limit of 12 tokens" in capfd.readouterr().err


def test_prompt_pipe_and_files_are_joined(makar_command: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("from the file")
    makar_command("text", "from the words", "-f", "notes.txt", *TINY, input=b"from the pipe")
    with open_ledger() as ledger:
        asked = next(ledger.stamps(kind="request"))
        request = json.loads(ledger.content(asked.body["content"]))
    assert request["messages"][0]["content"] == "from the words\n\nfrom the pipe\n\nfrom the file"


@pytest.mark.parametrize("words", [["-"], []])
def test_the_prompt_from_standard_input(makar_command: Command, words: list[str]) -> None:
    piped = makar_command("text", *words, *TINY, input=b"hello")
    given = makar_command("text", "hello", *TINY)
    assert piped.returncode == given.returncode == 0, piped.stderr
    assert piped.stdout == given.stdout


@pytest.mark.parametrize(("words", "says"), [
    (["", *TINY], "prompt is empty"),
    (["-", *TINY], "prompt is empty"),
    (["a\udcffb", *TINY], "lone surrogate"),
    (["hi", "--model", "nonsense"], "Known: "),
    (["hi", *TINY, "--temperature", "-1"], "temperature"),
    (["hi", *TINY, "--top-p", "7"], "top_p"),
    (["hi", *TINY, "--n", "0"], "n is between"),
    (["hi", *TINY, "--stop", ""], "stop"),
    (["hi", "--model", "tiny", "--max-tokens", "99999999"], "99,999,999"),
    (["hi", *TINY, "--json-schema", "absent.json"], "no file 'absent.json'"),
    (["hi", *TINY, "-f", "absent.txt"], "no file 'absent.txt'"),
    (["hi", *TINY, "-f", "/"], "cannot read '/'"),
    (["hi", *TINY, "-o", "/absent/folder/answer.txt"], "mkdir -p /absent/folder"),
    (["hi", *TINY, "-o", "/"], "is a folder"),
    (["hi", *TINY, "--policy", "lenient"], "lenient"),
    (["hi", *TINY, "--language", "Klingon"], "Klingon"),
])
def test_bad_input(capfd: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert says in refuse(capfd, *words)


def test_an_impossible_schema(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    for written, says in [('{"type": "nonsense"}', "nonsense"), ("{", "not JSON"), ("[1]", "object")]:
        schema.write_text(written)
        assert says in refuse(capfd, "hi", *TINY, "--json-schema", str(schema))


@pytest.mark.parametrize(("piped", "says"), [
    (b"\xff\xfe\x00\x01", b"not UTF-8"),
    (b"a\0b", b"binary"),
    (b"x" * 10_000_000, b"10,000,000 bytes"),
    (b"word " * 100_000, b"tokens"),
    (b"", b"empty"),
])
def test_bad_standard_input(makar_command: Command, piped: bytes, says: bytes) -> None:
    done = makar_command("text", *TINY, input=piped)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr
    assert done.stderr.startswith(b"makar: ")
    assert done.stderr.count(b"\n") == 1


def test_bytes_that_are_no_text_among_the_words(makar_command: Command) -> None:
    done = makar_command("text", b"caf\xe9", *TINY)
    assert done.returncode == 2
    assert b"lone surrogate or a byte that is not UTF-8" in done.stderr


def test_a_full_disk(makar_command: Command) -> None:
    done = makar_command("text", "hello", *TINY, "-o", "/dev/full")
    assert done.returncode == 2
    assert b"the disk is full" in done.stderr
    assert b"Traceback" not in done.stderr
    assert Path("/dev/full").is_char_device()
    with open_ledger() as ledger:
        assert ledger.verify().ok


def test_what_is_withheld_says_why_and_where_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    key = "AKIA" + "Q3EGWB7XZTPLMN5V"
    said = refuse(capfd, "hi", "--model", "tiny", "--max-tokens", "100", "--choice", f"The key is {key}.", code=3)
    assert "secrets" in said
    assert re.search("makar (ledger|review) show [0-9a-f]{8}", said)
    assert key not in said


def test_a_reader_that_leaves_in_the_middle(tmp_path: Path) -> None:
    words = [*LONG, "--stream"]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=tmp_path) as process:
        assert process.stdout and process.stderr
        assert process.stdout.read(1)
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")
    with open_ledger() as ledger:
        assert len(list(ledger.stamps(kind="partial"))) == 1
        assert list(ledger.stamps(kind="release")) == []
        assert ledger.verify().ok


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
def test_ctrl_c_keeps_what_was_made(tmp_path: Path, stream: str) -> None:
    words = [*LONG, stream]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=tmp_path) as process:
        with open_ledger() as ledger:
            while not list(ledger.stamps(kind="window" if stream == "--stream" else "request")):
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate()
    assert process.returncode == 130
    assert said.startswith(b"makar: interrupted")
    assert said.count(b"\n") == 1
    assert (shown != b"") == (stream == "--stream")
    with open_ledger() as ledger:
        # Without a stream the signal may come before the first token: then there is nothing to keep.
        assert len(list(ledger.stamps(kind="partial"))) in ((1,) if stream == "--stream" else (0, 1))
        assert list(ledger.stamps(kind="release")) == []
        assert ledger.verify().ok


def test_ctrl_c_has_one_exit_code_wherever_it_falls(tmp_path: Path) -> None:
    """As an interrupt while a module is loaded, whose dataclasses are made by executing strings."""
    script = tmp_path / "interrupted.py"
    script.write_text("import sys\nfrom makar import cli\ncli._run = lambda argv: exec('raise KeyboardInterrupt')\n"
                      "sys.exit(cli.main([]))\n")
    words = [sys.executable, "-m", "interrupted"]  # not by its path: the flag counts where `-m` runs a module
    done = subprocess.run(words, check=False, capture_output=True, timeout=60, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, b"makar: interrupted\n")
