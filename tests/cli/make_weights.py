"""AlexNet with random parameters, saved by torch.save: make_weights.py N_OUTPUTS FILE."""

import sys

import torch
import torchvision

torch.manual_seed(1)
torch.save(torchvision.models.alexnet(num_classes=int(sys.argv[1])).state_dict(), sys.argv[2])
