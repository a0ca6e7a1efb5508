"""The fast scanner's loops: bytes of UTF-8 → tokens → ids, in one pass over the text.

A token is written, in lower case, after the words that are already known, and its hash is taken
on the way; when the hash table turns out to hold the word, the copy is simply forgotten. So no
string is made for a word that has been seen before. The hash of up to eight ASCII characters is
their own, so that most words need not be compared.

The word table of one thread is a tuple of arrays, W words in it:

    slots    (power of two,) uint64: tag of the hash << 32 | word + 1, 0 where empty
    rows     (> W, 4) int64, one cache line holding two words. Columns: START, of the word's bytes
             in the blob, which end where the next word's start; HASH; COUNT, how often it was
             seen; FIRST, where first
    blob     uint8: the bytes of all words, end to end

The kernels never let these arrays grow: they stop with the state ``FULL``, and are called again
where they stopped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wordkit.kernels.jit import njit

# Classes of characters. A character's entry in the table is lower-case code point << 4 | class.
# Words are of the first three, and begin with one of the first two.
WORD, DIGIT, MARK, SPACE, POINT, JOINER, SYMBOL, NEWLINE, HARD, UNSETTLED = range(10)
CLASS_BITS = 4
_CLASS = (1 << CLASS_BITS) - 1

# How a scan ends; the last two by a character of the class HARD or UNSETTLED.
DONE, FULL, INVALID, HARD_LINE, UNSETTLED_LINE = range(5)

# The cells of a scan's state.
STATUS, POSITION, WORDS, TOKENS, LINES, LINE_TOKEN, LINE_START, CELLS = range(8)

# The columns of a word's row.
START, HASH, COUNT, FIRST, COLUMNS = range(5)

# The hash is a polynomial of the code points + 1. Below _LONG it is a number with at most eight
# digits, of ASCII characters, in this base, which no other word has.
_BASE = np.uint64(129)
_LONG = np.uint64(1 << 63)
_LESS_THAN, _ZERO_WIDTH_JOINER = 0x3C, 0x200D


@njit(nogil=True, cache=True)
def _decode(data: Any, i: int, end: int) -> Any:
    """The code point at ``i`` and its bytes; −1 where the bytes are not well-formed UTF-8."""
    b = np.int64(data[i])
    if b < 0x80:
        return b, 1
    if b < 0xC2 or b > 0xF4:
        return -1, 1
    if b < 0xE0:
        if i + 1 >= end or (data[i + 1] & 0xC0) != 0x80:
            return -1, 1
        return ((b & 0x1F) << 6) | (np.int64(data[i + 1]) & 0x3F), 2
    if b < 0xF0:
        if i + 2 >= end or (data[i + 1] & 0xC0) != 0x80 or (data[i + 2] & 0xC0) != 0x80:
            return -1, 1
        point = (
            ((b & 0x0F) << 12)
            | ((np.int64(data[i + 1]) & 0x3F) << 6)
            | (np.int64(data[i + 2]) & 0x3F)
        )
        if point < 0x800 or 0xD800 <= point <= 0xDFFF:  # too long a form, or a surrogate
            return -1, 1
        return point, 3
    if (
        i + 3 >= end
        or (data[i + 1] & 0xC0) != 0x80
        or (data[i + 2] & 0xC0) != 0x80
        or (data[i + 3] & 0xC0) != 0x80
    ):
        return -1, 1
    point = (
        ((b & 0x07) << 18)
        | ((np.int64(data[i + 1]) & 0x3F) << 12)
        | ((np.int64(data[i + 2]) & 0x3F) << 6)
        | (np.int64(data[i + 3]) & 0x3F)
    )
    if point < 0x10000 or point > 0x10FFFF:
        return -1, 1
    return point, 4


@njit(nogil=True, cache=True)
def _encode(blob: Any, end: int, point: int) -> Any:
    """Write a code point at ``end`` as UTF-8; return the new end."""
    if point < 0x80:
        blob[end] = point
        return end + 1
    if point < 0x800:
        blob[end] = 0xC0 | (point >> 6)
        blob[end + 1] = 0x80 | (point & 0x3F)
        return end + 2
    if point < 0x10000:
        blob[end] = 0xE0 | (point >> 12)
        blob[end + 1] = 0x80 | ((point >> 6) & 0x3F)
        blob[end + 2] = 0x80 | (point & 0x3F)
        return end + 3
    blob[end] = 0xF0 | (point >> 18)
    blob[end + 1] = 0x80 | ((point >> 12) & 0x3F)
    blob[end + 2] = 0x80 | ((point >> 6) & 0x3F)
    blob[end + 3] = 0x80 | (point & 0x3F)
    return end + 4


@njit(nogil=True, cache=True)
def _mix(h: np.uint64) -> np.uint64:
    """Spread a hash over its high bits, from which the tag is taken."""
    h ^= h >> np.uint64(32)
    h *= np.uint64(0xD6E8FEB86659FD93)
    h ^= h >> np.uint64(32)
    return h


@njit(nogil=True, cache=True, inline="always")
def _has_room(slots: Any, rows: Any, words: int) -> bool:
    """Return whether the table has room for so many words."""
    return words < len(rows) and 2 * words <= len(slots)


@njit(nogil=True, cache=True, inline="always")
def _number(
    slots: Any, rows: Any, blob: Any,
    words: int, begin: int, end: int, h: np.uint64, position: int,
) -> int:  # fmt: skip
    """Return the word at the end of the blob; ``words`` where it is new. There is room for it."""
    mask = np.uint64(len(slots) - 1)
    mixed = _mix(h)
    tag = mixed >> np.uint64(32)
    slot = mixed & mask
    found = -1
    while found < 0 and slots[slot] != np.uint64(0):
        if slots[slot] >> np.uint64(32) == tag:
            w: Any = np.int64(slots[slot] & np.uint64(0xFFFFFFFF)) - 1
            if rows[w, HASH] == np.int64(h):
                start = rows[w, START]
                k = begin
                if h >= _LONG and rows[w + 1, START] - start == end - begin:
                    while k < end and blob[start + k - begin] == blob[k]:
                        k += 1
                if h < _LONG or k == end:
                    found = w
        slot = (slot + np.uint64(1)) & mask
    if found < 0:
        found = words
        slots[slot] = tag << np.uint64(32) | np.uint64(words + 1)
        rows[words + 1, START] = end
        rows[words, HASH] = np.int64(h)
        rows[words, COUNT], rows[words, FIRST] = 0, position
    return found


@njit(nogil=True, cache=True)
def _begins_unk(data: Any, chars: Any, i: int, end: int) -> bool:
    """Return whether ``<unk>``, in any case that is lower-cased, is at ``i``."""
    return (
        i + 5 <= end
        and chars[data[i + 1]] >> CLASS_BITS == 0x75
        and chars[data[i + 2]] >> CLASS_BITS == 0x6E
        and chars[data[i + 3]] >> CLASS_BITS == 0x6B
        and data[i + 4] == 0x3E
    )


@njit(nogil=True, cache=True)
def scan(
    data: Any, chars: Any, symbols: bool, eos: int, position: int, table: Any, out: Any, state: Any
) -> None:
    """Scan text from ``state[POSITION]`` to its end, or to something it cannot do alone.

    Args:
        data: uint8, the text; its tokens fit into the blob after the words known so far.
        chars: int32 by code point: lower case << CLASS_BITS | class.
        symbols: whether symbols are tokens.
        eos: the word to put at each line end, or −1.
        position: that of the text in all text; orders the first appearances.
        table: the word table.
        out: (ids, line_ends), int32 and int32: tokens, and the token at which each line ends.
        state: int64 cells; STATUS is how it ended:
            DONE, the text is at its end;
            FULL, the word table must grow before the next call;
            INVALID, the bytes at POSITION are not UTF-8;
            HARD_LINE, the line from LINE_START on (its tokens taken back) needs Python;
            UNSETTLED_LINE, the same line may have to be normalized first.
    """
    slots, rows, blob = table
    ids, line_ends = out
    words, n, lines = state[WORDS], state[TOKENS], state[LINES]
    line_token, line_start = state[LINE_TOKEN], state[LINE_START]
    free = rows[words, START]  # where the bytes of the known words end
    size = len(data)
    i = state[POSITION]
    status = DONE
    while i < size:
        point: Any = np.int64(data[i])
        width = 1
        if point >= 0x80:  # calls cost more than the work on a character of ASCII
            point, width = _decode(data, i, size)
        if point < 0:
            status = INVALID
            break
        entry = chars[point]
        kind = entry & _CLASS
        if kind in (SPACE, MARK):  # a mark without a character to belong to
            i += width
            continue
        if kind == NEWLINE:
            i += 1
            if eos >= 0:
                if rows[eos, COUNT] == 0 or position + n < rows[eos, FIRST]:
                    rows[eos, FIRST] = position + n
                rows[eos, COUNT] += 1
                ids[n] = eos
                n += 1
            line_ends[lines] = n
            lines += 1
            line_token, line_start = n, i
            continue
        if kind >= HARD:
            status = HARD_LINE + kind - HARD
            break
        if not _has_room(slots, rows, words + 1):
            status = FULL
            break
        # --- a token begins here: write it, in lower case, after the known words ------------
        begin, end = i, _encode(blob, free, entry >> CLASS_BITS)
        h = np.uint64(entry >> CLASS_BITS) + np.uint64(1)
        is_ascii = entry >> CLASS_BITS < 0x80
        i += width
        if kind <= DIGIT:
            while i < size:
                previous = kind
                point, width = np.int64(data[i]), 1
                if point >= 0x80:
                    point, width = _decode(data, i, size)
                if point < 0:
                    break  # the next round reports it
                entry = chars[point]
                kind = entry & _CLASS
                if kind > MARK:
                    # a joiner stays inside the word when the word continues after it
                    if kind != JOINER and (kind != POINT or previous != DIGIT):
                        break
                    if i + width >= size:
                        break
                    after, _ = _decode(data, i + width, size)
                    if after < 0:
                        break
                    follows = chars[after] & _CLASS
                    if follows >= HARD:
                        kind = follows
                        break
                    if follows != DIGIT and (follows != WORD or kind != JOINER):
                        break
                lower = entry >> CLASS_BITS
                if lower < 0x80:
                    blob[end] = lower
                    end += 1
                else:
                    end = _encode(blob, end, lower)
                    is_ascii = False
                h = h * _BASE + np.uint64(lower) + np.uint64(1)
                i += width
        elif kind == SYMBOL and point == _LESS_THAN and _begins_unk(data, chars, begin, size):
            while i < begin + 5:
                blob[end] = data[i] | 0x20
                h = h * _BASE + np.uint64(blob[end]) + np.uint64(1)
                end += 1
                i += 1
        elif not symbols:
            continue
        else:
            # marks stay with the symbol before them, and symbols with a zero-width joiner
            while i < size and data[i] >= 0x80:
                joined = point == _ZERO_WIDTH_JOINER
                point, width = _decode(data, i, size)
                if point < 0:
                    break
                entry = chars[point]
                kind = entry & _CLASS
                if kind != MARK and not (joined and kind == SYMBOL):
                    break
                end = _encode(blob, end, entry >> CLASS_BITS)
                h = h * _BASE + np.uint64(entry >> CLASS_BITS) + np.uint64(1)
                is_ascii = False
                i += width
        if kind >= HARD:  # what would be a token may be none
            status = HARD_LINE + kind - HARD
            break
        if not is_ascii or end - free > 8:
            h |= _LONG
        w = _number(slots, rows, blob, words, free, end, h, position + n)
        if w == words:
            words += 1
            free = end
        if rows[w, COUNT] == 0 or position + n < rows[w, FIRST]:
            rows[w, FIRST] = position + n  # blocks may come to a thread out of their order
        rows[w, COUNT] += 1
        ids[n] = w
        n += 1
    if status >= HARD_LINE:
        for k in range(line_token, n):
            rows[ids[k], COUNT] -= 1
        n = line_token
        i = line_start
    state[STATUS], state[POSITION], state[WORDS], state[TOKENS] = status, i, words, n
    state[LINES], state[LINE_TOKEN], state[LINE_START] = lines, line_token, line_start


@njit(nogil=True, cache=True)
def measure(data: Any, kinds: Any, lines: Any) -> Any:
    r"""Return characters, words between white space, and the lines that may be unsettled.

    Args:
        data: uint8, valid UTF-8; ``\r\n`` counts as one character, a line end.
        kinds: uint8 by code point: 1, white space; + 2 where normalization may change it.
        lines: int64, as many as there are lines; set to where the lines that may be unsettled
            begin.
    """
    characters, words, i, unsettled, start = 0, 0, 0, 0, 0
    was_white, was_return = True, False
    while i < len(data):
        point: Any = np.int64(data[i])
        width = 1
        if point >= 0x80:
            point, width = _decode(data, i, len(data))
        i += width
        kind = kinds[point]
        is_white = kind & 1 != 0
        words += was_white & (not is_white)  # no branch, which would be mispredicted
        characters += not (was_return & (point == 0x0A))
        was_white, was_return = is_white, point == 0x0D
        if point == 0x0A:
            start = i
        elif kind >= 2 and (unsettled == 0 or lines[unsettled - 1] != start):
            lines[unsettled] = start
            unsettled += 1
    return characters, words, unsettled


@njit(nogil=True, cache=True)
def add_words(
    data: Any, counts: Any, firsts: Any, position: int, table: Any, ids: Any, state: Any
) -> None:
    """Count ready-made words, one a line, from ``state[POSITION]`` on.

    Args:
        data: uint8, the words in UTF-8, each ended by a line feed.
        counts, firsts: int64 by word; where empty, each counts 1 and is first seen at
            ``position + state[TOKENS]``.
        position: as for :func:`scan`.
        table: the word table, its blob with room for the data.
        ids: int32, the word of each line.
        state: int64 cells; STATUS is DONE or FULL, TOKENS counts the ids.
    """
    slots, rows, blob = table
    words, n, i = state[WORDS], state[TOKENS], state[POSITION]
    status = DONE
    while i < len(data):
        if not _has_room(slots, rows, words + 1):
            status = FULL
            break
        free = end = rows[words, START]
        h = np.uint64(0)
        is_ascii = True
        while data[i] != 10:
            point, width = _decode(data, i, len(data))
            end = _encode(blob, end, point)
            h = h * _BASE + np.uint64(point) + np.uint64(1)
            is_ascii &= width == 1
            i += width
        i += 1
        if not is_ascii or end - free > 8:
            h |= _LONG
        count, first = 1, position + n
        if len(counts):
            count, first = counts[n], firsts[n]
        w = _number(slots, rows, blob, words, free, end, h, first)
        words = max(words, w + 1)
        if count > 0 and (rows[w, COUNT] == 0 or first < rows[w, FIRST]):
            rows[w, FIRST] = first
        rows[w, COUNT] += count
        ids[n] = w
        n += 1
    state[STATUS], state[POSITION], state[WORDS], state[TOKENS] = status, i, words, n


@njit(nogil=True, cache=True)
def fill_slots(slots: Any, rows: Any, words: int) -> None:
    """Enter the words into an empty array of slots."""
    mask = np.uint64(len(slots) - 1)
    for w in range(words):
        h = _mix(np.uint64(rows[w, HASH]))
        slot = h & mask
        while slots[slot] != np.uint64(0):
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = (h >> np.uint64(32)) << np.uint64(32) | np.uint64(w + 1)


@njit(nogil=True, cache=True)
def gather_words(rows: Any, blob: Any, order: Any, out: Any) -> int:
    """Write the words in this order, each ended by a line feed; return the bytes written."""
    end = 0
    for w in order:
        for k in range(rows[w, START], rows[w + 1, START]):
            out[end] = blob[k]
            end += 1
        out[end] = 10
        end += 1
    return end
