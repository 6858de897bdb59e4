"""What the house promises about its files: sizes, names, docstrings, licence, nothing of one machine."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "makar").rglob("*.py"))
# Spelt in two parts, so that this file does not hold what it looks for.
UNSPEAKABLE = ["/wo" + "rk/", "/tm" + "p/w/", "/ro" + "ot/", "py" + "pi.org", "python" + "hosted.", "npm" + "js.org",
               "deb.deb" + "ian.org", ".lib" + "rary/"]


def tracked() -> list[Path]:
    """The files git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


def sizes(root: Path) -> subprocess.CompletedProcess[str]:
    """Runs the size script on a tree."""
    return subprocess.run([sys.executable, str(ROOT / ".ci" / "sizes.py"), str(root)], capture_output=True, text=True,
                          check=False)


def test_nothing_is_too_large_or_misnamed() -> None:
    done = sizes(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "text", "complaint"), [
    ("long.py", "x = 1\n" * 501, "501 lines"),
    ("deep.py", "def f():\n" + "    x = 1\n" * 60, "61 lines"),
    ("wide.py", "def f(a, b, c, d, *, e, f, g): ...\n", "7 parameters"),
    ("path_utils.py", "x = 1\n", "says nothing"),
    ("names.py", "class ModelManager: ...\n", "forbidden name"),
    ("asks.py", "hasattr(1, 'a')\n", "hasattr"),
    ("forwards.py", "def f(**more):\n    g(**more)\n", "forwards"),
    ("reads.py", "import os\nHOME = os.environ['HOME']\n", "environment"),
    ("opens.py", "DATA = open('x').read()\n", "opens a file"),
])
def test_each_offence_is_found(name: str, text: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "makar").mkdir()
    (tmp_path / "makar" / name).write_text(text)
    done = sizes(tmp_path)
    assert done.returncode == 1
    found = [line for line in done.stdout.splitlines() if line.startswith(f"OFFENDER makar/{name}")]
    assert len(found) == 1
    assert complaint in found[0]


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes of a module, and the public methods of its public classes."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (item for item in node.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
                            and not item.name.startswith("_"))


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])
def test_public_names_say_what_they_are(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module has no docstring"
    silent = [node.name for node in public(tree) if not ast.get_docstring(node)]
    assert silent == []


def test_nothing_tracked_speaks_of_one_machine() -> None:
    found = [f"{path.relative_to(ROOT)}: {word}" for path in tracked() if path.is_file()
             for word in UNSPEAKABLE if word in path.read_text(errors="replace")]
    assert found == []


def test_the_licence_is_apache() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert project["license-files"] == ["LICENSE"]


def test_every_weight_in_the_catalogue_has_a_hash_and_a_licence() -> None:
    from makar.store import CATALOGUE

    assert set(CATALOGUE) >= {"smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"}
    for name, weights in CATALOGUE.items():
        assert len(bytes.fromhex(weights.sha256)) == 32, name
        assert weights.licence == "Apache-2.0", name
        assert weights.training_data, name
        assert weights.mirrors, name


def test_every_data_file_is_installed() -> None:
    found = importlib.util.find_spec("makar")
    assert found is not None and found.submodule_search_locations
    installed = Path(found.submodule_search_locations[0])
    inside = [path.relative_to(ROOT / "makar") for path in tracked() if path.is_relative_to(ROOT / "makar")]
    data = [path for path in inside if path.suffix != ".py"]
    assert {path.suffix for path in data} >= {".toml", ".jinja"}
    assert [str(path) for path in data if not (installed / path).exists()] == []
