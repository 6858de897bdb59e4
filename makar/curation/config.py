"""Everything that decides what a corpus becomes; together with the sources it decides every byte of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from makar.curation.contamination import ContaminationConfig
from makar.curation.corpus import SHARD_BYTES
from makar.curation.duplicates import DuplicatesConfig
from makar.curation.language import LanguageConfig
from makar.curation.licence import LicenceConfig
from makar.curation.normalise import NormaliseConfig
from makar.curation.personal_data import PersonalDataConfig
from makar.curation.quality import QualityConfig
from makar.curation.source import ReadConfig
from makar.curation.splits import SplitsConfig


@dataclass(frozen=True)
class CurateConfig:
    """One part for each step, in the order in which they run. `name`: what the datasheet calls the corpus."""

    name: str = ""
    read: ReadConfig = field(default_factory=ReadConfig)
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)
    licence: LicenceConfig = field(default_factory=LicenceConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)
    personal_data: PersonalDataConfig = field(default_factory=PersonalDataConfig)
    contamination: ContaminationConfig = field(default_factory=ContaminationConfig)
    splits: SplitsConfig = field(default_factory=SplitsConfig)
    duplicates: DuplicatesConfig = field(default_factory=DuplicatesConfig)
    shard_bytes: int = SHARD_BYTES
