"""What a work is made of: text, or the bytes of a file."""

from __future__ import annotations

from makar.kit.errors import BadInput

Content = str | bytes


def utf8(text: str) -> bytes:
    """The text as the bytes that are hashed and kept.

    Raises: BadInput (a lone surrogate)
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadInput("the text holds a lone surrogate, which is no Unicode character and cannot be recorded; "
                       "re-encode it as UTF-8") from error


def data_of(content: Content) -> bytes:
    """The bytes that are hashed, kept and signed.

    Raises: BadInput (a lone surrogate)
    """
    return content if isinstance(content, bytes) else utf8(content)


def text_of(content: Content) -> str:
    """The text of what is known to be one."""
    assert isinstance(content, str), "only texts come here"
    return content


def is_text(media_type: str) -> bool:
    """Whether works of that media type are texts; an SVG is handled as the file of a picture."""
    kind = media_type.split(";")[0].strip().lower()
    return kind.startswith("text/") or kind.endswith(("/json", "+json"))
