"""outside_calls: names what reaches outside, whatever it is called, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makar.checks.outside_calls import CHECK
from makar.verdict import Subject, Verdict


def judge(content: str, media_type: str = "text/x-python", **asked: str) -> Verdict:
    return CHECK.run(Subject(content, media_type, asked))


@pytest.mark.parametrize(("source", "label", "name"), [
    ("import os\nos.system('x')", "process", "os.system"),
    ("import os as o\no.popen('x')", "process", "os.popen"),
    ("from os import execv as e\ne('a', [])", "process", "os.execv"),
    ("from subprocess import run\nrun(['x'])", "process", "subprocess.run"),
    ("import subprocess\nr = subprocess.run\nr(['x'])", "process", "subprocess.run"),
    ("__import__('os').system('x')", "process", "os.system"),
    ("import importlib\nimportlib.import_module('os').system('x')", "process", "os.system"),
    ("import os\ngetattr(os, 'system')('x')", "process", "os.system"),
    ("import os\nos.__dict__['system']('x')", "process", "os.system"),
    ("import os\nvars(os)['system']('x')", "process", "os.system"),
    ("from os import *\nsystem('x')", "process", "os.system"),
    ("import os\ngetattr(os, 'sys' + 'tem')('x')", "hidden call", "getattr with a computed name"),
    ("().__class__.__base__.__subclasses__()", "hidden call", "__subclasses__"),
    ("__builtins__['eval']('1')", "hidden call", "__builtins__"),
    ("globals()['f']()", "hidden call", "globals"),
    ("import socket", "network", "socket"),
    ("import urllib.request as u\nu.urlopen('x')", "network", "urllib.request.urlopen"),
    ("import requests\nrequests.get('x')", "network", "requests.get"),
    ("from http import client", "network", "http.client"),
    ("import shutil\nshutil.rmtree('x')", "deletion", "shutil.rmtree"),
    ("from pathlib import Path\nPath('x').unlink()", "deletion", "unlink()"),
    ("eval('1')", "dynamic code", "eval"),
    ("f = exec\nf('1')", "dynamic code", "exec"),
    ("import pickle\npickle.loads(b'')", "dynamic code", "pickle.loads"),
    ("import ctypes", "native code", "ctypes"),
    ("import os\nprint(os.environ['HOME'])", "environment", "os.environ"),
    ("from os import environ", "environment", "os.environ"),
    ("open('a', 'w')", "file write", "open"),
    ("open('a', mode='ab')", "file write", "open"),
    ("def f(m):\n    open('a', m)", "file write", "open"),
    ("from pathlib import Path\nPath('a').write_text('x')", "file write", "write_text()"),
    ("from pathlib import Path\nPath('a').open('w')", "file write", "open()"),
])
def test_what_reaches_outside_is_named(source: str, label: str, name: str) -> None:
    verdict = judge(source)
    assert not verdict.passed
    assert f"{label}: {name}" in verdict.reason
    assert label in {span.label for span in verdict.spans}


@pytest.mark.parametrize("source", [
    "import os\nos.path.join('a', 'b')", "import re\nre.compile('x')", "model.eval()",
    "requests = []\nrequests.append(1)",
    "open('a')", "open('a', 'rb')", "class N:\n    def unlink(self): ...\nN().unlink()", "import json\njson.loads('1')",
    "code = 1\nprint(code)", "getattr(x, 'name')", "from . import socket", "compiled = 1", "def eval_all(): ...", "",
    "import asyncio\nasyncio.run(f())", "x = 'os.system'",
])
def test_what_stays_inside_is_not(source: str) -> None:
    verdict = judge(source)
    assert verdict.passed, verdict.reason


def test_spans_count_characters_not_bytes() -> None:
    source = "é = 'ü→'; import socket\n"
    span = judge(source).spans[0]
    assert source[span.start:span.end] == "import socket"


def test_code_that_does_not_parse_is_not_called_harmless() -> None:
    verdict = judge("import (")
    assert not verdict.passed and "not judged" in verdict.reason


def test_markdown_is_judged_by_its_fences() -> None:
    content = "Call `os.system`:\n\n```python\nimport os\nos.system('x')\n```\n\n```sh\nrm -rf x\n```\n"
    verdict = judge(content, "text/markdown")
    assert [content[span.start:span.end] for span in verdict.spans] == ["os.system"]
    assert judge("No code, only eval('1').", "text/markdown").passed


def test_a_completion_is_judged_with_the_imports_above_it() -> None:
    verdict = judge("system('x')", prefix="import os\nimport socket\n\nos.", suffix="\n")
    assert verdict.reason == "process: os.system (line 4)" or verdict.spans == ()
    verdict = judge("o.system('x')", prefix="import os as o\nimport socket\n\n", suffix="\n")
    assert [span.label for span in verdict.spans] == ["process"]
    assert (verdict.spans[0].start, verdict.spans[0].end) == (0, len("o.system"))


@given(st.text(max_size=80))
def test_every_text_gets_a_verdict(content: str) -> None:
    verdict = judge(content)
    assert all(0 <= span.start <= span.end <= len(content) for span in verdict.spans)
