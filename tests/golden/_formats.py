"""The formats driver, its plain form, and files that PyTorch no longer writes. For formats.py."""

import io
import json
import os
import pickle
import pickletools
import struct
import subprocess
import sys
import tarfile
import zipfile

import numpy
import torch

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "formats_driver")


def drive(verb, source, target, *rest):
    """None, or the message of the library."""
    done = subprocess.run([DRIVER, verb, source, target, *rest], capture_output=True, text=True)
    if done.returncode not in (0, 1) or (done.returncode == 1) != bool(done.stderr):
        sys.exit(f"{verb} {source}: exit status {done.returncode}: {done.stderr}")
    return done.stderr.strip() if done.returncode else None


class Dump:
    """What the library finds in a file: note, tensors (name: torch tensor), views (name: bool)."""

    def __init__(self, path):
        message = drive("dump", path, path + ".dump")
        assert message is None, message
        with open(path + ".dump", "rb") as file:
            self.data = file.read()
        os.remove(path + ".dump")
        self.at = 0
        self.note = self._text()
        self.tensors, self.views = {}, {}
        while self.at < len(self.data):
            name, dtype = self._text(), getattr(torch, self._text())
            (ndim,) = struct.unpack("<I", self._bytes(4))
            shape = struct.unpack(f"<{ndim}q", self._bytes(8 * ndim))
            self.views[name] = bool(self._bytes(1)[0])
            count = int(numpy.prod(shape, dtype=numpy.int64))
            raw = self._bytes(count * torch.empty((), dtype=dtype).element_size())
            flat = (
                torch.frombuffer(bytearray(raw), dtype=dtype)
                if raw
                else torch.empty(0, dtype=dtype)
            )
            self.tensors[name] = flat.reshape(shape)

    def _bytes(self, n):
        self.at += n
        return self.data[self.at - n : self.at]

    def _text(self):
        (n,) = struct.unpack("<I", self._bytes(4))
        return self._bytes(n).decode()


def bits(tensor):
    """A tensor's elements as bytes, so that NaN equals NaN."""
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def same(found, expected):
    """Equal names in order, dtypes, shapes and bits; the first difference as text, or None."""
    if list(found) != list(expected):
        return f"names {list(found)}, expected {list(expected)}"
    for name, want in expected.items():
        have = found[name]
        if have.dtype != want.dtype or have.shape != want.shape:
            have, want = (f"{t.dtype} {tuple(t.shape)}" for t in (have, want))
            return f"{name}: {have}, expected {want}"
        if bits(have) != bits(want):
            return f"{name}: other elements"
    return None


# ------------------------------------------------------------------------- pickles of old programs


def python2(data):
    """The pickle that Python 2 writes: its str is bytes. The operands have the same layout."""
    data = bytearray(data)
    for op, _, at in pickletools.genops(bytes(data)):
        if op.name == "BINUNICODE":
            data[at] = ord("T")
    return bytes(data)


def op_text(text):
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def op_int(value):
    return b"J" + struct.pack("<i", value)


def op_tuple(*items):
    return b"(" + b"".join(items) + b"t"


def op_ints(*values):
    return op_tuple(*map(op_int, values))


def op_global(name):
    module, name = name.rsplit(".", 1)
    return f"c{module}\n{name}\n".encode()


def op_storage(key, count, kind="torch.FloatStorage", *rest):
    head = [op_text("storage"), op_global(kind), op_text(key), op_text("cpu"), op_int(count)]
    return op_tuple(*head, *rest) + b"Q"


def op_dict(**items):
    return b"}(" + b"".join(op_text(key) + value for key, value in items.items()) + b"u"


def zip_of(path, data_pkl, entries, root="archive", method=0, order=b"little"):
    """A .pth archive made by hand."""
    with zipfile.ZipFile(path, "w", compression=method) as archive:
        archive.writestr(f"{root}/data.pkl", data_pkl)
        if order:
            archive.writestr(f"{root}/byteorder", order)
        for key, data in entries.items():
            archive.writestr(f"{root}/data/{key}", data)
        archive.writestr(f"{root}/version", "3\n")


# --------------------------------------------------------------------------------- the tar layout


class TarLayout:
    """Writes a state dict as PyTorch before 0.1.10 did: torch/serialization.py, legacy_load."""

    STORAGES = {
        torch.float32: "FloatStorage",
        torch.float64: "DoubleStorage",
        torch.float16: "HalfStorage",
        torch.int64: "LongStorage",
        torch.int32: "IntStorage",
        torch.int16: "ShortStorage",
        torch.int8: "CharStorage",
        torch.uint8: "ByteStorage",
    }

    def __init__(self, tensors, views=()):
        """views: names whose tensors get a storage that is a view of the first one's."""
        self.tensors, self.views = tensors, views
        self.keys = {name: str(0x7F0000001000 + 16 * i) for i, name in enumerate(tensors)}
        self.roots = {}
        for tensor in tensors.values():
            self.roots.setdefault(
                tensor.storage().data_ptr(), (0x55550000 + len(self.roots), tensor)
            )

    def _key_of(self, name):
        tensor = self.tensors[name]
        return self.roots[tensor.storage().data_ptr()][0] + (1 << 40 if name in self.views else 0)

    def _storages(self):
        out = pickle.dumps(len(self.roots), 2)
        for key, tensor in self.roots.values():
            kind = op_global(f"torch.{self.STORAGES[tensor.dtype]}")
            out += b"\x80\x02" + op_tuple(pickle_long(key), op_text("cpu"), kind) + b"."
            storage = tensor.storage()
            whole = torch.tensor([], dtype=tensor.dtype).set_(storage)
            out += struct.pack("<q", storage.size()) + bits(whole)
        rows = []
        for name in self.views:  # the storage from element 1 on
            root, tensor = self.roots[self.tensors[name].storage().data_ptr()]
            rows.append((root + (1 << 40), root, 1, tensor.storage().size() - 1))
        return out + pickle.dumps(rows, 2)

    def _tensors(self):
        out = pickle.dumps(len(self.tensors), 2)
        for name, tensor in self.tensors.items():
            kind = self.STORAGES[tensor.dtype].replace("Storage", "Tensor")
            head = op_tuple(
                pickle_long(int(self.keys[name])),
                pickle_long(self._key_of(name)),
                op_global(f"torch.{kind}"),
            )
            ndim, offset = tensor.dim(), tensor.storage_offset() - (1 if name in self.views else 0)
            out += b"\x80\x02" + head + b"."
            out += struct.pack(
                f"<ii{ndim}q{ndim}qq", ndim, 0, *tensor.shape, *tensor.stride(), offset
            )
        return out

    def _object(self):
        class Pickler(pickle._Pickler):
            def persistent_id(pickler, value):
                return value[1] if isinstance(value, tuple) and value[:1] == ("tensor",) else None

        file = io.BytesIO()
        Pickler(file, 2).dump({name: ("tensor", key) for name, key in self.keys.items()})
        return python2(file.getvalue())

    def save(self, path):
        with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
            for name, data in [
                ("sys_info", pickle.dumps({"protocol_version": 1000, "little_endian": True}, 2)),
                ("pickle", self._object()),
                ("tensors", self._tensors()),
                ("storages", self._storages()),
            ]:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def pickle_long(value):
    return pickle.dumps(value, 2)[2:-1]


# ------------------------------------------------------------------------------------ safetensors

SAFE_NAMES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def save_safetensors(path, tensors, padding=0):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        raw = bits(tensor)
        header[name] = {
            "dtype": SAFE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode() + b" " * padding
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def load_safetensors(path):
    """All rules of the format, each checked."""
    with open(path, "rb") as file:
        raw = file.read()
    (n,) = struct.unpack("<Q", raw[:8])
    pairs = []
    header = json.loads(raw[8 : 8 + n], object_pairs_hook=lambda p: pairs.append(p) or dict(p))
    assert all(len(p) == len(dict(p)) for p in pairs), "a key is there twice"
    assert all(isinstance(v, str) for v in header.pop("__metadata__", {}).values())
    data, at, out = raw[8 + n :], 0, {}
    assert (8 + n) % 8 == 0, "elements are not aligned"
    for row in sorted(header.values(), key=lambda row: row["data_offsets"]):
        assert row["data_offsets"][0] == at, "a hole or an overlap"
        at = row["data_offsets"][1]
    assert at == len(data)
    for name, row in header.items():
        dtype = {text: dtype for dtype, text in SAFE_NAMES.items()}[row["dtype"]]
        begin, end = row["data_offsets"]
        assert begin % torch.empty((), dtype=dtype).element_size() == 0, "elements are not aligned"
        flat = (
            torch.frombuffer(bytearray(data[begin:end]), dtype=dtype)
            if end > begin
            else torch.empty(0, dtype=dtype)
        )
        out[name] = flat.reshape(row["shape"])
    return out
