"""Licences: from names, heads of files, licence texts, package metadata; unknown is said to be unknown."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path

import pytest

from makar.curation import licence, spdx
from makar.curation.record import UNKNOWN

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def forget() -> None:
    """What was found in one test's folders is not kept for the next."""
    licence._stated_in.cache_clear()
    licence._installed.cache_clear()


@pytest.mark.parametrize(("name", "expected"), [
    ("MIT", "MIT"), ("mit license", "MIT"), ("The MIT License (MIT)", "MIT"), ("Apache 2.0", "Apache-2.0"),
    ("Apache License, Version 2.0", "Apache-2.0"), ("apache-2.0", "Apache-2.0"), ("BSD 3-Clause", "BSD-3-Clause"),
    ("BSD-3-Clause License", "BSD-3-Clause"), ("GPLv3+", "GPL-3.0-or-later"), ("cc0-1.0", "CC0-1.0"),
    ("MIT OR Apache-2.0", "MIT OR Apache-2.0"), ("MIT OR Nonsense", UNKNOWN),
    ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC-4.0"), ("proprietary", UNKNOWN), ("", UNKNOWN),
    ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"), ("BSD", UNKNOWN),
    ("Python Software Foundation License", "PSF-2.0"), ("LicenseRef-Public-Domain", "LicenseRef-Public-Domain"),
])
def test_names(name: str, expected: str) -> None:
    assert spdx.named(name) == expected


def test_heads_of_files() -> None:
    assert spdx.header_of("# SPDX-License-Identifier: Apache-2.0 OR MIT\nx = 1\n") == "Apache-2.0 OR MIT"
    assert spdx.header_of('// Licensed under the Apache License, Version 2.0 (the "License");\n') == "Apache-2.0"
    assert spdx.header_of("/* SPDX-License-Identifier: GPL-2.0-only */") == "GPL-2.0-only"
    assert spdx.header_of("A story about the mitigation of licences.") == UNKNOWN
    assert spdx.header_of("x\n" * 9_000 + "SPDX-License-Identifier: MIT") == UNKNOWN


def test_texts_of_licences() -> None:
    assert spdx.of_text((ROOT / "LICENSE").read_text()) == "Apache-2.0"
    bsd2 = ("Redistribution... 1. Redistributions of source code must retain the above copyright notice. 2. "
            "Redistributions in binary form must reproduce the above copyright notice.")
    assert spdx.of_text(bsd2) == "BSD-2-Clause"
    assert spdx.of_text(bsd2 + " 3. Neither the name of the copyright holder...") == "BSD-3-Clause"
    assert spdx.of_text("All rights reserved.") == UNKNOWN
    assert spdx.of_text("This is free and unencumbered software released into the public domain.") == "Unlicense"


def test_known_packages_of_this_environment() -> None:
    folder = Path(sysconfig.get_path("purelib"))
    for package, expected in (("pytest", "MIT"), ("safetensors", "Apache-2.0"), ("hypothesis", "MPL-2.0")):
        found, how = licence.of_folder(folder / package, folder, "__init__.py")
        assert (found, ".dist-info/" in how) == (expected, True), package
        named = folder / package
        assert licence.of_folder(named, named, "__init__.py") == (found, how)  # the package itself as the source


def test_the_standard_library_is_known() -> None:
    folder = Path(sysconfig.get_path("stdlib"))
    if not (folder / "LICENSE.txt").exists():
        pytest.skip(f"{sys.executable} came without its licence text")
    assert licence.of_folder(folder / "json", folder, "decoder.py") == ("PSF-2.0", "LICENSE.txt")


def test_the_nearest_file_holds_and_nothing_above_the_source_is_read(tmp_path: Path) -> None:
    inner = tmp_path / "root" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "LICENSE").write_text((ROOT / "LICENSE").read_text())
    root = tmp_path / "root"
    assert licence.of_folder(inner, root, "x.py") == (UNKNOWN, UNKNOWN)
    (root / "package.json").write_text(json.dumps({"license": "ISC"}))
    forget_all()
    assert licence.of_folder(inner, root, "x.py") == ("ISC", "package.json")
    (root / "a" / "pyproject.toml").write_text('[project]\nname = "x"\nlicense = {text = "MIT License"}\n')
    forget_all()
    assert licence.of_folder(inner, root, "x.py") == ("MIT", "pyproject.toml")


def forget_all() -> None:
    """As a new process would."""
    licence._stated_in.cache_clear()
    licence._installed.cache_clear()


@pytest.mark.parametrize("text", ["{", "[1]", '{"license": 5}', '{"license": {"type": "Custom"}}'])
def test_broken_metadata_is_unknown(text: str, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(text)
    (tmp_path / "pyproject.toml").write_text("not [ toml")
    assert licence.of_folder(tmp_path, tmp_path, "x.py") == (UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(("expression", "allowed", "expected"), [
    ("MIT", "MIT", True), ("MIT OR GPL-3.0-only", "MIT", True), ("MIT AND GPL-3.0-only", "MIT", False),
    ("unknown", "MIT", False), ("MIT AND (Apache-2.0 OR GPL-3.0-only)", "MIT Apache-2.0", True)])
def test_acceptance(expression: str, allowed: str, expected: bool) -> None:
    assert spdx.accepted(expression, frozenset(allowed.split())) is expected
