#!/usr/bin/env python3
"""What happens inside a run, against the same run in PyTorch in float64.

Weights of classes, label smoothing, clipping, rates of groups, layers that are trained from an epoch
on, early stopping: a small network on made pictures, without augmentation and dropout.
"""

import fnmatch
import math
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torchvision
from PIL import Image
from sklearn.utils.class_weight import compute_class_weight

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "train_options_driver")
N_CLASSES = 3
TRAIN, VALIDATION = [14, 7, 4], [4, 4, 4]  # pictures of each class
# The engine sums in float32: some roundings of 6e-8, which steps of these sizes do not magnify. (With
# rates that make the loss jump they do: 2e-1 parts the losses by 4e-4 after seven epochs.)
LOSS_TOLERANCE, WEIGHT_TOLERANCE, NORM_TOLERANCE = 1e-6, 1e-6, 1e-6

CASES = {
    "plain": {},
    "balanced": {"class_weights": "balanced"},
    "weights": {"class_weights": "0.5,1,4", "optimizer": "sgd", "lr": 0.05},
    "smoothing": {"label_smoothing": 0.1},
    "weights and smoothing": {"class_weights": "0.5,1,4", "label_smoothing": 0.2},
    "clipping": {"clip_norm": 0.4, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9},
    "clipping of a head": {"clip_norm": 0.3, "freeze": "backbone"},
    "clipping with Adam": {"clip_norm": 0.05, "weight_decay": 0.01},
    "groups": {"lr_groups": "features.*=1e-4,fc1=5e-4,2e-3"},
    "groups, sgd": {"lr_groups": "fc2=0.05,classifier.*=0.02", "lr": 0.01, "optimizer": "sgd",
                    "momentum": 0.9, "schedule": "cosine"},
    "groups, the first counts": {"lr_groups": "*.bias=5e-3,conv1=1e-4,1e-3", "optimizer": "adamw"},
    "unfreezing": {"freeze": "backbone", "unfreeze": "3"},
    "unfreezing, sgd": {"freeze": "backbone", "unfreeze": "2=fc1,4=all", "optimizer": "sgd",
                        "lr": 0.05, "momentum": 0.9},
    "unfreezing, adamw": {"freeze": "conv1,fc1", "unfreeze": "2=fc1,5=conv1", "optimizer": "adamw",
                          "weight_decay": 0.1},
    "all at once": {"freeze": "backbone", "unfreeze": "2=classifier.*,4=all", "clip_norm": 0.5,
                    "lr_groups": "features.*=1e-4,1e-3", "class_weights": "balanced",
                    "label_smoothing": 0.1, "schedule": "cosine"},
    "early stop": {"early_stop": 2, "lr": 1e-5, "epochs": 9},
    "early stop on the loss": {"early_stop": 2, "monitor": "loss", "lr": 0.1, "optimizer": "sgd",
                               "epochs": 40, "class_weights": "0.2,1,6"},
    "early stop with a delta": {"early_stop": 3, "monitor": "loss", "min_delta": 0.05, "epochs": 30},
}
NAMES = {"conv1": "features.0", "fc1": "classifier.0", "fc2": "classifier.2"}

failures = 0


def expect(condition, message):
    global failures
    if not condition:
        print(message)
        failures += 1


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(nn.Linear(128, 16), nn.ReLU(), nn.Linear(16, N_CLASSES))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


transform = torchvision.transforms.Compose([
    torchvision.transforms.Resize((16, 16)),
    torchvision.transforms.ToTensor(),
    torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
])


def make_set(folder, name, counts, seed):
    """Noise with a tint of the class; the tensors and the path of the .stim.csv."""
    random = numpy.random.default_rng(seed)
    images, labels, path = [], [], os.path.join(folder, f"{name}.stim.csv")
    with open(path, "w") as file:
        file.write(f"type=image\npath={folder}\ndata=stimID,label\n")
        for label, count in enumerate(counts):
            for i in range(count):
                pixels = random.integers(0, 160, (20, 24, 3))
                pixels[..., label] += 40
                picture = Image.fromarray(pixels.astype(numpy.uint8))
                picture.save(os.path.join(folder, f"{name}-{label}-{i}.png"))
                file.write(f"{name}-{label}-{i}.png,{label}\n")
                images.append(transform(picture))
                labels.append(label)
    return torch.stack(images).double(), torch.tensor(labels), path


def matches(pattern, path):
    """As --freeze reads patterns: of paths, layers' paths, DNNBrain's names."""
    layer = path.rsplit(".", 1)[0]
    names = {path, layer, path.split(".")[0]} | {k for k, v in NAMES.items() if v == layer}
    if pattern == "backbone":
        return layer != "classifier.2"
    return pattern == "all" or any(
        fnmatch.fnmatchcase(name, glob) for glob in pattern.split(",") for name in names)


def rate_of(path, options):
    rest = options.get("lr", 1e-3)
    for item in filter(None, options.get("lr_groups", "").split(",")):
        pattern, _, rate = item.rpartition("=")
        if not pattern:
            rest = float(rate)
        elif matches(pattern, path):
            return float(rate)
    return rest


def unfreezings(options):
    """(epoch, pattern), from "3" or "2=a,b,4=all"."""
    entries = []
    for item in filter(None, options.get("unfreeze", "").split(",")):
        epoch, _, pattern = item.rpartition("=")
        if epoch:
            entries.append([int(epoch), pattern])
        elif entries:
            entries[-1][1] += "," + pattern
        else:
            entries.append([int(pattern), "all"])
    return entries


class Run:
    """The same training in PyTorch."""

    def __init__(self, state, options, train, validation):
        self.options, self.train, self.validation = options, train, validation
        self.model = Small().double()
        self.model.load_state_dict(state)
        self.frozen = [p for p, _ in self.model.named_parameters()
                       if options.get("freeze") and matches(options["freeze"], p)]
        self.optimizer = None
        self.begin([p for p, _ in self.model.named_parameters() if p not in self.frozen])
        weights = options.get("class_weights")
        if weights == "balanced":
            labels = train[1].numpy()
            weights = compute_class_weight("balanced", classes=numpy.arange(N_CLASSES), y=labels)
        elif weights:
            weights = [float(w) for w in weights.split(",")]
        self.loss = torch.nn.CrossEntropyLoss(
            None if weights is None else torch.tensor(weights, dtype=torch.float64),
            label_smoothing=options.get("label_smoothing", 0.0))

    def begin(self, paths):
        """A group for each parameter, since each may have a rate of its own."""
        named = dict(self.model.named_parameters())
        groups = [{"params": [named[p]], "lr": rate_of(p, self.options), "base": rate_of(p, self.options)}
                  for p in paths]
        if self.optimizer:
            for group in groups:
                self.optimizer.add_param_group(group)
            return
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[
            self.options.get("optimizer", "adam")]
        settings = {"lr": 1e-3}
        settings.update({k: self.options[k] for k in ("momentum", "weight_decay") if k in self.options})
        self.optimizer = kind(groups, **settings)

    def trained(self):
        return [p for p in self.model.parameters() if any(
            p is q for g in self.optimizer.param_groups for q in g["params"])]

    def epoch(self, number, order, batch):
        """Losses and norms of the steps; the epoch's loss, and the validation's."""
        for epoch, pattern in unfreezings(self.options):
            new = [p for p in self.frozen if matches(pattern, p)] if epoch == number else []
            self.frozen = [p for p in self.frozen if p not in new]
            if new:
                self.begin(new)
        factor = 1.0
        if self.options.get("schedule") == "cosine":
            factor = (1 + math.cos(math.pi * (number - 1) / self.options.get("epochs", 6))) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * factor
        images, labels = self.train
        losses, norms, total, weight = [], [], 0.0, 0.0
        for i in range(0, len(order), batch):
            rows = order[i : i + batch]
            self.model.zero_grad()
            loss = self.loss(self.model(images[rows]), labels[rows])
            loss.backward()
            bound = self.options.get("clip_norm", math.inf)
            norms.append(torch.nn.utils.clip_grad_norm_(self.trained(), bound).item())
            self.optimizer.step()
            w = len(rows) if self.loss.weight is None else self.loss.weight[labels[rows]].sum().item()
            losses.append(loss.item())
            total, weight = total + loss.item() * w, weight + w
        with torch.no_grad():
            outputs = self.model(self.validation[0])
            validation_loss = self.loss(outputs, self.validation[1]).item()
        score = (outputs.argmax(1) == self.validation[1]).double().mean().item()
        return losses, norms, total / weight, validation_loss, score


def is_over(values, options):
    """Early stopping, counted in the plainest way; values are such that more is better."""
    reference, waited = -math.inf, 0
    for value in values:
        if value > reference + options.get("min_delta", 0):
            reference, waited = value, 0
        else:
            waited += 1
    return bool(options.get("early_stop")) and waited >= options["early_stop"]


def near(a, b, tolerance):
    return abs(a - b) <= tolerance * max(1.0, abs(b))


def check(name, options, folder, state, sets):
    path = os.path.join(folder, "trained.pth")
    arguments = [f"{k}={v}" for k, v in {"epochs": 6, "batch": 8, **options}.items()]
    done = subprocess.run([DRIVER, os.path.join(folder, "start.pth"), sets[0][2], sets[1][2], path,
                           *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name}: {done.stderr.strip()}")
    lines = [line.split() for line in done.stdout.splitlines()]
    orders = [list(map(int, line[1:])) for line in lines if line[0] == "order"]
    steps = [list(map(float, line[1:])) for line in lines if line[0] == "step"]
    epochs = [list(map(float, line[1:])) for line in lines if line[0] == "epoch"]
    run = Run(state, options, sets[0][:2], sets[1][:2])
    values, worst, at, best = [], [0.0, 0.0, 0.0], 0, -math.inf
    for number in range(1, len(orders) + 1):
        losses, norms, loss, validation_loss, score = run.epoch(number, orders[number - 1], 8)
        if len(epochs) < number:
            expect(False, f"{name}: ended after {len(epochs)} epochs, PyTorch goes on")
            return
        for k, (expected, norm) in enumerate(zip(losses, norms)):
            worst[0] = max(worst[0], abs(steps[at + k][0] - expected))
            expect(near(steps[at + k][0], expected, LOSS_TOLERANCE),
                   f"{name}: epoch {number}, step {k + 1}: {steps[at + k][0]}, PyTorch {expected}")
            if "clip_norm" in options:
                worst[1] = max(worst[1], abs(steps[at + k][1] - norm))
                expect(near(steps[at + k][1], norm, NORM_TOLERANCE),
                       f"{name}: epoch {number}: norm {steps[at + k][1]}, PyTorch {norm}")
        at += len(losses)
        found = epochs[number - 1]
        expect(near(found[0], loss, LOSS_TOLERANCE), f"{name}: epoch loss {found[0]}, PyTorch {loss}")
        expect(near(found[1], validation_loss, LOSS_TOLERANCE),
               f"{name}: epoch {number}: validation loss {found[1]}, PyTorch {validation_loss}")
        expect(found[2] == score, f"{name}: score {found[2]}, PyTorch {score}")
        expect(found[4] == sum(p.numel() for p in run.trained()), f"{name}: {found[4]} are trained")
        head = [g for g in run.optimizer.param_groups if g["params"][0].shape == (N_CLASSES,)][0]
        expect(near(found[3], head["lr"], 1e-12), f"{name}: rate {found[3]}, PyTorch {head['lr']}")
        values.append(-found[1] if options.get("monitor") == "loss" else found[2])
        expect(bool(found[5]) == (values[-1] > best), f"{name}: epoch {number}: best {found[5]}")
        best = max(best, values[-1])
        if is_over(values, options):
            break
    expect(len(epochs) == number, f"{name}: {len(epochs)} epochs, PyTorch {number}")
    if "early_stop" in options:
        expect(number < options["epochs"], f"{name}: it never stops, which says little")
    trained = torch.load(path, weights_only=True)
    for key, value in run.model.state_dict().items():
        worst[2] = max(worst[2], (trained[key].double() - value).abs().max().item())
    expect(worst[2] <= WEIGHT_TOLERANCE, f"{name}: parameters differ by {worst[2]:.1e}")
    print(f"{name}: {len(epochs)} epochs; losses within {worst[0]:.1e}, norms {worst[1]:.1e}, "
          f"parameters {worst[2]:.1e}")


def main():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    with tempfile.TemporaryDirectory() as folder:
        sets = [make_set(folder, "train", TRAIN, 1), make_set(folder, "validation", VALIDATION, 2)]
        state = Small().state_dict()
        torch.save(state, os.path.join(folder, "start.pth"))
        for name, options in CASES.items():
            check(name, options, folder, state, sets)
    sys.exit(1 if failures else 0)


main()
