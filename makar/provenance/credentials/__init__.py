"""Who signed a work and whether it is as it was signed: local keys, C2PA signatures, and how they are read."""
