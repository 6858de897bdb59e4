"""`makar.code`: write, complete, explain, fix, test and doc, on real files; what is returned has been checked."""

from __future__ import annotations

from makar.verbs.code.completing import complete
from makar.verbs.code.documenting import doc
from makar.verbs.code.explaining import explain
from makar.verbs.code.fixing import fix
from makar.verbs.code.options import CodeOptions
from makar.verbs.code.testing import test
from makar.verbs.code.writing import write

__all__ = ["CodeOptions", "complete", "doc", "explain", "fix", "test", "write"]
