"""Seconds of each epoch of DNNBrain's training loop in PyTorch and torchvision, as one JSON line.

Usage: pytorch_epoch.py SCENARIO TRAIN_FOLDER VALIDATION_FOLDER EPOCHS [THREADS [HOW]]
  HOW  plain, or best-f32 or best-bf16

The plain loop does what DNNBrain's does with its defaults: every image is opened anew in this
process, in training with RandomResizedCrop and RandomHorizontalFlip, batches of 64 with gradients
down to the images; then both sets are scored with Resize((224, 224)) in batches of 8. Scenario 1
trains all parameters with Adam; scenario 2 a new last layer with Adam(lr=1e-5). The best of PyTorch
does the same with channels last, two loading processes a set that stay from epoch to epoch, no
gradient to the images, testing batches of 64, and autocast for bf16.
"""
import contextlib
import json
import resource
import sys
import time

import torch
import torchvision
from torchvision import transforms

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def open_rgb(path):
    from PIL import Image
    return Image.open(path).convert("RGB")


def make_sets(train_folder, validation_folder):
    tail = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    training = transforms.Compose(
        [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()] + tail)
    testing = transforms.Compose([transforms.Resize((224, 224))] + tail)

    def folder(path, transform):
        return torchvision.datasets.ImageFolder(path, transform, loader=open_rgb)

    return folder(train_folder, training), folder(train_folder, testing), folder(
        validation_folder, testing)


class Loop:
    """One way to train and score: DNNBrain's own, or PyTorch at its best."""

    def __init__(self, scenario, how):
        self.is_best, self.is_bf16 = how != "plain", how == "best-bf16"
        self.model = torchvision.models.alexnet()
        if scenario == 2:
            for parameter in self.model.parameters():
                parameter.requires_grad = False
        self.model.classifier[6] = torch.nn.Linear(4096, 2)
        if self.is_best:
            self.model = self.model.to(memory_format=torch.channels_last)
        if scenario == 2:
            self.optimizer = torch.optim.Adam(self.model.classifier[6].parameters(), lr=1e-5)
        else:
            self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.criterion = torch.nn.CrossEntropyLoss()
        self.loaders = {}  # of each set

    def load(self, data, batch, **options):
        if data not in self.loaders:
            self.loaders[data] = torch.utils.data.DataLoader(
                data, batch, num_workers=2 if self.is_best else 0,
                persistent_workers=self.is_best, **options)
        for images, labels in self.loaders[data]:
            if self.is_best:
                images = images.contiguous(memory_format=torch.channels_last)
            yield images, labels

    def forward(self, images):
        precision = (torch.autocast("cpu", torch.bfloat16)
                     if self.is_bf16 else contextlib.nullcontext())
        with precision:
            return self.model(images).float()

    def train(self, data):
        self.model.train()
        for images, labels in self.load(data, 64, shuffle=True):
            if not self.is_best:
                images.requires_grad_(True)
            loss = self.criterion(self.forward(images), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def score(self, data):
        self.model.eval()
        right = 0
        with torch.no_grad():
            for images, labels in self.load(data, 64 if self.is_best else 8):
                right += (self.forward(images).argmax(1) == labels).sum().item()
        return right / len(data)


def main():
    scenario, epochs = int(sys.argv[1]), int(sys.argv[4])
    torch.set_num_threads(int(sys.argv[5]) if len(sys.argv) > 5 else 2)
    torch.manual_seed(0)
    training, train_testing, validation = make_sets(sys.argv[2], sys.argv[3])
    loop = Loop(scenario, sys.argv[6] if len(sys.argv) > 6 else "plain")
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        loop.train(training)
        loop.score(train_testing)
        loop.score(validation)
        seconds.append(time.perf_counter() - start)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib}))


if __name__ == "__main__":
    main()
