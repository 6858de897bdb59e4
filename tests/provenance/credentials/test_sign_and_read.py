"""What is signed is read back, by this reader and by C2PA's own with our authority as its trust anchor."""

from __future__ import annotations

import io
import json

import c2pa
import pytest
from signed_files import FILES, look, manifest, picture

from makar.kit.errors import BadInput, NoNetwork
from makar.provenance.credentials import authority, signing_key
from makar.provenance.credentials.definition import EDITED
from makar.provenance.credentials.media import media_of_type
from makar.provenance.credentials.sign import Parent, sign


@pytest.mark.parametrize("media_type", sorted(FILES))
def test_signed_and_read(media_type: str) -> None:
    signed = sign(FILES[media_type], media_type, manifest())
    found = look(media_type, signed.data, signed.sidecar)
    assert (found.state, found.trusted, found.own, found.wrong) == ("valid", True, True, ())
    assert found.key == signed.key == signing_key.current_key().id
    assert found.manifest == manifest()
    assert found.source_type == "trainedAlgorithmicMedia"
    assert (signed.sidecar is None) == media_of_type(media_type).embeds
    if signed.sidecar is not None:
        assert signed.data == FILES[media_type]


@pytest.mark.parametrize("media_type", sorted(FILES))
def test_the_reader_of_c2pa_itself_trusts_it(media_type: str) -> None:
    signed = sign(FILES[media_type], media_type, manifest())
    settings = {"trust": {"user_anchors": (signing_key.folder() / "authority.pem").read_text()}}
    with (c2pa.Context.from_dict(settings) as context,
          c2pa.Reader(media_type, io.BytesIO(signed.data), signed.sidecar, context=context) as reader):
        assert reader.get_validation_state() == "Trusted"
        active = json.loads(reader.json())["manifests"][json.loads(reader.json())["active_manifest"]]
    labels = {one["label"] for one in active["assertions"]}
    # Of other kinds the hash is not listed.
    bound = {"c2pa.hash.bmff.v3", "org.makar.file-type"} if media_type == "video/mp4" else set()
    assert labels == {"c2pa.actions.v2", "org.makar.manifest", "org.makar.training-data"} | bound
    assert "thumbnail" not in active


def test_elsewhere_it_is_valid_and_not_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    signed = sign(FILES["image/png"], "image/png", manifest())
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path / "elsewhere"))
    found = look("image/png", signed.data)
    assert (found.state, found.trusted, found.own) == ("valid", False, False)
    assert found.key == signed.key
    assert found.name == f"Makar signing key {signed.key}"


def test_a_file_of_another_tool_is_read() -> None:
    key = signing_key.current_key()
    info = c2pa.C2paSignerInfo(b"es256", key.chain, key.private, None)
    out = io.BytesIO()
    with (c2pa.Signer.from_info(info) as signer,
          c2pa.Builder({"claim_generator_info": [{"name": "Easel", "version": "7"}], "assertions": [
              {"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.created", "digitalSourceType":
               "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCreation"}]}}]}) as builder):
        builder.sign(signer, "image/jpeg", io.BytesIO(FILES["image/jpeg"]), out)
    found = look("image/jpeg", out.getvalue())
    assert (found.state, found.manifest, found.tool) == ("valid", None, "Easel 7")
    assert found.source_type == "digitalCreation"


def test_parents_go_along_with_their_signatures() -> None:
    first = sign(FILES["image/png"], "image/png", manifest())
    words = sign(FILES["text/plain"], "text/plain", manifest())
    parents = [Parent("sketch.png", first.data), Parent("brief.txt", words.data, words.sidecar),
               Parent("plain.jpg", picture("JPEG", 2))]
    second = sign(picture("PNG", 3), "image/png", manifest(work="01b0"), parents=parents)
    found = look("image/png", second.data)
    assert found.state == "valid"
    assert found.parents == (("sketch.png", True), ("brief.txt", True), ("plain.jpg", False))
    with c2pa.Reader("image/png", io.BytesIO(second.data)) as reader:
        told = json.loads(reader.json())
    assert len(told["manifests"]) == 3
    actions = told["manifests"][told["active_manifest"]]["assertions"][0]["data"]["actions"]
    assert [one["action"] for one in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"] == EDITED


def test_a_persons_edit_and_a_mask_are_told() -> None:
    signed = sign(FILES["text/plain"], "text/plain", manifest(review={"verb": "edit"}, masked=True))
    with c2pa.Reader("text/plain", io.BytesIO(signed.data), signed.sidecar) as reader:
        told = json.loads(reader.json())
    actions = told["manifests"][told["active_manifest"]]["assertions"][0]["data"]["actions"]
    assert [one["action"] for one in actions] == ["c2pa.created", "c2pa.edited", "c2pa.edited"]
    assert actions[0]["digitalSourceType"] == EDITED


@pytest.mark.parametrize("lists", [[1, 2], {"deep": [{"in": [0, 255]}]}])
def test_a_record_that_would_not_come_back_is_refused(lists) -> None:
    for media_type in ("image/png", "text/plain"):
        with pytest.raises(BadInput, match="would change lists"):
            sign(FILES[media_type], media_type, manifest(lists=lists))
    with pytest.raises(BadInput, match="would change lists"):
        sign(FILES["text/plain"], "text/plain", manifest(lists=lists), embed_text=True)
    kept = manifest(lists=[300, 1.5, "1", [], None, True])
    assert look("text/plain", b"x" * 40, sign(b"x" * 40, "text/plain", kept).sidecar).manifest == kept


def test_bytes_of_another_kind_are_refused() -> None:
    with pytest.raises(BadInput, match="no image/png: they look like image/jpeg"):
        sign(FILES["image/jpeg"], "image/png", manifest())
    with pytest.raises(BadInput, match="cannot be signed"):
        sign(b"neither", "image/png", manifest())


def test_a_time_stamp_service_that_does_not_answer() -> None:
    authority.time_stamps("http://127.0.0.1:9/")
    with pytest.raises(NoNetwork, match=r"127\.0\.0\.1:9/ gave no time stamp .*makar keys timestamps none"):
        sign(FILES["image/png"], "image/png", manifest())
    authority.time_stamps(None)
    assert look("image/png", sign(FILES["image/png"], "image/png", manifest()).data).state == "valid"
