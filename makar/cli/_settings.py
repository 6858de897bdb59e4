"""`--set NAME=VALUE` and `--device`, as every kind of training takes them."""

from __future__ import annotations

import argparse
from typing import TypeVar

from makar.kit.config import replace_at
from makar.kit.errors import BadInput

Config = TypeVar("Config")


def configured(config: Config, args: argparse.Namespace) -> Config:
    """`config` with the settings that were given.

    Raises: BadInput, UnknownName
    """
    for setting in args.settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise BadInput(f"--set {setting}: expected NAME=VALUE, such as size=6")
        config = replace_at(config, name.strip(), value.strip())
    return replace_at(config, "device", args.device) if args.device else config
