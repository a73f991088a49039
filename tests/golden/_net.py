"""Small networks for ops_driver: their description, their values, and PyTorch's answer in float64.

A case is a list of layers, each (kind, path, inputs, settings). The driver runs it on an engine; the
function evaluate() computes the same with PyTorch in float64 and autograd, with dropout masks made
from the definition in src/engine/engine.h.
"""

import os
import subprocess
import sys

import numpy
import torch
import torch.nn.functional as F

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "ops_driver")


def drive(*arguments):
    done = subprocess.run([DRIVER, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments[:3]))}: status {done.returncode}: {done.stderr}")
    return done.stdout


def engines():
    return drive("engines").split()


def philox(key, counter):
    """Philox 4x32-10 over an array of counters [n, 4]. Source: Salmon et al., SC 2011."""
    c = [column.astype(numpy.uint64) for column in counter.T]
    k = [numpy.uint64(key[0]), numpy.uint64(key[1])]
    low = numpy.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = c[0] * numpy.uint64(0xD2511F53), c[2] * numpy.uint64(0xCD9E8D57)
        c = [
            (p1 >> numpy.uint64(32)) ^ c[1] ^ k[0],
            p1 & low,
            (p0 >> numpy.uint64(32)) ^ c[3] ^ k[1],
            p0 & low,
        ]
        k = [(k[0] + numpy.uint64(0x9E3779B9)) & low, (k[1] + numpy.uint64(0xBB67AE85)) & low]
    return numpy.stack(c, axis=1)


def kept(key, step, node, count, p):
    """True for the elements that dropout keeps."""
    n_blocks = (count + 3) // 4
    counter = numpy.zeros((n_blocks, 4), numpy.uint64)
    counter[:, 0] = numpy.arange(n_blocks)
    counter[:, 2], counter[:, 3] = node, step
    words = philox(key, counter).reshape(-1)[:count]
    return words >= p * 2.0**32


class Case:
    def __init__(self, name, shape, layers, batch=2, training=True, spread=False, freeze="", seed=1):
        self.name, self.shape, self.layers, self.batch = name, tuple(shape), layers, batch
        self.training, self.freeze = training, freeze
        self.key, self.step = (0x1234567 + seed, 0x89ABCDEF), 7
        self.parameters = {}
        self.folder = None
        generator = numpy.random.default_rng(seed)
        n = batch * int(numpy.prod(shape))
        if spread:
            # All different, 1/32 apart and 1/64 away from 0: a small step changes no maximum, no sign.
            values = (generator.permutation(n) - n // 2 + 0.5) / 32
        else:
            values = generator.standard_normal(n)
        self.input = values.astype(numpy.float32).reshape(batch, *shape)
        with torch.no_grad():
            output = self._forward(torch.from_numpy(self.input).double(), generator)
        self.output_gradient = generator.standard_normal(output.shape).astype(numpy.float32)

    def _parameter(self, path, shape, generator):
        if path not in self.parameters:
            fan_in = max(1, int(numpy.prod(shape[1:])))
            values = generator.standard_normal(shape) / numpy.sqrt(fan_in)
            values = torch.from_numpy(values.astype(numpy.float32)).double()
            self.parameters[path] = values.requires_grad_()
        return self.parameters[path]

    def _forward(self, x, generator=None):
        made = {"input": x}
        last = "input"
        for number, (kind, path, inputs, settings) in enumerate(self.layers, 1):
            xs = [made[name] for name in (inputs or [last])]
            make = lambda suffix, shape: self._parameter(f"{path}.{suffix}", shape, generator)
            made[path] = self._layer(kind, number, xs, settings, make)
            last = path
        return made[last]

    def _layer(self, kind, number, xs, s, make):
        x = xs[0]
        if kind == "conv2d":
            out, kh, kw, sh, sw, ph, pw, dh, dw, groups, no_bias = s
            weight = make("weight", (out, x.shape[1] // groups, kh, kw))
            bias = None if no_bias else make("bias", (out,))
            return F.conv2d(x, weight, bias, (sh, sw), (ph, pw), (dh, dw), groups)
        if kind == "linear":
            out, no_bias = s
            weight = make("weight", (out, x.shape[1]))
            return F.linear(x, weight, None if no_bias else make("bias", (out,)))
        if kind == "maxpool2d":
            kh, kw, sh, sw, ph, pw, ceil = s
            return F.max_pool2d(x, (kh, kw), (sh, sw), (ph, pw), ceil_mode=bool(ceil))
        if kind == "adaptive_avgpool2d":
            return F.adaptive_avg_pool2d(x, s)
        if kind == "dropout":
            if not self.training:
                return x
            p = numpy.float32(s[0])
            mask = kept(self.key, self.step, number, x.numel(), float(p)).reshape(x.shape)
            scale = float(numpy.float32(1) / (numpy.float32(1) - p)) if p < 1 else 0.0
            return x * torch.from_numpy(mask * scale)
        if kind == "add":
            return sum(xs[1:], xs[0])
        return {"relu": torch.relu, "flatten": lambda x: torch.flatten(x, 1),
                "concat": lambda _: torch.cat(xs, 1)}[kind](x)

    def frozen(self, path):
        return any(path == glob or path.startswith(glob + ".") for glob in self.freeze.split(","))

    def write(self, folder):
        self.folder = folder
        os.mkdir(folder)
        lines = ["input " + " ".join(map(str, self.shape)), f"batch {self.batch}",
                 f"training {int(self.training)}", "input_gradient 1",
                 f"random {self.key[0]} {self.key[1]} {self.step}"]
        for kind, path, inputs, settings in self.layers:
            text = " ".join(map(str, settings))
            lines.append(f"layer {kind} {path} {','.join(inputs) if inputs else '-'} {text}")
        if self.freeze:
            lines.append(f"freeze {self.freeze}")
        with open(os.path.join(folder, "net.txt"), "w") as file:
            file.write("\n".join(lines) + "\n")
        self._save("input", self.input)
        self._save("output_gradient", self.output_gradient)
        for path, values in self.parameters.items():
            self._save(f"param.{path}", values.detach().numpy())

    def _save(self, name, values):
        values.astype(numpy.float32).tofile(os.path.join(self.folder, name + ".f32"))

    def evaluate(self):
        """Name to values, float64: "output", "input_gradient", "gradient.PATH"."""
        x = torch.from_numpy(self.input).double().requires_grad_()
        for values in self.parameters.values():
            values.grad = None
        output = self._forward(x)
        answer = {"output": output.detach().numpy()}
        if self.training:
            output.backward(torch.from_numpy(self.output_gradient).double())
            answer["input_gradient"] = x.grad.numpy()
            for path, values in self.parameters.items():
                if not self.frozen(path):
                    answer[f"gradient.{path}"] = values.grad.numpy()
        return answer

    def read(self, engine, kind=numpy.float32):
        """What the driver wrote for this engine, by the names of evaluate()."""
        ending = ".f32" if kind == numpy.float32 else ".f64"
        answer = {}
        for file in os.listdir(self.folder):
            if file.startswith(engine + ".") and file.endswith(ending):
                name = file[len(engine) + 1 : -len(ending)]
                answer[name] = numpy.fromfile(os.path.join(self.folder, file), kind)
        return answer


def error(found, expected):
    """Relative L2 distance, and the largest distance over the largest value."""
    found, expected = found.ravel().astype(numpy.float64), expected.ravel().astype(numpy.float64)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    distance = found - expected
    norm, largest = numpy.linalg.norm(expected), numpy.abs(expected).max(initial=0)
    if largest == 0:
        return float(numpy.abs(distance).max(initial=0)), 0.0
    return numpy.linalg.norm(distance) / norm, numpy.abs(distance).max() / largest
