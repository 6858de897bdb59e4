"""Compiles the kernel and its driver in tests with the address, undefined-behaviour and thread sanitizers; runs both.

Skipped, and said so, only where there is no C++ compiler.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SANITIZERS = ("address,undefined", "thread")


def main() -> int:
    """Returns the exit code."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        print("skipped: there is no C++ compiler here")
        return 0
    build = runpy.run_path(str(ROOT / "setup.py"))
    for sanitizers in SANITIZERS:
        with tempfile.TemporaryDirectory() as folder:
            common = [*build["COMMON"], "-O1", "-g", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all",
                      f"-I{ROOT / build['SOURCES']}"]
            sources = {ROOT / build["SOURCES"] / name: flags for name, flags in build["FLAGS"].items()
                       if name not in build["ELSEWHERE"]}
            objects = []
            for source, flags in (sources | {ROOT / "tests/native/driver.cpp": []}).items():
                objects.append(f"{folder}/{source.stem}.o")
                subprocess.run([compiler, *common, *flags, "-c", str(source), "-o", objects[-1]], check=True)
            driver = f"{folder}/driver"
            subprocess.run([compiler, *common, *objects, "-o", driver], check=True)
            print(f"{sanitizers}: ", end="", flush=True)
            subprocess.run([driver], check=True, timeout=300)
    return 0


if __name__ == "__main__":
    sys.exit(main())
