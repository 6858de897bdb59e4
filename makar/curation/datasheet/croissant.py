"""The datasheet for programs. Source: MLCommons Croissant format 1.0, and its vocabulary for responsible AI 1.0"""

from __future__ import annotations

from typing import Any

from makar.curation.corpus import KEPT, Corpus
from makar.curation.record import UNKNOWN
from makar.curation.statistics import Statistics

_CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform"}
_FIELDS = {"id": "the id of the document", "content": "its text", "source": "where it was read",
           "licence": "an SPDX expression, or unknown", "sha256": "of the text in UTF-8",
           "lineage": "what was done to it, in order", "split": "train, validation or test",
           "language": "ISO 639-1; of code the programming language", "kind": "prose or code"}


def croissant(corpus: Corpus, statistics: Statistics) -> dict[str, Any]:
    """The corpus as a Croissant dataset: its shards with their hashes, its fields, and what was counted."""
    return {
        "@context": _CONTEXT, "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": corpus.name_in_datasheet,
        "description": f"{statistics.num_records:,} documents of text and code, curated by Makar. Root {corpus.root}.",
        "identifier": corpus.root, "version": "1.0.0",
        "license": [_url(licence) for licence in statistics.counts["licences"]],
        "inLanguage": sorted(code for code in statistics.counts["languages"] if len(code) == 2),
        "distribution": _distribution(corpus), "recordSet": [_record_set()],
        "additionalProperty": _properties(corpus, statistics),
        "rai:dataPreprocessingProtocol": [f"{step}: {value}" for step, value in corpus.config.items()],
        "rai:dataCollection": "Read from: " + "; ".join(
            f"{source['name']} ({source['num_files']:,} files)" for source in corpus.manifest.account.sources),
        "rai:personalSensitiveInformation": [f"{label}: {count:,} found"
                                             for label, count in statistics.counts["personal_data"].items()]
        or ["none found by form and check digits; names and addresses are not looked for"],
        "rai:dataBiases": [f"{one.attribute} words near {one.group}: 2^{one.log2_ratio:+.2f} times their rate near "
                           f"people in general ({one.num_near:,} seen)"
                           for one in statistics.bias.associations() if one.clear],
    }


def _url(licence: str) -> str:
    if licence == UNKNOWN or " " in licence or licence.startswith("LicenseRef-"):
        return licence
    return f"https://spdx.org/licenses/{licence}.html"


def _distribution(corpus: Corpus) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = [
        {"@type": "cr:FileObject", "@id": f"{KEPT}/{proof.name}.frames", "name": f"{proof.name}.frames",
         "contentUrl": f"{KEPT}/{proof.name}.frames", "contentSize": f"{proof.num_bytes} B",
         "encodingFormat": "application/zlib", "sha256": proof.frames_sha256} for proof in corpus.manifest.records]
    return [*objects, {"@type": "cr:FileSet", "@id": "shards", "name": "shards", "encodingFormat": "application/zlib",
                       "containedIn": [{"@id": one["@id"]} for one in objects], "includes": f"{KEPT}/*.frames"}]


def _record_set() -> dict[str, Any]:
    fields = [{"@type": "cr:Field", "@id": f"documents/{name}", "name": f"documents/{name}", "description": what,
               "dataType": "sc:Text", "repeated": name == "lineage",
               "source": {"fileSet": {"@id": "shards"}, "extract": {"fileProperty": "content"},
                          "transform": {"jsonPath": f"$.{name}"}}} for name, what in _FIELDS.items()]
    return {"@type": "cr:RecordSet", "@id": "documents", "name": "documents", "key": {"@id": "documents/id"},
            "field": fields}


def _properties(corpus: Corpus, statistics: Statistics) -> list[dict[str, Any]]:
    values: dict[str, Any] = {"documents": statistics.num_records, "characters": statistics.num_chars,
                              "words": statistics.num_words, "read": corpus.counts["read"],
                              "parent": corpus.manifest.account.parent}
    values |= {f"dropped: {reason}": number for reason, number in corpus.counts["dropped"].items()}
    for name, counter in statistics.counts.items():
        values |= {f"{name}: {value}": number for value, number in sorted(counter.items())}
    for one in corpus.manifest.account.sets:
        values[f"kept out: {one['name']}"] = one["sha256"]
    return [{"@type": "sc:PropertyValue", "name": name, "value": value} for name, value in values.items()]
