"""Real pictures as .stim.csv and as PyTorch's tensors; AlexNet that says something about them."""

import os
import sys

import torch
import torchvision
from PIL import Image

HYMENOPTERA = os.path.join(os.environ["DNNB_DATA"], "hymenoptera")
LEFT_OUT = 77

# DNNBrain's testing transform.
transform = torchvision.transforms.Compose([
    torchvision.transforms.Resize((224, 224)),
    torchvision.transforms.ToTensor(),
    torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
])


def pictures(part, n):
    """n (path, label) of the part "train" or "val", ants and bees in turn; ends the test without."""
    if not os.path.isdir(HYMENOPTERA):
        print(f"left out: no pictures in {HYMENOPTERA}")
        sys.exit(LEFT_OUT)
    classes = [
        sorted(os.path.join(folder, name) for name in os.listdir(folder))
        for folder in (os.path.join(HYMENOPTERA, part, name) for name in ("ants", "bees"))
    ]
    return [(classes[i % 2][i // 2], i % 2) for i in range(n)]


def write_stim(path, items):
    with open(path, "w") as file:
        file.write("type=image\npath=/\ndata=stimID,label,condition\n")
        for picture, label in items:
            file.write(f"{picture.lstrip('/')},{label},{('ant', 'bee')[label]}\n")


def load(items):
    """Images and labels as two tensors."""
    images = [transform(Image.open(path).convert("RGB")) for path, _ in items]
    return torch.stack(images), torch.tensor([label for _, label in items])


def alexnet(n_outputs, seed):
    """As PyTorch draws it. Outputs are small, and hardly differ from picture to picture."""
    torch.manual_seed(seed)
    return torchvision.models.alexnet(num_classes=n_outputs)


def lively_alexnet(n_outputs, seed):
    """Random weights that keep the signal's size from layer to layer, so that outputs differ from
    picture to picture and are of the order of 1 to 10, as those of a trained network."""
    model = alexnet(n_outputs, seed)
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
    return model


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model.train()
