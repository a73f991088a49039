"""draw_progress.py PROGRAM ARGUMENTS...: what `train` draws on terminals of several widths, resized,
without colours, with streams that lead elsewhere. Each run gets --epochs and --out here."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import terminal

PROGRAM, TRAIN = sys.argv[1], sys.argv[1:]
SGR = re.compile(rb"\x1b\[[0-9;]*m")
DRAWN = re.compile(r"step \d|scoring|━|\[=")  # the line of progress
DRAWS_DIFFERENTLY = ["at_80_columns", "resized", "without_utf8", "output_to_a_file"]
LINE = re.compile(r"^epoch \d/\d  loss \S+  train \S+  validation \S+  \S+ s  \(\S+ images/s\)$")
n_runs = 0


def start(columns, epochs=3, more=(), shell=None, **streams):
    """A run on a new terminal. `shell`: a shell's line in which "$@" is the run."""
    global n_runs
    n_runs += 1
    command = TRAIN + ["--epochs", str(epochs), "--out", f"runs/{n_runs}", *more]
    if shell:
        command = ["sh", "-c", shell, "sh"] + command
    return terminal.Terminal(command, columns=columns, **streams)


def watch(window, resize=()):
    """Read a run to its end, resizing after each epoch; every state of the line of progress."""
    seen, sizes, n_rows = set(), list(resize), 0
    while window._read(30):
        seen.update(line for line in window.lines() if DRAWN.search(line))
        rows = sum(is_row(line) for line in window.lines())
        if rows > n_rows and sizes:
            window.resize(sizes.pop(0))
        n_rows = max(n_rows, rows)
    assert window.finish() == 0, window.lines()
    return seen


def is_row(line):
    return bool(re.match(r"^(★| |\*) +\d+/\d+ ", line))


def table(window):
    """The lines from the header on, up to what is said behind the rows."""
    lines = window.lines()
    first = next(i for i, line in enumerate(lines) if " loss " in line)
    end = next(i for i, line in enumerate(lines) if line.endswith(" holds"))
    return lines[first:end]


def test_at_80_columns():
    window = start(80, epochs=9, more=["--batch", "1", "--threads", "1"])
    seen = watch(window)
    assert any(re.match(r"^epoch 1/9  step \d+/16 ━*╸?─*  loss \d\.\d{4}  \S+ images/s", line)
               for line in seen), seen
    assert all(len(line) < 80 for line in seen)
    lines = table(window)
    assert lines[0] == "         ─────── loss ───────  ───── accuracy ─────", lines
    assert lines[1] == "  epoch     train  validation     train  validation        time  images/s"
    assert len(lines) == 11, lines
    for line in lines[2:]:
        assert re.match(r"^(★| )   \d/9  [ \d.e-]{8}  [ \d.e-]{10}  [ \d.]{8}  [ \d.]{10}"
                        r" +[\d.]+ s +[\d.,]+$", line), line
        assert len(line) == len(lines[1]), line
    assert lines[2].startswith("★"), "the first epoch is the best so far"
    assert not any(DRAWN.search(line) for line in window.lines()), "the line is left"
    assert SGR.search(window.drawn), "colours"


def test_time_left():
    """It is told when a second has gone: in a run long enough on any machine, then stopped."""
    window = start(80, epochs=2000, more=["--batch", "1", "--threads", "1"])
    left = re.compile(r"^epoch +\d+/2000  (step|scoring) .* \d+:\d\d left$")
    assert window.wait_for(lambda lines: any(map(left.match, lines))), window.lines()
    window.type("\x03")
    assert window.finish() == 130, window.lines()


def test_other_widths():
    for columns, heading in ((200, "  epoch     train  validation     train  validation      rate"
                                   "        time  images/s"),
                             (40, "  epoch     train  validation"), (20, "  epoch     train")):
        window = start(columns, epochs=2)
        seen = watch(window)
        assert seen and all(len(line) < columns for line in seen), (columns, seen)
        assert table(window)[1] == heading, (columns, window.lines())
        assert sum(is_row(line) for line in window.lines()) == 2, (columns, window.lines())


def test_resized():
    window = start(80, epochs=6)
    watch(window, resize=(200, 40, 20, 80))
    lines = window.lines()
    assert not any(DRAWN.search(line) for line in lines), lines
    assert sum(is_row(line) for line in lines) == 6, lines
    headers = [line for line in lines if line.startswith("  epoch ")]
    # A row may be drawn before the new size is known; a terminal cuts what is there.
    assert 2 <= len(headers) <= 5, headers
    rows = [i for i, line in enumerate(lines) if is_row(line)]
    assert all(is_row(lines[i]) or "epoch" in lines[i] or "─ los" in lines[i]
               for i in range(rows[0], rows[-1])), lines


def test_without_utf8():
    window = start(80, epochs=1, environment={"LC_ALL": "C"})
    seen = watch(window)
    assert all(byte < 0x80 for byte in window.drawn)
    assert any(re.match(r"^epoch 1/1  step \d/8 \[=* *\]  loss ", line) for line in seen), seen
    assert any(line.startswith("*   1/1") for line in window.lines()), window.lines()


def test_colours():
    for value, has_colours in (("1", False), ("", True)):
        window = start(80, epochs=1, environment={"NO_COLOR": value})
        watch(window)
        assert bool(SGR.search(window.drawn)) == has_colours, value


def test_words_stay_whole():
    """What is long is broken between words."""
    window = start(44, epochs=1, more=["--freeze", "features.*", "--augment", "none"])
    watch(window)
    lines = window.lines()
    first = next(i for i, line in enumerate(lines) if "parameters are" in line)
    end = next(i for i, line in enumerate(lines) if "loss" in line)
    said = " ".join(line.strip() for line in lines[first:end])
    assert end - first > 2, lines
    assert "frozen up to flatten; features of 16 images after flatten kept" in said, said


def test_dumb():
    window = start(80, epochs=1, environment={"TERM": "dumb"})
    watch(window)
    assert b"\x1b" not in window.drawn
    assert any(LINE.match(line) for line in window.lines()), window.lines()


def test_output_to_a_file():
    with open("file", "wb") as file:
        window = start(80, epochs=2, stdout=file)
        watch(window)
    lines = open("file").read().splitlines()
    assert len(lines) == 2 and all(LINE.match(line) for line in lines), lines
    assert sum(is_row(line) for line in window.lines()) == 2, window.lines()


def test_output_to_a_pipe():
    """`dnnbrain train ... | tee log`: both write to the terminal."""
    window = start(80, shell='"$@" | tee log')
    watch(window)
    lines = [line for line in window.lines() if line.startswith("epoch")]
    assert lines == open("log").read().splitlines(), (lines, window.lines())
    assert len(lines) == 3 and all(LINE.match(line) for line in lines), window.lines()
    assert not any(is_row(line) for line in window.lines())


def test_messages_to_a_file():
    with open("file", "wb") as file:
        window = start(80, epochs=2, stderr=file)
        watch(window)
    assert b"\x1b" not in open("file", "rb").read()
    assert [is_row(line) for line in window.lines()] == [False, False, True, True], window.lines()


def test_quiet():
    window = start(80, epochs=2, more=["--quiet"])
    assert not watch(window)
    assert [is_row(line) for line in window.lines()] == [False, False, True, True], window.lines()


def test_json():
    window = start(400, epochs=1, more=["--json"])
    watch(window)
    assert b"\x1b" not in window.drawn
    assert all(line.startswith('{"event":') for line in window.lines()), window.lines()


def test_interrupted():
    window = start(80, epochs=100000)
    assert window.wait_for(lambda lines: sum(is_row(line) for line in lines) >= 2)
    window.type("\x03")
    assert window.finish() == 130
    lines = window.lines()
    n_rows = sum(is_row(line) for line in lines)
    behind = [line for line in lines if "stopp" in line]
    assert behind[0] == "stopping after this step; once more to stop at once", lines
    assert behind[1].startswith("dnnbrain train: stopped by a signal after"), lines
    assert n_rows >= 2 and not any(DRAWN.search(line) for line in lines), lines


def test_in_the_background():
    window = start(80, epochs=1, shell='set -m; "$@" & wait')
    watch(window)
    assert b"\x1b[J" not in window.drawn, "drawn over what is in the foreground"
    assert sum(is_row(line) for line in window.lines()) == 1


def test_checking_images():
    """How far the check of very many files is, before the first step, with the time left."""
    with open("validation.stim.csv", encoding="utf-8") as file:
        lines = file.read().splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("data=")) + 1
    rows = lines[begin:]
    with open("many.stim.csv", "w", encoding="utf-8") as file:
        print(*lines[:begin], *(rows * (100000 // len(rows))), sep="\n", file=file)
    window = start(80, more=["--stim", "many.stim.csv", "--workers", "1"])
    line = re.compile(r"^checking images  \d+/100000 ━*╸?─*  [\d,]+ images/s  \d+:\d\d left$")
    assert window.wait_for(lambda lines: any(map(line.match, lines))), window.lines()
    window.type("\x03")
    window.finish()


def test_other_commands():
    """They show what they load and how far they are."""
    for command in (["test", "--stim", "validation.stim.csv"],
                    ["predict", "--stim", "validation.stim.csv", "--out", "outputs.csv"]):
        window = terminal.Terminal([PROGRAM, command[0], "--net", "alexnet-mini", "--weights",
                                    "runs/1/model.pth", *command[1:]])
        assert window.finish() == 0, window.lines()
        assert b"loading runs/1/model.pth" in window.drawn, window.drawn
        assert re.search(rb"predicting  \d/\d", window.drawn), window.drawn
        assert not any("predicting" in line for line in window.lines()), window.lines()


def main():
    n_failed = 0
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    if os.environ.get("DNNB_SANITIZE"):
        print("left out in part: under the sanitizers only what draws differently")
        tests = [(name, test) for name, test in tests if name[5:] in DRAWS_DIFFERENTLY]
    for name, test in tests:
        try:
            test()
        except AssertionError as error:
            n_failed += 1
            print(f"{name}: line {error.__traceback__.tb_next.tb_lineno}: {error}")
    print(f"{len(tests)} tests, {n_failed} failed")
    return 1 if n_failed else 0


sys.exit(main())
