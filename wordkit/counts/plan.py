"""How counting divides the memory it may take."""

from __future__ import annotations

from dataclasses import dataclass

from wordkit.errors import ResourceError

__all__ = ["MemoryPlan"]

# Bytes, for each thread, of each word: a sum (8) with its bits (1), a column and a value to write
# (12), the tally and the slot of the word (16).
_PER_WORD_AND_THREAD = 37
# Bytes of each word: where its places and its row start, and bounds.
_PER_WORD = 48
# Bytes, for each thread, of each entry a task may write: in its scratch arrays and in two results.
_PER_ENTRY = 36
# Bytes of each token of a segment: its place, its id in the text, a separator (where each sentence
# is one word) and the page of the corpus it is read from.
_PER_TOKEN = 16
_READ_ENTRY = 12  # an int32 column and an int64 sum
_SPARE = 8  # one part in so many stays free, for what the allocator holds back
_MOST_TASK_ENTRIES = 1 << 20
_MOST_SEGMENT_TOKENS = 1 << 30  # places in a segment are 32-bit
_FEWEST_SEGMENT_TOKENS = 16


@dataclass(frozen=True)
class MemoryPlan:
    """What fits into the memory that counting may take."""

    segment: int
    """Tokens to hold at once; all of them where one segment is enough."""

    task: int
    """Entries that one task may write, unless a single row has more."""

    result: int
    """Bytes of the result to keep in memory."""

    @classmethod
    def make(cls, memory: int, *, tokens: int, words: int, threads: int, window: int) -> MemoryPlan:
        """Divide the memory.

        Args:
            memory: bytes.
            tokens: N, those of the corpus.
            words: V, those counted.
            threads: T.
            window: words on each side.

        Raises:
            ResourceError: it is not enough for even a small segment.
        """
        usable = memory - memory // _SPARE
        task = max(1, min(_MOST_TASK_ENTRIES, usable // (4 * _PER_ENTRY * threads)))
        fixed = (_PER_WORD_AND_THREAD * threads + _PER_WORD) * words
        margin = 2 * window + 2  # tokens read beyond the ends of a segment
        # a part of the result, on the disk, takes room for each word, so it should be worth it
        smallest = (max(_FEWEST_SEGMENT_TOKENS, words) + margin) * _PER_TOKEN
        room = usable - fixed - _PER_ENTRY * threads * task
        if room < smallest:
            # what tasks write takes a quarter of the usable, which is seven parts of eight
            least = (fixed + smallest + _PER_ENTRY * threads) * 4 * _SPARE // (3 * (_SPARE - 1))
            raise ResourceError(
                f"counting {words} words with {threads} threads needs about {least} bytes of "
                f"memory, and {memory} are allowed; allow more, or take fewer threads or words"
            )
        whole = (tokens + margin) * _PER_TOKEN
        if whole <= room and tokens <= _MOST_SEGMENT_TOKENS:
            return cls(max(tokens, 1), task, room - whole)
        segment = min(room // _PER_TOKEN - margin, _MOST_SEGMENT_TOKENS)
        reading = 2 * threads * task * _READ_ENTRY
        return cls(segment, task, max(room - reading, 0))
