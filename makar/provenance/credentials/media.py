"""Media types by name and by their bytes, and how a signature goes with each. A new medium is one line of the table."""

from __future__ import annotations

from dataclasses import dataclass

HEAD_BYTES = 4096


@dataclass(frozen=True)
class Media:
    """One kind of file.

    embeds: C2PA writes its manifest store into the file; else it lies beside it, in FILE.c2pa
    marks: (offset, bytes) that all stand in a file of this kind
    comment: what begins a comment that ends with its line, where the kind has such comments
    text: the content is text in UTF-8
    """

    media_type: str
    suffixes: tuple[str, ...]
    embeds: bool = False
    marks: tuple[tuple[int, bytes], ...] = ()
    comment: str | None = None
    text: bool = False

    @property
    def kind(self) -> str:
        """What fingerprints and marks go by: text, or the first half of the media type."""
        return "text" if self.text else self.media_type.split("/")[0]


TEXT = Media("text/plain", (".txt", ".text"), text=True)
UNKNOWN = Media("application/octet-stream", ())
TABLE = (
    Media("image/png", (".png",), True, ((0, b"\x89PNG\r\n\x1a\n"),)),
    Media("image/jpeg", (".jpg", ".jpeg"), True, ((0, b"\xff\xd8\xff"),)),
    Media("image/webp", (".webp",), True, ((0, b"RIFF"), (8, b"WEBP"))),
    Media("image/svg+xml", (".svg",), True),
    Media("image/gif", (".gif",), True, ((0, b"GIF8"),)),
    Media("image/avif", (".avif",), True, ((4, b"ftypavif"),)),
    Media("image/tiff", (".tif", ".tiff"), True, ((0, b"II*\0"),)),
    Media("audio/wav", (".wav",), True, ((0, b"RIFF"), (8, b"WAVE"))),
    Media("audio/mpeg", (".mp3",), True, ((0, b"ID3"),)),
    Media("audio/flac", (".flac",), True, ((0, b"fLaC"),)),
    Media("video/mp4", (".mp4", ".m4v"), True, ((4, b"ftyp"),)),
    Media("application/pdf", (".pdf",), True, ((0, b"%PDF-"),)),
    Media("audio/midi", (".mid", ".midi"), marks=((0, b"MThd"),)),
    TEXT,
    Media("text/markdown", (".md", ".markdown"), text=True),
    Media("text/x-python", (".py", ".pyi"), comment="#", text=True),
    Media("application/json", (".json",), text=True),
)


def media_of_type(media_type: str) -> Media:
    """The kind of that media type; parameters such as the character set do not count."""
    wanted = media_type.split(";")[0].strip().lower()
    known = next((media for media in TABLE if media.media_type == wanted), None)
    if known is not None:
        return known
    return Media(wanted, (), text=wanted.startswith("text/") or wanted.endswith(("/json", "+json")))


def media_of(name: str, head: bytes) -> Media:
    """The kind of a file by its first bytes, else by its name, else text if the bytes are; a name can be wrong."""
    for media in TABLE:
        if media.marks and all(head[at:at + len(mark)] == mark for at, mark in media.marks):
            return media
    if _is_svg(head):
        return media_of_type("image/svg+xml")
    named = media_of_name(name)
    if named is not None and not named.marks and not named.embeds and (not named.text or _is_text(head)):
        return named
    if named is not None and named.media_type == "audio/mpeg" and head[:1] == b"\xff":  # an MP3 need not begin with ID3
        return named
    return TEXT if _is_text(head) else UNKNOWN


def media_of_name(name: str) -> Media | None:
    """The kind that the name of a file promises."""
    lower = name.lower()
    return next((media for media in TABLE if lower.endswith(media.suffixes)), None)


def _is_svg(head: bytes) -> bool:
    return b"<svg" in head and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _is_text(head: bytes) -> bool:
    """Whether the bytes can be the beginning of a text; its last character may be cut in two."""
    if not head or b"\0" in head:
        return False
    for cut in range(4):
        try:
            head[:len(head) - cut].decode()
            return True
        except UnicodeDecodeError as error:
            if error.start < len(head) - 4:
                return False
    return False
