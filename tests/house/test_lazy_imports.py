"""`import makar` and `makar --help` answer at once: nothing heavy is imported before it is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "numpy", "transformers", "tokenizers", "gguf", "safetensors", "llguidance", "jinja2", "jsonschema",
         "py3langid", "regex")
REPORT = "import json, sys; print('\\n' + json.dumps(sorted(sys.modules)))"
HELP = """
import sys, makar.cli
try:
    makar.cli.main({words!r})
except SystemExit as stop:
    assert stop.code == 0, stop.code
"""


def modules_after(code: str, cwd: Path) -> set[str]:
    """The modules a fresh interpreter holds after `code`."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{REPORT}"], cwd=cwd, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("code", [
    "import makar",
    "import makar; makar.text; makar.chat; makar.code; makar.check",
    HELP.format(words=["--help"]),
    HELP.format(words=["text", "--help"]),
    HELP.format(words=["eval", "perplexity", "--help"]),
    HELP.format(words=["demo", "--help"]),
    HELP.format(words=["train", "--help"]),
], ids=["import", "verbs", "help", "text --help", "eval --help", "demo --help", "train --help"])
def test_nothing_heavy_is_imported(code: str, tmp_path: Path) -> None:
    held = modules_after(code, tmp_path)
    assert "makar" in held
    assert held.isdisjoint(HEAVY), sorted(held & set(HEAVY))


def test_the_probe_sees_a_heavy_import(tmp_path: Path) -> None:
    assert "numpy" in modules_after("import numpy", tmp_path)


def test_help_lists_every_command(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import makar.cli; makar.cli.main(['--help'])"], cwd=tmp_path,
                          capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "100"})
    assert done.returncode == 0, done.stderr
    for command in ("text", "chat", "code", "check", "models", "train", "ledger", "review", "eval", "demo"):
        assert f"\n    {command} " in done.stdout, done.stdout
