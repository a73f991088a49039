"""Seconds an image of Pillow's decoding and torchvision's training transform, as
one JSON line: all pictures of a folder with a subfolder a class, in this thread.

Usage: pytorch_load.py FOLDER
"""
import json
import sys
import time

import torch
from torchvision import datasets, transforms

import pytorch_epoch

torch.set_num_threads(1)
training = transforms.Compose([
    transforms.RandomResizedCrop(224),
    transforms.RandomHorizontalFlip(),
    transforms.ToTensor(),
    transforms.Normalize(pytorch_epoch.MEAN, pytorch_epoch.STD),
])
data = datasets.ImageFolder(sys.argv[1], training, loader=pytorch_epoch.open_rgb)
torch.manual_seed(0)
start = time.perf_counter()
for i in range(len(data)):
    data[i]
print(json.dumps((time.perf_counter() - start) / len(data)))
