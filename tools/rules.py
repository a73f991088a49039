"""What the checks of tools/check-* share: the files, C text without comments, the report.

Each check prints one line a finding, "file:line: rule: found", and ends with status 1 when there
was one. Only Python's standard library is needed.
"""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# A test that ends with this status is reported as left out; it has printed the reason.
LEFT_OUT = 77

_SKIPPED_FOLDERS = {".git", "__pycache__", "demo", "runs"}
_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)


def files(*endings, under=""):
    """Paths, relative to the root, of the project's files: those that git knows or would add."""
    command = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        found = subprocess.run(command, check=True, capture_output=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        found = list(_walk())
    return sorted(
        path
        for path in set(found)
        if path.startswith(under)
        and (not endings or path.endswith(endings))
        and os.path.isfile(os.path.join(ROOT, path))
    )


def _walk():
    """The same from the file system, for a source tree without git."""
    for folder, names, leaves in os.walk(ROOT):
        names[:] = [n for n in names if n not in _SKIPPED_FOLDERS and not n.startswith("build")]
        for leaf in leaves:
            yield os.path.relpath(os.path.join(folder, leaf), ROOT)


def read(path):
    """A file's text, or None when it is not text."""
    with open(os.path.join(ROOT, path), "rb") as file:
        data = file.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def blank(text, strings=True):
    """C text with comments, and strings if asked, turned into spaces; lines stay where they are."""

    def spaces(match):
        token = match.group()
        if token[0] in "\"'" and not strings:
            return token
        return re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(spaces, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Report:
    def __init__(self):
        self.n_found = 0

    def add(self, path, line, rule, found):
        print(f"{path}:{line}: {rule}: {found}")
        self.n_found += 1

    def end(self, looked_at):
        """Print a summary and leave with the verdict."""
        name = os.path.basename(sys.argv[0])
        print(f"{name}: {looked_at}, {self.n_found or 'nothing'} found")
        sys.exit(1 if self.n_found else 0)


def leave_out(reason):
    print(f"{os.path.basename(sys.argv[0])}: left out: {reason}")
    sys.exit(LEFT_OUT)
