"""Seconds of each epoch of DNNBrain's training loop in PyTorch and torchvision, as one JSON line.

Usage: pytorch_epoch.py SCENARIO TRAIN_FOLDER VALIDATION_FOLDER EPOCHS [THREADS]

The loop does what DNNBrain's does with its defaults: every image is opened anew in this process, in
training with RandomResizedCrop and RandomHorizontalFlip, batches of 64 with gradients down to the
images; then both sets are scored with Resize((224, 224)) in batches of 8. Scenario 1 trains all
parameters with Adam; scenario 2 a new last layer with Adam(lr=1e-5).
"""
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


def score(model, data):
    model.eval()
    right = 0
    with torch.no_grad():
        for images, labels in torch.utils.data.DataLoader(data, batch_size=8):
            right += (model(images).argmax(1) == labels).sum().item()
    return right / len(data)


def main():
    scenario, epochs = int(sys.argv[1]), int(sys.argv[4])
    torch.set_num_threads(int(sys.argv[5]) if len(sys.argv) > 5 else 2)
    torch.manual_seed(0)
    training, train_testing, validation = make_sets(sys.argv[2], sys.argv[3])
    model = torchvision.models.alexnet()
    if scenario == 2:
        for parameter in model.parameters():
            parameter.requires_grad = False
    model.classifier[6] = torch.nn.Linear(4096, 2)
    if scenario == 2:
        optimizer = torch.optim.Adam(model.classifier[6].parameters(), lr=1e-5)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    criterion = torch.nn.CrossEntropyLoss()
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        model.train()
        for images, labels in torch.utils.data.DataLoader(training, batch_size=64, shuffle=True):
            images.requires_grad_(True)
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        score(model, train_testing)
        score(model, validation)
        seconds.append(time.perf_counter() - start)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib}))


main()
