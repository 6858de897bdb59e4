"""How a model is run on this machine: which arithmetic, how its cache is kept, on how many threads."""

from __future__ import annotations

from dataclasses import dataclass

from makar.kit.errors import BadInput, UnknownName

ARITHMETIC = ("auto", "native", "8bit", "4bit", "plain")
CACHE_BITS = (16, 8)


@dataclass(frozen=True)
class Runtime:
    """What does not belong to the question and may still round the answer differently.

    arithmetic: `native` is the packed kernel at the precision of the model's file; `8bit` is the same with weights of
    8 bits and the finest activations; `4bit` has the blocks at 4 bits; `plain` is the Transformer in PyTorch. `auto` is
    native where the model fits it, else plain.
    cache_bits: of the keys and values that are kept; 8 halves their memory. Native only.
    threads:    None is every core this process may use. Never changes the bytes on the native path.
    speculate:  propose what stood in the context before, and check several tokens in one step where that pays. Never
    changes the bytes. Native only.
    """

    arithmetic: str = "auto"
    cache_bits: int = 16
    threads: int | None = None
    speculate: bool = True

    def __post_init__(self) -> None:
        if self.arithmetic not in ARITHMETIC:
            raise UnknownName("arithmetic", self.arithmetic, ARITHMETIC)
        if self.cache_bits not in CACHE_BITS:
            raise BadInput(f"cache_bits is 16 or 8; got {self.cache_bits}")
        if self.cache_bits == 8 and self.arithmetic == "plain":
            raise BadInput("the plain arithmetic has no 8-bit cache; leave out cache_bits or take another arithmetic")
        if self.threads is not None and not 1 <= self.threads <= 1024:
            raise BadInput(f"threads is between 1 and 1,024; got {self.threads}")
