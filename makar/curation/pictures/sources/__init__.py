"""One file is one place that pictures come from."""

from __future__ import annotations

from makar.curation.pictures.drawing import Source
from makar.curation.pictures.sources import crawl, dicebear, fluent_3d, iconify, openclipart

SOURCES: tuple[Source, ...] = (*iconify.SOURCES, fluent_3d.SOURCE, *dicebear.SOURCES, openclipart.SOURCE, crawl.SOURCE)
"""Every source, in the order in which near-duplicates are kept: the first of them stays."""
