"""The looks a model knows: families of style, and the sources of its data by name."""

from __future__ import annotations

from dataclasses import dataclass

from makar.kit.errors import UnknownName


@dataclass(frozen=True)
class Looks:
    """order: the looks as the net numbers them, from 1 on (0 is any look)

    families: those of them that are styles. pixel: those whose pixels are few and hard
    """

    order: tuple[str, ...]
    families: tuple[str, ...] = ()
    pixel: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every look, families first."""
        return (*self.families, *(look for look in self.order if look not in self.families))

    def shows_pixels(self, style: str | None) -> bool:
        """Whether pictures in that style keep their pixels as squares when they are made larger."""
        return style in self.pixel if style is not None else bool(self.order) and set(self.order) == set(self.pixel)

    def number(self, style: str | None) -> int:
        """What the net knows the look by.

        Raises: UnknownName
        """
        if style is None:
            return 0
        if style not in self.order:
            raise UnknownName("style", style, self.names)
        return self.order.index(style) + 1
