"""A source of text for tests that need no file."""

from __future__ import annotations

from collections.abc import Iterator

from wordkit.text.blocks import Block


class StringSource:
    """Text in memory as blocks of about ``block_size`` bytes, cut as readers must cut it."""

    def __init__(
        self, text: str | bytes, block_size: int = 1 << 20, *, replace_errors: bool = False
    ) -> None:
        self.data = text.encode() if isinstance(text, str) else text
        if not self.data.endswith(b"\n"):
            self.data += b"\n"
        self.block_size = block_size
        self.replace_errors = replace_errors
        self.name = "a string"
        self.size = len(self.data)

    def blocks(self) -> Iterator[Block]:
        start, line = 0, 1
        while start < len(self.data):
            end = self.data.rfind(b"\n", start, start + self.block_size) + 1
            if end <= start:  # a line longer than the block: cut behind white space
                end = max(
                    self.data.rfind(b, start, start + self.block_size) + 1 for b in (b" ", b"\t")
                )
            if end <= start:
                end = self.data.find(b"\n", start) + 1
            data = self.data[start:end]
            yield Block(data, self.name, line, start, end)
            start, line = end, line + data.count(b"\n")
