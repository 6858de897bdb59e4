"""The index over a corpus or a folder: verbatim spans, edited copies, and what may be quoted of them."""
