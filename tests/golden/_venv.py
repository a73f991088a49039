"""A virtual environment in the build folder for what only PyPI has: oracles of single tests."""

import os
import subprocess
import sys

LEFT_OUT = 77


def leave_out_under_sanitizers():
    """For what runs the program only to look at its files with other programs."""
    if os.environ.get("DNNB_SANITIZE"):
        print("left out: slow under a sanitizer; unit tests do the same there")
        sys.exit(LEFT_OUT)


def enter(name, *packages):
    """Go on in an environment that has these packages beside Debian's: the script begins again
    there. Ends the test, as left out, where they cannot be had."""
    folder = os.path.join(os.environ["DNNB_BUILD"], "venv-" + name)
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        return
    ready = os.path.join(folder, "ready")
    if not os.path.exists(ready):
        commands = [[sys.executable, "-m", "venv", "--clear", "--system-site-packages", folder],
                    [os.path.join(folder, "bin", "pip"), "install", "--quiet", "--retries", "1",
                     "--timeout", "20", "--disable-pip-version-check", *packages]]
        for command in commands:
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode != 0:
                reason = (result.stderr or result.stdout).strip().splitlines() or ["no reason"]
                print(f"left out: no {' '.join(packages)} from PyPI: {reason[-1]}")
                sys.exit(LEFT_OUT)
        open(ready, "w").close()
    python = os.path.join(folder, "bin", "python")
    os.execv(python, [python, *sys.argv])
