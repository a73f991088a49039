"""Run folders for tests of pages: written here as a run writes them, with pictures of their own."""

import json
import os
import pickle

from PIL import Image

COLOURS = [(200, 60, 50), (40, 90, 190), (60, 160, 70), (210, 180, 40)]


def config(images, n_train, counts, task, names, epochs):
    stimuli = {"file": "validation.stim.csv", "sha256": "ab" * 32, "folder": images,
               "n_images": sum(counts), "n_images_of_class": counts if names else None}
    return {
        "versions": {"dnnbrain": "0.1.0", "engine": "oneDNN 2.6.3", "compiler": "gcc 12.2.0"},
        "started": "2026-01-31T12:00:00Z",
        "machine": {"processor": "a processor", "n_processors": 2, "threads": 2,
                    "loading_threads": 2},
        "network": {"name": "AlexNet", "asked_for": "alexnet",
                    "weights": {"file": "weights/alexnet.pth", "sha256": "cd" * 32},
                    "weights_note": None, "freeze": "backbone", "n_outputs": len(names) or 1,
                    "n_parameters": 57012034, "n_trained_parameters": 8194,
                    "trained_parameters": ["classifier.6.weight", "classifier.6.bias"], "seed": 0,
                    "engine": "onednn"},
        "train": dict(stimuli, file="train.stim.csv", n_images=n_train),
        "validation": stimuli,
        "class_names": names or None,
        "training": {"task": task, "target": "label" if names else "RT", "epochs": epochs,
                     "batch": 64, "score_train": True, "augment": "none", "crop_scale": 0.08,
                     "seed": 0, "precision": "f32",
                     "optimizer": {"name": "adam", "lr": 0.001, "weight_decay": 0, "momentum": 0,
                                   "nesterov": False, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
                     "schedule": {"name": "constant", "warmup_epochs": 0, "step_epochs": 30,
                                  "gamma": 0.1},
                     "images": {"background": None, "max_pixels": 178956970,
                                "on_bad_image": "skip", "check": "quick"},
                     "loss": {"class_weights": None, "label_smoothing": 0},
                     "stopping": {"monitor": "score", "early_stop": 0, "min_delta": 0}},
    }


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def quote(text):
    text = str(text)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def write_history(folder, epochs):
    """epochs: dicts with steps, loss, train, validation."""
    lists = {"step_loss": [e["steps"] for e in epochs], "epoch_loss": [e["loss"] for e in epochs],
             "score_train": [e["train"] for e in epochs],
             "score_validation": [e["validation"] for e in epochs]}
    write(folder, "train_dict.json", json.dumps(dict(lists, loss_validation=[
        e["loss"] * 1.25 for e in epochs])))
    with open(os.path.join(folder, "train_dict.pkl"), "wb") as file:
        pickle.dump(lists, file, protocol=2)
    rows = ["epoch,loss,score_train,score_validation,learning_rate,seconds,images_per_second,"
            "images_left_out,loss_validation"]
    rows += [f"{i + 1},{e['loss']!r},{e['train']!r},{e['validation']!r},0.001,1.5,150,1,"
             f"{e['loss'] * 1.25!r}" for i, e in enumerate(epochs)]
    write(folder, "history.csv", "\n".join(rows) + "\n")


def write_log(folder, left_out, end="finished"):
    lines = [{"event": "start", "time": 1769860800.25, "message": "8,194 parameters are trained"},
             {"event": "warning", "time": 1769860801, "message": "the loss has been at chance"}]
    lines += [{"event": "warning", "time": 1769860802, "message": f"{id}: left out", "left_out": {
        "set": "train", "stimID": id, "line": 7, "reason": "JPEG: truncated"}} for id in left_out]
    if end:
        lines.append({"event": "end", "time": 1769860890.75, "status": end, "n_epochs": 5,
                      "message": None})
    write(folder, "log.jsonl", "".join(json.dumps(l, separators=(",", ":")) + "\n" for l in lines))


def make_picture(images, id, k):
    path = os.path.join(images, id)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.new("RGB", (64, 48), COLOURS[k % len(COLOURS)]).save(path, format="PNG")


def make_classification(folder, images, names, ids, n_epochs=5, n_steps=4):
    """ids: a stimID for each prediction. Classes and outputs take turns, a few of them wrong."""
    os.makedirs(folder)
    rows = ["stimID,label,predicted,condition," + ",".join(f"output_{k}" for k in range(len(names)))]
    counts = [0] * len(names)
    for i, id in enumerate(ids):
        label = i % len(names)
        counts[label] += 1
        outputs = [0.25 * ((i * 7 + k * 3) % 5) for k in range(len(names))]
        outputs[label] += 1.0 if i % 4 else -1.0
        predicted = outputs.index(max(outputs))
        make_picture(images, id, label)
        rows.append(",".join([quote(id), str(label), str(predicted), quote(names[label])]
                             + [repr(o) for o in outputs]))
    write(folder, "predictions.csv", "\n".join(rows) + "\n")
    write(folder, "config.json",
          json.dumps(config(images, 245, counts, "classification", names, n_epochs)))
    write_history(folder, make_epochs(n_epochs, n_steps))
    write_log(folder, ["broken <i>.jpg"])


def make_regression(folder, images, ids, n_epochs=5):
    os.makedirs(folder)
    rows = ["stimID,RT,predicted,condition,output_0"]
    for i, id in enumerate(ids):
        target = 300 + 12.5 * i
        output = 0.8 * target + 40 + 25 * ((i * 5) % 7 - 3)
        make_picture(images, id, i)
        rows.append(f"{quote(id)},{target!r},{output!r},,{output!r}")
    write(folder, "predictions.csv", "\n".join(rows) + "\n")
    write(folder, "config.json",
          json.dumps(config(images, 80, [len(ids)], "regression", [], n_epochs)))
    write_history(folder, make_epochs(n_epochs, 4))
    write_log(folder, [])


def make_epochs(n, n_steps):
    epochs = []
    for e in range(n):
        steps = [0.9 / (1 + 0.3 * (e + s / n_steps)) + 0.02 * ((7 * s + e) % 5) for s in range(n_steps)]
        epochs.append({"steps": steps, "loss": sum(steps) / n_steps, "train": 0.5 + 0.08 * min(e, 5),
                       "validation": 0.5 + 0.07 * min(e, 3) - 0.01 * max(e - 3, 0)})
    return epochs
