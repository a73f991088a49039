"""The class of one picture by AlexNet with a file of weights, with PyTorch and torchvision alone.

Usage: pytorch_predict.py WEIGHTS PICTURE
"""
import sys

import torch
import torchvision
from PIL import Image
from torchvision import transforms

model = torchvision.models.alexnet()
model.load_state_dict(torch.load(sys.argv[1]))
model.eval()
transform = transforms.Compose([
    transforms.Resize((224, 224)),
    transforms.ToTensor(),
    transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
])
with torch.no_grad():
    outputs = model(transform(Image.open(sys.argv[2]).convert("RGB"))[None])
print(outputs.argmax().item())
