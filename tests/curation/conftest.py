"""Sources to curate: prose, code with its licence, pages, tables, and things that are none of these."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from planted import edited
from sentences import prose

MIT = """MIT License

Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction.

The above copyright notice and this permission notice shall be included in all copies.
"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with about 60 documents in seven forms."""
    root = tmp_path / "sources"
    (root / "books").mkdir(parents=True)
    for number in range(30):
        (root / "books" / f"{number:02d}.txt").write_text(prose(number))
    (root / "books" / "again.txt").write_text(prose(3))
    (root / "books" / "nearly.txt").write_text(edited(prose(4), 1))
    (root / "page.html").write_text("<html><head><title>T</title><script>var x;</script></head><body><nav>Home</nav>"
                                    f"<p>{prose(100)}</p></body></html>")
    (root / "notes.md").write_text("# Notes\n\n" + prose(101) + "\nWrite to jane.doe@brightkettle.co.uk today.\n")
    rows = [{"text": prose(200 + number), "license": "cc-by-4.0"} for number in range(10)]
    (root / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "table.csv").write_text("id,text\n" + "".join(f'{number},"{prose(300 + number)}"\n' for number in range(5)))
    code = root / "tree"
    code.mkdir()
    (code / "LICENSE").write_text(MIT)
    for number in range(5):
        (code / f"module{number}.py").write_text(
            f'"""Module {number}."""\n\n\ndef area{number}(width, height):\n    """Of shape {number}."""\n'
            f"    return width * height + {number}\n")
    return root
