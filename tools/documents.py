"""The blocks of a document that hold code, in their order.

A block begins with ``` and its language; what follows on that line in brackets says why the tests
do not run it: ```sh (not run: it installs packages).
"""

import collections
import re

Block = collections.namedtuple("Block", "line language reason code")

_FENCE = re.compile(r"^```(\w*)[ \t]*(?:\(not run: ([^)\n]+)\))?[ \t]*\n(.*?)^```[ \t]*$",
                    re.MULTILINE | re.DOTALL)


def blocks(text):
    """Each fenced block; `line` is that of its first line of code, counted from 1."""
    return [Block(text.count("\n", 0, match.start(3)) + 1, match[1], match[2], match[3])
            for match in _FENCE.finditer(text)]


def without_blocks(text):
    """The text with empty lines in the place of the blocks."""
    return _FENCE.sub(lambda match: re.sub(r"[^\n]", "", match[0]), text)
