"""`python -m makar.cli`, for where the `makar` command is not on the path."""

import sys

from makar.cli import main

if __name__ == "__main__":
    sys.exit(main())
