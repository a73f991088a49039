"""Every command and every Python program of a document works: run_document.py DOCUMENT.

The blocks ```sh and ```python are run one after another in a new folder that holds what the
documents speak of: my_pictures/ with a subfolder for each of two classes, train.stim.csv and
validation.stim.csv of such pictures, picture.jpg, and alexnet.pth, parameters with 1,000 outputs
that PyTorch saved. The pictures are few, and 50 epochs are cut to 4, so that AlexNet is quick.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = os.environ["DNNB_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tools"))
import documents

TIMEOUT_S = 400


def leave_out(reason):
    print(f"left out: {reason}")
    sys.exit(77)


def make_weights(build):
    """The path of AlexNet's parameters, written once for all documents."""
    path = os.path.join(build, "tests", "documents-alexnet.pth")
    if not os.path.exists(path):
        # Documents are run at the same time: each writes a file of its own, and one name wins.
        own = f"{path}.{os.getpid()}"
        script = os.path.join(SOURCE, "tests/cli/make_weights.py")
        subprocess.run([sys.executable, script, "1000", own], check=True)
        os.replace(own, path)
    return path


def prepare(folder):
    script = os.path.join(SOURCE, "tests/cli/make_pictures.py")
    subprocess.run([sys.executable, script, "4"], cwd=folder, check=True)
    os.symlink("pictures", os.path.join(folder, "my_pictures"))
    shutil.copy(os.path.join(folder, "pictures/bee/bee_3.jpg"), os.path.join(folder, "picture.jpg"))
    os.symlink(make_weights(os.environ["DNNB_BUILD"]), os.path.join(folder, "alexnet.pth"))
    os.mkdir(os.path.join(folder, "bin"))
    os.symlink(os.environ["DNNB_CLI"], os.path.join(folder, "bin/dnnbrain"))


def run(block, folder):
    """Whether the block succeeds; what it printed is shown when it does not."""
    code = re.sub(r"--epochs 50\b", "--epochs 4", block.code)
    command = {"sh": ["sh", "-e"], "python": [sys.executable]}[block.language]
    path = os.path.join(folder, "bin") + os.pathsep + os.environ["PATH"]
    started = time.monotonic()
    try:
        result = subprocess.run(command, cwd=folder, input=code, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                timeout=TIMEOUT_S, env=dict(os.environ, PATH=path))
        status, output = result.returncode, result.stdout
    except subprocess.TimeoutExpired as error:
        status, output = f"none after {TIMEOUT_S} s", (error.stdout or b"").decode()
    print(f"   line {block.line}: {time.monotonic() - started:.1f} s")
    if status != 0:
        print(f"FAILED: status {status}:\n{code}{output[-4000:]}")
    return status == 0


def main():
    if os.environ.get("DNNB_SANITIZE"):
        leave_out("the commands of the documents run without a sanitizer")
    for module in ("PIL", "torch", "torchvision"):
        if subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode:
            leave_out(f"{sys.executable} has no module {module}")
    with open(sys.argv[1], encoding="utf-8") as file:
        blocks = [b for b in documents.blocks(file.read()) if b.language in ("sh", "python")]
    n_failed = 0
    with tempfile.TemporaryDirectory(prefix="dnnbrain-test.") as folder:
        if any(block.reason is None for block in blocks):
            prepare(folder)
        for block in blocks:
            if block.reason is None:
                n_failed += not run(block, folder)
            else:
                print(f"   line {block.line} is not run: {block.reason}")
    print(f"{len(blocks)} blocks, {n_failed} failed")
    sys.exit(1 if n_failed else 0)


main()
