"""Accuracy of a trained AlexNet by PyTorch and torchvision alone, as DNNBrain's test computes it.

score_with_torch.py WEIGHTS STIM.csv PREDICTIONS.csv: prints "n correct / n images", and fails when
an output differs from the predictions by more than 1e-4 of the largest (float32 sums in another
order: 60 million products an image, each off by at most 6e-8 of its size).
"""

import csv
import os
import sys

import torch
import torchvision
from PIL import Image

weights, stimuli, predictions = sys.argv[1:4]
torch.set_num_threads(2)

header, rows = {}, []
with open(stimuli) as file:
    for line in file:
        key, _, value = line.strip().partition("=")
        header[key] = value
        if key == "data":
            rows = list(csv.DictReader(file, fieldnames=value.split(",")))
            break
folder = header["path"]
if not os.path.isdir(folder):
    folder = os.path.join(os.path.dirname(stimuli), folder)

# Parameters are loaded over whatever is there: drawing them first would take seconds.
for layer in (torch.nn.Linear, torch.nn.Conv2d):
    layer.reset_parameters = lambda self: None
state = torch.load(weights, weights_only=True)
network = torchvision.models.alexnet(num_classes=state["classifier.6.bias"].numel())
network.load_state_dict(state, strict=True)
network.eval()
transform = torchvision.transforms.Compose([
    torchvision.transforms.Resize((224, 224)),
    torchvision.transforms.ToTensor(),
    torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
])
with open(predictions) as file:
    ours = [[float(row[k]) for k in row if k.startswith("output_")] for row in csv.DictReader(file)]
ours = torch.tensor(ours, dtype=torch.float32)
assert len(ours) == len(rows), (len(ours), len(rows))

n_correct, worst = 0, 0.0
with torch.no_grad():
    for start in range(0, len(rows), 8):
        batch = rows[start : start + 8]
        images = [Image.open(os.path.join(folder, row["stimID"])).convert("RGB") for row in batch]
        outputs = network(torch.stack([transform(image) for image in images]))
        labels = torch.tensor([int(row["label"]) for row in batch])
        n_correct += int((outputs.argmax(1) == labels).sum())
        largest = outputs.abs().max().clamp(min=1)
        worst = max(worst, float((outputs - ours[start : start + 8]).abs().max() / largest))
assert worst < 1e-4, f"outputs differ by {worst}"
print(f"{n_correct} / {len(rows)}")
