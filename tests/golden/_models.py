"""The networks in PyTorch: torchvision's, and those written here that torchvision has not."""

import torchvision
from torch import nn


def alexnet_mini():
    """The table of src/models/alexnet_mini.c in torch.nn."""
    relu, pool = nn.ReLU, lambda: nn.MaxPool2d(3, 2)
    model = nn.Sequential()
    model.features = nn.Sequential(
        nn.Conv2d(3, 32, 5, 2, 2), relu(), pool(), nn.Conv2d(32, 64, 3, 1, 1), relu(), pool(),
        nn.Conv2d(64, 128, 3, 1, 1), relu(), nn.Conv2d(128, 128, 3, 1, 1), relu(),
        nn.Conv2d(128, 128, 3, 1, 1), relu(), pool())
    model.avgpool = nn.AdaptiveAvgPool2d(3)
    model.flatten = nn.Flatten()
    model.classifier = nn.Sequential(
        nn.Dropout(0.1), nn.Linear(1152, 512), relu(), nn.Dropout(0.1), nn.Linear(512, 512), relu(),
        nn.Linear(512, 200))
    return model


def make_twin(name):
    """PyTorch's network of that name, and the side of its input."""
    if name == "AlexNet-mini":
        return alexnet_mini(), 64
    return getattr(torchvision.models, name.lower())(weights=None), 224
