"""A terminal for a program, drawn by pyte: what a person would see, line by line.

pyte is the oracle: it keeps a screen from the bytes that the program writes, as a terminal does.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

ROWS = 60  # so that nothing that a test looks for scrolls away


class Terminal:
    """A program whose standard streams are this terminal, except where files are given."""

    def __init__(self, command, columns=80, rows=ROWS, stdin=None, stdout=None, stderr=None,
                 environment=None):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.drawn = b""
        self.terminal, other = pty.openpty()
        self._set_size(columns, rows)
        settings = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8")
        settings.pop("NO_COLOR", None)
        settings.update(environment or {})

        def take_terminal():
            os.setsid()
            fcntl.ioctl(other, termios.TIOCSCTTY, 0)

        self.program = subprocess.Popen(
            command, stdin=other if stdin is None else stdin, stdout=stdout or other,
            stderr=stderr or other, env=settings, preexec_fn=take_terminal)
        os.close(other)

    def _set_size(self, columns, rows):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns):
        """As a window does: the screen is cut or widened, then the program is told."""
        self._set_size(columns, self.screen.lines)
        self.screen.resize(self.screen.lines, columns)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def _read(self, seconds):
        """False when the last writer has closed the terminal."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            data = b""
        self.drawn += data
        self.stream.feed(data)
        return bool(data)

    def wait_for(self, condition, seconds=60):
        """Read until condition(lines) holds; False when it does not in time."""
        end = time.monotonic() + seconds
        while not condition(self.lines()):
            left = end - time.monotonic()
            if left <= 0 or not self._read(min(left, 0.2)):
                return condition(self.lines())
        return True

    def finish(self, seconds=120):
        """Read to the end; the exit status."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._read(0.2):
            pass
        if self.program.poll() is None and time.monotonic() >= end:
            os.killpg(self.program.pid, signal.SIGKILL)
        status = self.program.wait()
        os.close(self.terminal)
        return status

    def lines(self):
        """The screen without empty lines at its end, and without spaces at the ends of lines."""
        lines = [line.rstrip() for line in self.screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines
