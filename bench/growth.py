"""How the cost of ours grows: with the batch and the threads, the images, the parameters.

`bench/against-pytorch` calls tables(); nothing is compared with a peer here.
"""
import json
import os
import random
import re
import statistics

BATCHES, THREADS, BATCH = (1, 4, 16, 64, 128), (1, 2, 4, 8, 16), 64
# Scenario, options, numbers of images, epochs.
SETS = [
    (1, (), (100, 400, 800), 2),
    (2, (), (100, 400, 1600), 2),
    (2, ("--augment", "none"), (100, 400, 1600), 3),
]
NETWORKS = [("alexnet-mini", 2), ("alexnet", 2), ("alexnet", 1000), ("alexnet", 10000)]


def tables(bench):
    """Lines of Markdown, table by table."""
    is_small = bench.arguments.small
    network = "alexnet-mini" if is_small else "alexnet"
    yield from ["How the cost of a step in float32 grows, with the images of a step and the threads:",
                ""]
    yield from grow_step(bench, network, (1, 4) if is_small else BATCHES, 4 if is_small else BATCH)
    yield from ["", "With the images of a set, in float32, scoring left out. \"Kept\" has the memory that"
                " training takes by default, \"none\" `--cache-memory 0`; an epoch is one after the"
                " first, a set of more images than there are holds copies, and MiB are the peak of"
                " the whole program:", ""]
    yield from grow_set(bench, network, is_small)
    yield from ["", "With the parameters, in float32: a training step of %d images, of it the"
                " optimiser; the peak of training one epoch of one such step, and the file that it"
                " leaves:" % (4 if is_small else BATCH), ""]
    yield from grow_network(bench, NETWORKS[:1] if is_small else NETWORKS, 4 if is_small else BATCH)


def row(*cells):
    return "| %s |" % " | ".join(str(cell) for cell in cells)


def head(*cells):
    return [row(*cells), row(*["---"] * len(cells))]


# --- a step ---

def time_step(bench, network, kind, batch, threads, *options):
    """Median milliseconds of a step, and what is printed before."""
    n_steps = 3 if batch >= BATCH else 5
    command = [os.path.join(bench.arguments.build, "bench", "step"), kind, str(batch), str(n_steps),
               str(threads), "--net", network, *options]
    *table, seconds = bench.run(command)[0].strip().split("\n")
    return 1e3 * statistics.median(json.loads(seconds)), table


def grow_step(bench, network, batches, most):
    """By batch with all threads, and by threads with the batch `most`."""
    yield from head("images a step", "threads", "training ms", "an image", "testing ms", "an image")
    all_threads = bench.arguments.threads
    rows = [(batch, all_threads) for batch in batches]
    rows += [(most, n) for n in THREADS if n < all_threads]
    for batch, threads in rows:
        cells = []
        for kind in ("train", "test"):
            ms = time_step(bench, network, kind, batch, threads)[0]
            cells += ["%.1f" % ms, "%.2f" % (ms / batch)]
        yield row(batch, threads, *cells)


# --- a set ---

def list_pictures(bench):
    """(class, path) of both sets, in a fixed order that mixes the classes."""
    pictures = []
    for part in ("train", "val"):
        for name in ("ants", "bees"):
            folder = os.path.join(os.path.abspath(bench.data), part, name)
            pictures += [(name, os.path.join(folder, file)) for file in sorted(os.listdir(folder))]
    random.Random(0).shuffle(pictures)
    return pictures


def make_stimuli(bench, n):
    """A .stim.csv of n pictures, some more than once where there are not as many: each is a file of
    its own to the program, and decoded and kept by itself."""
    pictures, folder = list_pictures(bench), bench.path("images-%d" % n)
    if not os.path.exists(folder):
        for i in range(n):
            name, path = pictures[i % len(pictures)]
            os.makedirs(os.path.join(folder, name), exist_ok=True)
            os.symlink(path, os.path.join(folder, name, "%d-%s" % (i, os.path.basename(path))))
        bench.run([bench.program, "stim", folder, "--out", folder + ".stim.csv"])
    return folder + ".stim.csv"


def train(bench, network, n, epochs, *options):
    """The run's folder, seconds of each epoch, and the peak MiB of the program."""
    folder = bench.path("growth")
    peak = bench.run([bench.program, "train", "--net", network, "--stim", make_stimuli(bench, n),
                      "--epochs", str(epochs), "--threads", str(bench.arguments.threads), "--lr",
                      "1e-5", "--quiet", "--overwrite", "--out", folder, *options])[1]
    return folder, bench.read_seconds(folder), peak


def grow_set(bench, network, is_small):
    yield from head("epochs of", "images", "kept: s", "ms an image", "MiB", "none: s", "ms an image",
                    "MiB")
    for scenario, options, numbers, epochs in SETS:
        frozen = ("--freeze", "backbone") if scenario == 2 else ()
        for n in (8, 16) if is_small else numbers:
            cells = []
            for memory in ((), ("--cache-memory", "0")):
                _, seconds, peak = train(bench, network, n, epochs, *frozen, *options, *memory)
                later = statistics.median(seconds[1:])
                cells += ["%.3g" % later, "%.2f" % (1e3 * later / n), "%.0f" % peak]
            yield row("scenario %d%s" % (scenario, ", `%s`" % " ".join(options) if options else ""),
                      n, *cells)


# --- a network ---

def grow_network(bench, networks, batch):
    yield from head("network", "outputs", "parameters", "step ms", "optimiser ms",
                    "ns a parameter", "peak MiB", "`.pth` MB")
    for network, n_outputs in networks:
        step_ms, ops = time_step(bench, network, "train", batch, bench.arguments.threads,
                                 "--outputs", str(n_outputs), "--ops")
        optimiser_ms = sum(float(re.search(r" optimiser +([0-9.]+) ms", op).group(1))
                           for op in ops if " optimiser " in op)
        folder, _, peak = train(bench, network, batch, 1, "--classes", str(n_outputs), "--batch",
                                str(batch))
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
            about = json.load(file)["network"]
        n = about["n_parameters"]
        size = os.path.getsize(os.path.join(folder, "model.pth"))
        yield row(about["name"], n_outputs, format(n, ","), "%.1f" % step_ms, "%.1f" % optimiser_ms,
                  "%.2f" % (1e6 * optimiser_ms / n), "%.0f" % peak, "%.1f" % (1e-6 * size))
