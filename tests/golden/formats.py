"""State dicts and histories between the library and PyTorch, numpy and Python, both ways.

Everything is compared bit for bit: no arithmetic is done on the way.
"""

import collections
import json
import os
import pickle
import shutil
import sys
import tempfile
import traceback
import warnings
import zipfile

import numpy
import torch

import _formats as formats
from _formats import (
    Dump,
    drive,
    op_dict,
    op_global,
    op_int,
    op_ints,
    op_storage,
    op_text,
    op_tuple,
    same,
)

warnings.filterwarnings("ignore")
FOLDER = tempfile.mkdtemp(prefix="dnnb-formats-")
failures = []


def path_of(name):
    return os.path.join(FOLDER, name)


def test(function):
    try:
        function()
    except Exception:
        failures.append(function.__name__)
        print(f"{function.__name__}:")
        traceback.print_exc(limit=3, file=sys.stdout)


def expect(found, expected):
    difference = same(found, expected)
    assert difference is None, difference


def refused(path, *texts):
    message = drive("dump", path, path + ".dump")
    assert message, f"{path} was taken"
    assert "\n" not in message and all(t in message for t in (path, *texts)), message


def rich_dict():
    """Each dtype, each number of dimensions, and each way of viewing a storage."""
    torch.manual_seed(5)
    base = torch.randn(6, 8)
    out = collections.OrderedDict()
    for dtype in formats.SAFE_NAMES:
        out[str(dtype)[6:]] = (torch.randn(3, 5) * 50).to(dtype)
    out["scalar"] = torch.tensor(2.5)
    out["empty"] = torch.empty(0, 3)
    out["one"] = torch.randn(1)
    out["four"] = torch.randn(2, 3, 4, 5)
    out["five"] = torch.randn(1, 2, 3, 2, 1)
    out["special"] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 1e-45])
    out["whole"] = base
    out["transposed"] = base.t()
    out["sliced"] = base[1:5:2, 2:7:3]
    out["row"] = base[3]
    out["expanded"] = torch.randn(4, 1).expand(4, 7)
    out["parameter"] = torch.nn.Parameter(torch.randn(3, 2))
    out["größe.δ"] = torch.ones(2)
    return out


RICH = rich_dict()


def test_pth_zip_as_torch_writes_it():
    path = path_of("rich.pth")
    torch.save(RICH, path)
    dump = Dump(path)
    expect(dump.tensors, RICH)
    assert all(dump.views.values()), "a tensor of a stored entry was copied"
    assert dump.note == ""


def test_pth_magic_number_as_torch_writes_it():
    path = path_of("legacy.pth")
    torch.save(RICH, path, _use_new_zipfile_serialization=False)
    expect(Dump(path).tensors, RICH)
    # A name of each length gives each alignment of the elements.
    for n in range(1, 9):
        short = {"n" * n: torch.arange(7, dtype=torch.float64), "b": torch.arange(3)}
        torch.save(short, path, _use_new_zipfile_serialization=False)
        expect(Dump(path).tensors, short)


def test_pth_magic_number_with_views_of_storages():
    path = path_of("view.pth")
    key = op_text("8")
    whole = op_storage("7", 10, "torch.FloatStorage", b"N")
    view = op_storage("7", 10, "torch.FloatStorage", op_tuple(key, *map(op_int, (4, 3))))
    rebuild = op_global("torch._utils._rebuild_tensor")

    def tensor(storage, *sizes):
        return rebuild + op_tuple(storage, op_int(0), op_ints(*sizes), op_ints(1)) + b"R"

    system = pickle.dumps({"protocol_version": 1001, "little_endian": True}, 2)
    data = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + pickle.dumps(1001, 2) + system
    elements = numpy.arange(10, dtype="<f4").tobytes()

    def write(view_size):
        body = b"\x80\x02" + op_dict(a=tensor(whole, 10), b=tensor(view, view_size)) + b"."
        body += pickle.dumps(["7"], 2) + (10).to_bytes(8, "little") + elements
        with open(path, "wb") as file:
            file.write(data + body)

    write(3)
    ten = torch.arange(10.0)
    expect(Dump(path).tensors, {"a": ten, "b": ten[4:7]})
    expect(torch.load(path), {"a": ten, "b": ten[4:7]})
    write(4)
    refused(path, "'b'", "outside its storage of 12 bytes")


def test_pth_tar():
    path = path_of("tar.pth")
    base = torch.randn(5, 4)
    tensors = {
        "conv.weight": torch.randn(2, 3, 3, 3),
        "whole": base,
        "part": base[1:, 1:],
        "transposed": base.t(),
        "double": torch.randn(3).double(),
        "long": torch.arange(5),
        "byte": torch.arange(3, dtype=torch.uint8),
        "scalar_like": torch.randn(1),
    }
    formats.TarLayout(tensors, views=["part"]).save(path)
    expect(torch.load(path), tensors)  # the oracle agrees that this is the layout
    expect(Dump(path).tensors, tensors)


def test_pth_of_python_2():
    path = path_of("python2.pth")
    source = path_of("python2-source.pth")
    plain = collections.OrderedDict((k, RICH[k]) for k in ("float32", "transposed", "int64"))
    torch.save(plain, source)
    with zipfile.ZipFile(source) as archive:
        names = archive.namelist()
        root = names[0].split("/")[0]
        pkl = archive.read(f"{root}/data.pkl")
        entries = {n.split("/")[-1]: archive.read(n) for n in names if "/data/" in n}
    formats.zip_of(path, formats.python2(pkl), entries)
    expect(Dump(path).tensors, plain)
    # Python 2 made an OrderedDict from a list of pairs.
    one = (
        op_global("torch._utils._rebuild_tensor_v2")
        + op_tuple(op_storage("0", 2), op_int(0), op_ints(2), op_ints(1), b"\x89", b"N")
        + b"R"
    )
    pairs = b"](](" + b"U\x01a" + one + b"e](" + b"U\x01b" + one + b"ee"
    body = b"\x80\x02" + op_global("collections.OrderedDict") + pairs + b"\x85R."
    formats.zip_of(path, body, {"0": numpy.array([1, 2], "<f4").tobytes()})
    two = torch.tensor([1.0, 2.0])
    expect(Dump(path).tensors, {"a": two, "b": two})


def test_pth_every_encoding_of_a_tensor():
    path = path_of("encodings.pth")
    parts = [op_storage("0", 6), op_int(0), op_ints(2, 3), op_ints(3, 1)]
    v1 = op_global("torch._utils._rebuild_tensor") + op_tuple(*parts) + b"R"
    v2 = op_global("torch._utils._rebuild_tensor_v2") + op_tuple(*parts, b"\x88", b"}") + b"R"
    built = op_global("torch.FloatTensor") + b")\x81" + op_tuple(*parts) + b"b"
    reduced = op_global("torch.cuda.FloatTensor") + b")R" + op_tuple(*parts) + b"b"
    size = op_global("torch.Size") + op_ints(2, 3) + b"\x85R"
    sized = op_global("torch._utils._rebuild_tensor") + op_tuple(*parts[:2], size, parts[3]) + b"R"
    parameter = op_global("torch._utils._rebuild_parameter") + op_tuple(v2, b"\x88", b"}") + b"R"
    state = op_global("torch._utils._rebuild_parameter_with_state")
    state += op_tuple(v2, b"\x88", b"}", b"}") + b"R"
    old = op_global("torch.nn.parameter.Parameter") + op_tuple(v1, b"\x88") + b"R"
    cases = dict(
        v1=v1,
        v2=v2,
        built=built,
        reduced=reduced,
        sized=sized,
        parameter=parameter,
        state=state,
        old=old,
    )
    body = b"\x80\x02" + op_dict(**cases) + b"."
    formats.zip_of(path, body, {"0": numpy.arange(6, dtype="<f4").tobytes()})
    expect(Dump(path).tensors, {name: torch.arange(6.0).reshape(2, 3) for name in cases})


def test_pth_deflated_and_misaligned():
    path = path_of("deflated.pth")
    source = path_of("deflated-source.pth")
    torch.save(RICH, source)
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", method) as new:
            for name in old.namelist():
                new.writestr(name.replace("deflated-source", "archive"), old.read(name))
        expect(Dump(path).tensors, RICH)


def test_pth_wrappers_and_prefixes():
    path = path_of("wrapped.pth")
    plain = {"a.weight": torch.randn(2, 2), "a.bias": torch.randn(2)}
    parallel = {"module." + name: t for name, t in plain.items()}
    weight = torch.nn.Parameter(torch.randn(2))
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    optimizer.step()
    around = {
        "epoch": 7,
        "arch": "alexnet",
        "best": torch.tensor(71.5),
        "lr": 1e-3,
        "large": 1 << 80,
        "done": None,
        "history": [1.0, (2, 3), {4}],
        "accuracy": numpy.float64(0.5),
        "array": numpy.arange(3),
        "optimizer": optimizer.state_dict(),
        "scheduler": collections.defaultdict(list, a=[collections.Counter("aab")]),
        "device": torch.device("cpu"),
        "size": torch.Size([1, 2]),
        "dtype": torch.float32,
    }
    for use_zip in (True, False):
        for key in ("state_dict", "model", "model_state_dict"):
            torch.save({**around, key: parallel}, path, _use_new_zipfile_serialization=use_zip)
            dump = Dump(path)
            expect(dump.tensors, plain)
            assert f"'{key}'" in dump.note and "'module.'" in dump.note, dump.note
        torch.save(
            {"epoch": 1, "model": {"state_dict": plain, "x": 1}},
            path,
            _use_new_zipfile_serialization=use_zip,
        )
        dump = Dump(path)
        expect(dump.tensors, plain)
        assert "'model.state_dict'" in dump.note, dump.note
        torch.save(
            {**plain, "extra": 3, "more": "text"}, path, _use_new_zipfile_serialization=use_zip
        )
        dump = Dump(path)
        expect(dump.tensors, plain)
        assert dump.note == "left out 2 values that are no tensors", dump.note
    # Only some names with the prefix: it belongs to them.
    mixed = {"module.a": torch.ones(1), "b": torch.ones(1)}
    torch.save(mixed, path)
    expect(Dump(path).tensors, mixed)


def network():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Linear(4, 2)
    )


def test_pth_written_loads_strictly_in_torch():
    source, path, again = path_of("net.pth"), path_of("net2.pth"), path_of("net3.pt")
    torch.save(network().state_dict(), source)
    assert drive("convert", source, path) is None
    loaded = torch.load(path, weights_only=True)
    target = network()
    for t in target.state_dict().values():
        t.zero_()
    target.load_state_dict(loaded, strict=True)
    expect(target.state_dict(), network().state_dict())
    assert drive("convert", path, again) is None
    with open(path, "rb") as one, open(again, "rb") as two:
        assert one.read() == two.read(), "the same tensors gave two files"


def test_written_files_hold_the_same_bits():
    source = path_of("bits.pth")
    torch.save(RICH, source)
    for ending, load in (
        ("pth", lambda p: torch.load(p, weights_only=True)),
        ("pth", torch.load),
        ("safetensors", formats.load_safetensors),
    ):
        path = path_of("bits-out." + ending)
        assert drive("convert", source, path) is None
        expect(load(path), RICH)
        dump = Dump(path)
        expect(dump.tensors, RICH)
        assert all(dump.views.values()), "what the library wrote is not aligned"
    path = path_of("bits-out.npz")
    assert "bfloat16" in drive("convert", source, path)
    assert not os.path.exists(path), "half a file was left"
    plain = {name: t for name, t in RICH.items() if t.dtype != torch.bfloat16}
    torch.save(plain, source)
    assert drive("convert", source, path) is None
    with numpy.load(path, allow_pickle=False) as arrays:
        expect({name: torch.from_numpy(arrays[name]) for name in arrays.files}, plain)
    dump = Dump(path)
    expect(dump.tensors, plain)
    assert all(dump.views.values()), "what the library wrote is not aligned"


def test_types_convert_as_in_torch():
    """To the bit: ties, subnormals, the largest numbers, NaN; and what is too large is refused."""
    source, path = path_of("types.pth"), path_of("types-out.pth")
    bits = torch.randint(0, 2**32, (200_000,), generator=torch.Generator().manual_seed(1))
    values = bits.numpy().astype(numpy.uint32).view(numpy.float32)
    values = numpy.concatenate([values, values % 65504, numpy.exp2(numpy.arange(-30.0, 15)),
                                (numpy.arange(4096) + 0.5) * 2.0**-24, 2048 + numpy.arange(9) / 2,
                                [0.0, -0.0, 65519.0, 65504, numpy.inf, -numpy.inf, numpy.nan]])
    values = torch.from_numpy(values.astype(numpy.float32))
    strided = torch.arange(12.0).reshape(3, 4).t()
    state = collections.OrderedDict(w=values, strided=strided, steps=torch.tensor(7))
    for dtype, limit in ((torch.float16, 65520), (torch.bfloat16, 3.39e38), (torch.float64, None)):
        fitting = values[~(values.abs() >= limit) | values.isinf()] if limit else values
        state["w"] = fitting
        torch.save(state, source)
        assert drive("convert", source, path, str(dtype)[6:]) is None
        loaded = torch.load(path, weights_only=True)
        assert loaded["steps"].dtype == torch.int64 and loaded["w"].dtype == dtype
        expect({"strided": loaded["strided"]}, {"strided": strided.to(dtype)})
        numbers = ~fitting.isnan()
        assert loaded["w"].isnan().equal(fitting.isnan())
        assert loaded["w"][numbers].double().equal(fitting[numbers].to(dtype).double())
    state["w"] = torch.tensor([1.0, 65520.0])
    torch.save(state, source)
    message = drive("convert", source, path, "float16")
    assert "'w'" in message and "element 1: 65520" in message, message
    torch.save(collections.OrderedDict(w=values.half()), source)
    assert drive("convert", source, path, "float32") is None
    loaded = torch.load(path, weights_only=True)["w"]
    assert loaded.dtype == torch.float32
    assert loaded.nan_to_num().equal(values.half().float().nan_to_num())


def test_pth_written_is_aligned():
    source, path = path_of("aligned.pth"), path_of("aligned-out.pth")
    torch.save(RICH, source)
    assert drive("convert", source, path) is None
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        assert archive.testzip() is None
        for info in archive.infolist():
            file.seek(info.header_offset + 26)
            n_name, n_extra = numpy.frombuffer(file.read(4), "<u2")
            assert (info.header_offset + 30 + int(n_name) + int(n_extra)) % 64 == 0, info.filename
            assert info.compress_type == 0 and info.date_time == (1980, 1, 1, 0, 0, 0)


def test_safetensors():
    path = path_of("hand.safetensors")
    for padding in range(9):
        formats.save_safetensors(path, RICH, padding)
        expect(Dump(path).tensors, RICH)


def test_npz_and_npy_as_numpy_writes_them():
    path = path_of("arrays.npz")
    arrays = {n: t.detach().numpy() for n, t in RICH.items() if t.dtype != torch.bfloat16}
    arrays["fortran"] = numpy.asfortranarray(numpy.arange(24.0).reshape(2, 3, 4))
    arrays["reversed"] = numpy.arange(5)[::-1]
    expected = {
        n: torch.from_numpy(numpy.ascontiguousarray(a).reshape(a.shape)) for n, a in arrays.items()
    }
    for save in (numpy.savez, numpy.savez_compressed):
        save(path, **arrays)
        expect(Dump(path).tensors, expected)
    path = path_of("one.npy")
    for name, array in arrays.items():
        numpy.save(path, array)
        expect(Dump(path).tensors, {"arr_0": expected[name]})
        out = path_of("one-out.npy")
        assert drive("convert", path, out) is None
        have = numpy.load(out)
        assert have.dtype == array.dtype and have.shape == array.shape
        assert have.tobytes() == numpy.ascontiguousarray(array).tobytes()
    for version in ((2, 0), (3, 0)):
        with open(path, "wb") as file:
            numpy.lib.format.write_array(file, numpy.arange(4), version=version)
        expect(Dump(path).tensors, {"arr_0": torch.arange(4)})


def test_arrays_that_are_refused():
    path = path_of("bad.npy")
    for array, text in (
        (numpy.arange(3, dtype=">f4"), ">f4"),
        (numpy.array(["a"]), "<U1"),
        (numpy.arange(3, dtype="<c8"), "<c8"),
        (numpy.arange(3, dtype="<u2"), "<u2"),
        (numpy.zeros(2, dtype=[("a", "<f4")]), "structure"),
        (numpy.zeros((1,) * 6), "5 dimensions, found 6"),
        (numpy.array([{}], dtype=object), "Python objects"),
    ):
        numpy.save(path, array, allow_pickle=True)
        refused(path, text)
        numpy.savez(path + ".npz", x=array)
        refused(path + ".npz", "entry 'x.npy'", text)
    numpy.savez(path + ".npz", a=numpy.ones(1))
    with zipfile.ZipFile(path + ".npz", "a") as archive:
        archive.writestr("readme", "text")
    refused(path + ".npz", "entry 'readme'")


def test_files_of_torch_that_are_refused():
    path = path_of("refused.pth")
    torch.save(network(), path)
    refused(path, "the global 'torch.nn.modules.container.Sequential' is not allowed")
    torch.save(network(), path, _use_new_zipfile_serialization=False)
    refused(path, "torch.nn.modules.container.Sequential")
    torch.jit.save(torch.jit.script(network()), path)
    refused(path, "TorchScript")
    for value, text in (
        ([1, 2], "a list"),
        ({}, "a dict without any"),
        (torch.ones(1), "_rebuild_tensor_v2"),
    ):
        torch.save(value, path)
        refused(path, "expected a dict of tensors", text)
    torch.save({"a": torch.ones(1, dtype=torch.complex64)}, path)
    refused(path, "torch.ComplexFloatStorage")
    torch.save({"a": torch.ones(1, 1, 1, 1, 1, 1)}, path)
    refused(path, "'a'", "at most 5 dimensions, found 6")
    torch.save({"a": torch.ones(1).expand(1 << 40)}, path)
    refused(path, "'a'", "repeats its elements")
    formats.zip_of(path, b"\x80\x02}.", {}, order=b"big")
    refused(path, "byte order", "'big'")
    open(path, "w").close()
    refused(path, "an empty file")
    with open(path, "w") as file:
        file.write("<!DOCTYPE html>")
    refused(path, "3c 21 44")


def test_histories():
    path, out = path_of("train_dict.pkl"), path_of("train_dict-out")
    numbers = numpy.random.default_rng(4)
    plain = {
        "step_loss": [
            list(map(float, numbers.random(20) * 10.0 ** numbers.integers(-300, 300, 20))),
            [],
            [1.0],
        ],
        "epoch_loss": [0.1, 5e-324, 1.7976931348623157e308],
        "score_train": [],
        "score_validation": [0.5, 0.25, 1.0],
    }
    scores = [numpy.float64(0.5), numpy.float32(0.25), numpy.int64(1)]
    for protocol in range(6):
        for source in (plain, {**plain, "score_validation": scores, "note": "more"}):
            with open(path, "wb") as file:
                pickle.dump(source, file, protocol)
            for ending in ("pkl", "json"):
                assert drive("history", path, f"{out}.{ending}") is None
            with open(out + ".pkl", "rb") as file:
                assert pickle.load(file) == plain
            with open(out + ".json") as file:
                found = json.load(file)
            assert found.pop("loss_validation") == []
            assert found == plain and isinstance(found["score_validation"][2], float)
            assert drive("history", out + ".json", out + ".again.pkl") is None
            with open(out + ".again.pkl", "rb") as one, open(out + ".pkl", "rb") as two:
                assert one.read() == two.read()
    with open(path, "wb") as file:
        file.write(formats.python2(pickle.dumps({**plain, "score_validation": scores}, 2)))
    assert drive("history", path, out + ".csv") is None
    with open(out + ".csv") as file:
        lines = file.read().split("\n")
    assert (
        lines[0]
        == "epoch,loss,score_train,score_validation,learning_rate,seconds,images_per_second,"
        "images_left_out,loss_validation,gradient_norm,parameters_trained"
    )
    assert lines[2] == "2,5e-324,,0.25,,,,0,,,", lines[2]


def test_histories_without_numbers():
    path, out = path_of("nan.pkl"), path_of("nan-out")
    nan, inf = float("nan"), float("inf")
    with open(path, "wb") as file:
        pickle.dump(
            {
                "step_loss": [[nan, inf]],
                "epoch_loss": [nan],
                "score_train": [],
                "score_validation": [],
            },
            file,
        )
    for ending in ("pkl", "json"):
        assert drive("history", path, f"{out}.{ending}") is None
    with open(out + ".json") as file:
        assert json.load(file)["step_loss"] == [[None, None]]
    with open(out + ".pkl", "rb") as file:
        assert repr(pickle.load(file)["step_loss"]) == "[[nan, inf]]"
    assert drive("history", out + ".json", out + ".csv") is None


def main():
    try:
        for name, function in list(globals().items()):
            if name.startswith("test_"):
                test(function)
    finally:
        shutil.rmtree(FOLDER)
    if failures:
        sys.exit("failed: " + ", ".join(failures))
    print("state dicts and histories: equal both ways")


main()
