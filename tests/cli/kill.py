"""Kill training runs at random moments, go on with --resume, and compare how they end.

    kill.py PROGRAM N_KILLS [SEED]

Stands in a folder with train.stim.csv and validation.stim.csv. One run is left alone. Others are
killed with SIGKILL up to four times each, at moments drawn over the length of that run; every
fourth kill waits until a checkpoint is being written. After each kill no final name may hold half a
file. At the end model.pth, best.pth, train_dict.json and predictions.csv must have the same SHA-256
as those of the run that was left alone. Prints what happened; status 1 when anything differs.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile

PROGRAM, N_KILLS = sys.argv[1], int(sys.argv[2])
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(2**32)
OPTIONS = ["train", "--net", "alexnet", "--stim", "train.stim.csv", "--validation",
           "validation.stim.csv", "--freeze", "conv1,conv2,conv3,conv4,fc1,fc2", "--batch", "4",
           "--epochs", "3", "--lr", "1e-4", "--seed", "1", "--checkpoint-every", "0.1", "--quiet"]
COMPARED = ["model.pth", "best.pth", "train_dict.json", "train_dict.pkl", "predictions.csv"]
MAX_KILLS_A_RUN = 4


def start(folder):
    command = [PROGRAM, *OPTIONS, "--out", folder, "--resume"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def sums(folder):
    result = {}
    for name in COMPARED:
        with open(os.path.join(folder, name), "rb") as file:
            result[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return result


def check_whole(folder):
    """Every final name holds a whole file, or none."""
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if ".tmp-" in name or os.path.isdir(path) or name in ("lock", "log.jsonl"):
            continue
        with open(path, "rb") as file:
            data = file.read() if not name.endswith(".pth") else b""
        if name.endswith(".json"):
            json.loads(data)
        elif name.endswith(".pth"):
            assert zipfile.ZipFile(path).namelist(), path
        elif name.endswith(".svg"):
            assert data.rstrip().endswith(b"</svg>"), path
        elif name.endswith(".html"):
            assert data.rstrip().endswith(b"</html>"), path
        elif name.endswith(".png"):
            assert data.endswith(b"IEND\xaeB`\x82"), path
        elif name.endswith(".csv"):
            assert data.endswith(b"\n"), path
        elif name.endswith(".pkl"):
            assert data.endswith(b"."), path
        else:
            raise AssertionError(f"{path}: what is this?")
    log = os.path.join(folder, "log.jsonl")
    if os.path.exists(log):
        with open(log, encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    json.loads(line)


def wait_to_kill(process, folder, duration, want_writing):
    """Until the moment of the kill. False when the run ended before it."""
    writing = os.path.join(folder, "checkpoint", "saving.tmp")
    end = time.monotonic() + random.uniform(0, duration)
    while process.poll() is None:
        now = time.monotonic()
        if not want_writing and now >= end:
            return True
        if want_writing and now >= end and os.path.exists(writing):
            return True
        time.sleep(0.001)
    return False


def main():
    random.seed(SEED)
    begin = time.monotonic()
    whole = start("whole")
    _, message = whole.communicate()
    if whole.returncode != 0:
        sys.exit(f"the run that was left alone failed: {message.decode()}")
    duration = time.monotonic() - begin
    expected = sums("whole")
    n_killed = n_writing = n_runs = n_before_saved = 0
    while n_killed < N_KILLS:
        n_runs += 1
        folder = f"run{n_runs}"
        for n_of_run in range(MAX_KILLS_A_RUN + 1):
            process = start(folder)
            is_last = n_of_run == MAX_KILLS_A_RUN or n_killed == N_KILLS
            want_writing = n_killed % 4 == 3
            if not is_last and wait_to_kill(process, folder, duration, want_writing):
                process.send_signal(signal.SIGKILL)
                process.wait()
                n_killed += 1
                checkpoint = os.path.join(folder, "checkpoint")
                names = os.listdir(checkpoint) if os.path.isdir(checkpoint) else []
                n_writing += "saving.tmp" in names
                n_before_saved += not any(name.startswith("epoch-") for name in names)
                check_whole(folder)
                continue
            _, message = process.communicate()
            if process.returncode != 0:
                sys.exit(f"seed {SEED}: {folder}: status {process.returncode}: {message.decode()}")
            break
        found = sums(folder)
        for name in COMPARED:
            if found[name] != expected[name]:
                sys.exit(f"seed {SEED}: {folder}/{name}: expected {expected[name]}, "
                         f"found {found[name]}")
        left = [name for name in os.listdir(folder)
                if ".tmp" in name or name in ("lock", "checkpoint")]
        if left:
            sys.exit(f"seed {SEED}: {folder}: {left} left")
        shutil.rmtree(folder)
    print(f"{n_killed} kills of {n_runs} runs, {n_writing} of them while a checkpoint was written, "
          f"{n_before_saved} before the first was whole; a run of {duration:.1f} s; every run ended "
          f"with the same bits (seed {SEED}, {time.monotonic() - begin:.0f} s)")
    if N_KILLS >= 40 and n_writing == 0:
        sys.exit("no kill came while a checkpoint was written")


main()
