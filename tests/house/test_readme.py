"""The README is true: its tree is the tree, its commands are commands, its files are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from makar.kit import plugins

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def package_folders() -> set[str]:
    """Every package directory of the checkout, `makar/kit/` for example."""
    return {f"{file.parent.relative_to(ROOT)}/" for file in (ROOT / "makar").rglob("__init__.py")}


def annotated_tree() -> set[str]:
    """The folders below `makar/` in the README's tree, joined to full paths by their indentation."""
    block = re.search(r"```text\n(makar/.*?)```", README, re.DOTALL)
    assert block is not None, "the README has no tree that begins with makar/"
    found, above = set(), []
    for line in block.group(1).splitlines():
        entry = re.match(r"( *)([\w.]+/)(?: |$)", line)
        if entry is not None:
            above = [*above[:len(entry.group(1)) // 2], entry.group(2)]
            found.add("".join(above))
    return {folder for folder in found if folder.startswith("makar/")}


def test_the_tree_names_every_package_and_no_other() -> None:
    assert annotated_tree() == package_folders()


def test_two_commands_are_promised_first() -> None:
    commands = re.findall(r"^pip install .*$", README, re.MULTILINE)
    assert commands == ["pip install . && makar demo", "pip install '.[test]' && pytest"]
    assert README.index(commands[0]) < README.index("\n## ")


def test_every_command_shown_exists() -> None:
    shown = {line.split()[1] for line in README.splitlines() if re.match(r"makar [a-z]", line)}
    assert shown, "the README shows no command"
    assert shown <= set(plugins.names("makar.cli"))


@pytest.mark.parametrize("line", sorted({line for line in README.splitlines() if re.match(r"makar [a-z]", line)}))
def test_every_shown_option_parses(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    from makar.cli import main

    words = shlex.split(line, comments=True)[1:]
    words = words[:words.index("|")] if "|" in words else words
    options = {word.split("=")[0] for word in words if word.startswith("--")}
    group = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
    with pytest.raises(SystemExit) as stop:
        main([*group[:1], "--help"])
    assert stop.value.code == 0
    known = capsys.readouterr().out
    if len(group) == 2 and re.search(rf"\b{group[1]}\b", known):
        with pytest.raises(SystemExit):
            main([*group, "--help"])
        known += capsys.readouterr().out
    assert options <= set(re.findall(r"--[a-z][a-z-]*", known)), known


def test_relative_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", README):
        assert (ROOT / target).exists(), target
