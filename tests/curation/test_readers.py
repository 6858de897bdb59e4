"""Every form is read; what cannot be read is one recorded drop, in bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from makar.curation.plan import sources_of, tasks
from makar.curation.readers import read
from makar.curation.readers.lines import lines
from makar.curation.record import Record
from makar.curation.source import ReadConfig
from makar.kit.errors import NotHere


def read_all(path: Path, config: ReadConfig | None = None) -> tuple[list[Record], dict[str, tuple[str, str]]]:
    """(records, source -> (reason, rule)) of a file or folder."""
    sources = sources_of([path])
    records: list[Record] = []
    drops: dict[str, tuple[str, str]] = {}

    def drop(record: Record, reason: str, rule: str) -> None:
        drops[record.source] = (reason, rule)

    for task in tasks(sources):
        for entry in task:
            records += read(sources[entry.source].file(entry), config or ReadConfig(), drop)
    return records, drops


def test_plain_text_and_its_encodings(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "a.txt").write_text("grüße")
    (folder / "b.txt").write_bytes("\ufeffgrüße".encode())
    (folder / "c.txt").write_bytes("grüße".encode("utf-16"))
    (folder / "d.txt").write_bytes("grüße".encode("latin-1"))
    (folder / "e.txt").write_bytes(b"\x00\x01binary")
    (folder / "f.bin").write_bytes(b"x")
    (folder / "g.md").write_bytes(b"\xff\xfe\xff")
    records, drops = read_all(folder)
    assert [one.content for one in records] == ["grüße"] * 3
    assert {name: reason for name, (reason, _) in drops.items()} == {
        "s/d.txt": "encoding", "s/e.txt": "binary", "s/f.bin": "no_reader", "s/g.md": "encoding"}
    assert "byte 2" in drops["s/d.txt"][1]
    records, drops = read_all(folder, ReadConfig(fallback_encoding="latin-1"))
    assert [one.content for one in records][3] == "grüße"


def test_archives_links_and_pipes_are_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    (folder / "inner").mkdir(parents=True)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("zeros.txt", b"0" * 10_000_000)
    (folder / "real.txt").write_text("real")
    (folder / "link.txt").symlink_to(folder / "real.txt")
    (folder / "dangling.txt").symlink_to(folder / "absent.txt")
    (folder / "inner" / "up").symlink_to(folder)
    (folder / "itself").symlink_to(folder / "itself")
    os.mkfifo(folder / "pipe.txt")
    records, drops = read_all(folder)
    assert [one.source for one in records] == ["s/real.txt"]
    assert {name: reason for name, (reason, _) in drops.items()} == {
        "s/bomb.zip": "archive", "s/link.txt": "symlink", "s/dangling.txt": "symlink", "s/inner/up": "symlink",
        "s/itself": "symlink", "s/pipe.txt": "unreadable"}


def test_what_is_too_large_is_dropped_with_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_text("word " * 100)
    kept: list[Record] = []
    source = sources_of([tmp_path / "big.txt"])[0]
    entry = next(tasks([source]))[0]
    assert list(read(source.file(entry), ReadConfig(longest_bytes=99), lambda one, *why: kept.append(one))) == []
    assert kept[0].content.startswith("word word")


def test_a_line_of_gigabytes_is_passed_over_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text": "first"}\n{"text": "')
        file.truncate(2_000_000_000)  # a hole: the line is as long as it says, the disk holds little of it
        file.seek(2_000_000_000)
        file.write(b'"}\n{"text": "last"}\n')
    code = (f"import resource, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            "resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))\n"
            "from pathlib import Path; from makar.curation.source import ReadConfig, SourceFile\n"
            "from makar.curation.readers import json_lines\n"
            f"path = Path({str(path)!r}); drops = []\n"
            "file = SourceFile(path, 'huge', path.parent)\n"
            "found = json_lines.read(file, ReadConfig(), lambda one, reason, rule: drops.append((reason, rule)))\n"
            "print([one.content for one in found], drops)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['first', 'last'] [('too_large', 'a line of 1,999,999,985 bytes")


@pytest.mark.parametrize("limit", [1, 5, 16, 1000])
@pytest.mark.parametrize("step", [1, 3, 7, 100])
def test_parts_of_a_file_have_every_line_once(limit: int, step: int, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\n\ntwo two\r\n" + b"x" * 40 + b"\nlast without an end")
    with path.open("rb") as handle:
        whole = list(lines(handle, limit_bytes=limit))
    parts = []
    for start in range(0, path.stat().st_size, step):
        with path.open("rb") as handle:
            parts += list(lines(handle, limit_bytes=limit, start=start, end=start + step))
    assert parts == whole
    assert len(whole) == 5


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows: Sequence[str] = ('{"content": "one", "license": "apache-2.0"}', '"two"', "", "{broken", '{"other": 1}',
                           '{"text": 5}', "[1]", '{"text": "lone \\ud800 surrogate"}', "[" * 100_000)
    path.write_text("\n".join(rows))
    records, drops = read_all(path)
    assert [(one.content, one.licence) for one in records] == [
        ("one", "Apache-2.0"), ("two", "unknown"), ("lone ? surrogate", "unknown")]
    assert sorted(reason for reason, _ in drops.values()) == ["no_text"] * 3 + ["not_json"] * 2
    assert any("read.text_field" in rule for _, rule in drops.values())
    records, _ = read_all(path, ReadConfig(text_field="other"))
    assert records == []


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('\ufeffid,body\n1,"one\ntwo, ""three"""\n2\n3,four\n')
    records, drops = read_all(path)
    assert [(one.content, one.source) for one in records] == [('one\ntwo, "three"', "table.csv#row=1"),
                                                              ("four", "table.csv#row=3")]
    assert [reason for reason, _ in drops.values()] == ["no_text"]
    for data, reason in ((b"a,b\n1,2\n", "no_text"), (b'text\n"ab"c\nok\n', "not_csv"), (b"text\n\xff\n", "encoding"),
                         (b"text\n" + b"x" * 500 + b"\n", "too_large"), (b'text\n"' + b"x\n" * 300, "not_csv"),
                         (b"text\nab\x00c\n", "binary"), (b"", "no_text")):
        path.write_bytes(data)
        records, drops = read_all(path, ReadConfig(longest_bytes=200))
        assert records == [], data
        assert [found for found, _ in drops.values()] == [reason], data


def test_html(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text('<html><head><title>No</title><style>p{}</style></head><body><nav>Menu</nav><h1>Head</h1><p>One '
                    '<b>bold</b>\n word &amp; more<br>next</p><script>if (a < b) {}</script><pre>a\n  b</pre><ul><li>x'
                    '<li>y</ul><a rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">L</a>'
                    "<p>unclosed <div")
    records, _ = read_all(path)
    assert records[0].content.split("\n")[:7] == ["Head", "One bold word & more", "next", "a", "  b", "x", "y"]
    assert "Menu" not in records[0].content
    assert records[0].licence == "CC-BY-SA-4.0"


def test_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "rows.parquet"
    columns = {"text": ["one", None, "two"], "license": ["mit", None, "x"], "n": [1, 2, 3]}
    parquet.write_table(arrow.table(columns), path)
    records, drops = read_all(path)
    assert [(one.content, one.licence, one.source) for one in records] == [
        ("one", "MIT", "rows.parquet#row=0"), ("two", "unknown", "rows.parquet#row=2")]
    assert drops == {"rows.parquet#row=1": ("no_text", "column 'text' is null")}
    parquet.write_table(arrow.table({"text": [[1], [2]]}), path)
    assert "expected string, got list<" in read_all(path)[1]["rows.parquet"][1]
    parquet.write_table(arrow.table({"n": [1]}), path)
    assert "the fields are n" in read_all(path)[1]["rows.parquet"][1]
    path.write_bytes(b"PAR1 no parquet PAR1")
    assert read_all(path)[1]["rows.parquet"][0] == "not_parquet"


def test_parquet_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(NotHere, match=r"pip install 'makar\[data\]'"):
        read_all(tmp_path / "rows.parquet")


def test_large_files_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from makar.curation import plan

    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"row {number}"}) + "\n" for number in range(500)))
    whole = read_all(path)[0]
    monkeypatch.setattr(plan, "TASK_BYTES", 333)
    assert len(list(tasks(sources_of([path])))) > 10
    assert read_all(path)[0] == whole


def test_a_folder_that_cannot_be_listed_is_a_drop(tmp_path: Path) -> None:
    from makar.curation.source import SourceFile

    drops: list[str] = []
    list(read(SourceFile(tmp_path, "s", tmp_path), ReadConfig(), lambda one, reason, rule: drops.append(reason)))
    assert drops == ["unreadable"]
