"""Small pictures of two classes, told apart by their colour, and .stim.csv files that list them.

Writes pictures/ant (reddish) and pictures/bee (bluish), twelve of each, PNG and JPEG of several
sizes and modes; train.stim.csv has eight of each (or half of a number given as an argument),
validation.stim.csv four. Columns: label, condition and RT, a number that follows the brightness.
"""

import os
import random
import sys

from PIL import Image

N_TRAIN = int(sys.argv[1]) // 2 if len(sys.argv) > 1 else 8
N_OF_A_CLASS = N_TRAIN + 4


def make(path, colour, i):
    size = (40 + 7 * i, 64 - 3 * (i % 12))
    image = Image.new("RGB", size)
    image.putdata([
        tuple(min(255, max(0, c + random.randint(-40, 40))) for c in colour)
        for _ in range(size[0] * size[1])
    ])
    if path.endswith(".png"):
        if i % 3 == 1:
            image = image.convert("RGBA")
        elif i % 3 == 2:
            image = image.convert("P")
    image.save(path)


def main():
    random.seed(1)
    rows = {"train": [], "validation": []}
    for label, (name, colour) in enumerate([("ant", (190, 70, 60)), ("bee", (60, 80, 190))]):
        os.makedirs(f"pictures/{name}", exist_ok=True)
        for i in range(N_OF_A_CLASS):
            stimulus = f"{name}/{name}_{i}.{'jpg' if i % 4 == 3 else 'png'}"
            shade = 4 * (i - N_OF_A_CLASS // 2)
            make(f"pictures/{stimulus}", [c + shade for c in colour], i)
            rt = 0.4 + 0.01 * i + 0.2 * label
            which = "train" if i < N_TRAIN else "validation"
            rows[which].append(f"{stimulus},{label},{name},{rt:.2f}")
    for which, lines in rows.items():
        with open(f"{which}.stim.csv", "w") as file:
            file.write("type=image\npath=pictures\ntitle=two colours\n")
            file.write("data=stimID,label,condition,RT\n")
            file.write("\n".join(lines) + "\n")


main()
