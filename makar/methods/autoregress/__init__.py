"""Next-token models: how their tokens are chosen, batched, constrained and joined into text."""

from makar.methods.autoregress.constrain import Constraint
from makar.methods.autoregress.job import Job
from makar.methods.autoregress.language import Fim, LanguageModel
from makar.methods.autoregress.runtime import Runtime
from makar.methods.autoregress.sampling import Sampling

__all__ = ["Constraint", "Fim", "Job", "LanguageModel", "Runtime", "Sampling"]
