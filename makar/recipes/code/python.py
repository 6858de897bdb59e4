"""Python: the standard library that is installed here and the permissive packages beside it, half of it with gaps to
fill in.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

from makar.curation.licence import of_folder
from makar.curation.spdx import PUBLIC_DOMAIN, accepted
from makar.train.config import Config, Data, Schedule, Watch
from makar.train.recipe import Recipe
from makar.train.source import Source, read_folders

LEFT_OUT = ("test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "lib2to3", "pydoc_data",
            "encodings")
PERMISSIVE = frozenset(("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0",
                        "PSF-2.0", "Python-2.0", "Unlicense", "Zlib", PUBLIC_DOMAIN))
MOST_PACKAGE_BYTES = 4_000_000  # of Python: no package is to outweigh the library


def config() -> Config:
    """Four layers of 256 channels; half of all pieces are rearranged around a gap."""
    return Config("code/python", size=4, data=Data(vocab_size=8192, context_tok=512, fim_frac=0.5,
                                                   validation_frac=0.02),
                  schedule=Schedule(num_steps=4000), watch=Watch(validate_steps=100, sample_steps=250))


def obtain(folder: Path) -> Source:
    """The standard library (PSF-2.0) and the packages where they lie, without their tests and tables, and without files
    that say they are under another licence.
    """
    stdlib, site = (Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib"))
    return read_folders({stdlib: "PSF-2.0", **packages(site)}, leave_out=LEFT_OUT, only=(".py",),
                        accept=sorted(PERMISSIVE))


def packages(site: Path) -> dict[Path, str]:
    """The packages installed in a folder that say of themselves that they are under a permissive licence, with it."""
    found = dict[Path, str]()
    for init in sorted(site.glob("*/__init__.py")):
        licence, _ = of_folder(init.parent, init.parent, init.name)
        if accepted(licence, PERMISSIVE) and _num_bytes(init.parent) <= MOST_PACKAGE_BYTES:
            found[init.parent] = licence
    return found


def _num_bytes(package: Path) -> int:
    return sum(path.stat().st_size for path in package.rglob("*.py") if path.is_file())


RECIPE = Recipe("Python with fill-in-the-middle, from the installed standard library and permissive packages", config,
                obtain)
