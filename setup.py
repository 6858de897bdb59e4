"""Builds the C++ kernel with the package where a compiler is there; without one makar installs and runs in PyTorch."""

from __future__ import annotations

import platform
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("makar/native/cpp")
COMMON = ["-std=c++20", "-O3", "-g0", "-Wno-uninitialized", "-Wno-psabi", "-fPIC", "-fvisibility=hidden",
          "-ffp-contract=off", "-pthread"]
PATH = ["-fno-exceptions", "-fno-rtti", "-fno-math-errno"]
# Each instruction set is one file; which of them runs is asked of the processor when the program runs.
FLAGS = {
    "path_generic.cpp": PATH,
    "path_avx2.cpp": [*PATH, "-mavx2", "-mfma", "-mf16c"],
    "path_avx512.cpp": [*PATH, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mfma"],
    "pool.cpp": [],
    "kernel.cpp": [],
}
ELSEWHERE = ("path_avx2.cpp", "path_avx512.cpp") if platform.machine() not in ("x86_64", "AMD64") else ()


class BuildKernel(build_ext):
    """Compiles every file with its own flags; links them into a library that Python opens, but that knows no Python."""

    def build_extension(self, ext: Extension) -> None:
        """Raises what `Extension.optional` turns into a warning."""
        objects = []
        for source in ext.sources:
            flags = [*COMMON, *FLAGS[Path(source).name]]
            objects += self.compiler.compile([source], self.build_temp, extra_postargs=flags, depends=ext.depends)
        self.compiler.link_shared_object(objects, self.get_ext_fullpath(ext.name), target_lang="c++",
                                         extra_postargs=["-pthread"])


if __name__ == "__main__":
    setup(
        cmdclass={"build_ext": BuildKernel},
        ext_modules=[Extension(
            "makar.native._kernel",
            [str(SOURCES / name) for name in FLAGS if name not in ELSEWHERE],
            depends=sorted(str(path) for path in SOURCES.glob("*.h")),
            language="c++",
            optional=True,
        )],
    )
