"""Writes and reads `pass.strings`, the file that gives a pass its words in one language.

One `"key" = "value";` a line, in UTF-16 with a byte order mark: the only encoding every reader of the
format takes for Cyrillic and Polish. Reading is for explaining a pass, so it accepts UTF-8 as well and says in
one sentence what is wrong.
"""

from __future__ import annotations

import codecs
import re

from ...errors import BadInput

BOM = codecs.BOM_UTF16_LE

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_PAIR = re.compile(rf"{_QUOTED}\s*=\s*{_QUOTED}\s*;", re.DOTALL)
_GAP = re.compile(r"(?:\s|/\*.*?\*/|//[^\n]*)*", re.DOTALL)
_ESCAPED = re.compile(r"\\(?:U([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_MEANT = {"n": "\n", "t": "\t", "r": "\r"}


def line(key: str, text: str) -> str:
    """One entry; `key` is ours and needs no escaping, `text` may hold anything printable and line breaks."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{key}" = "{escaped}";\n'


def encode(lines: str) -> bytes:
    """Lines without the byte order mark, so that more can follow; a file begins with `BOM`."""
    return lines.encode("utf-16-le")


def read(raw: bytes) -> dict[str, str]:
    """Every key with its words, or BadInput."""
    text, found = _decode(raw), dict[str, str]()
    at = _skip(text, 0)
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            raise BadInput(f'pass.strings, line {text.count(chr(10), 0, at) + 1}: expected "key" = "words";')
        found[_unescape(match[1])] = _unescape(match[2])
        at = _skip(text, match.end())
    return found


def _skip(text: str, at: int) -> int:
    """Past blanks and comments."""
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _decode(raw: bytes) -> str:
    is_wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return raw.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("pass.strings is neither UTF-16 with a byte order mark nor UTF-8") from None


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)) if m[1] else _MEANT.get(m[2], m[2]), text)
