"""Command lines typed into bash and zsh with the tabulator key, in the folder that completion.test
made; what the shell makes of them is read from the screen."""

import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import terminal

PROMPT = "ready>"
ROWS = [  # typed, what the screen must hold then
    ("dnnbrain tra\t", ["> dnnbrain train"]),
    ("dnnbrain test --weights w\t", ["dnnbrain test --weights w.pth"]),
    ("dnnbrain train --task=cl\t", ["--task=classification"]),
    ("dnnbrain train --stim a\t", ["--stim a.stim.csv"]),
    ("dnnbrain inspect alexnet-\t", ["inspect alexnet-mini"]),
    ("dnnbrain train --out f\t", ["--out folder/"]),
]
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind 'set enable-bracketed-paste off'; . ./dnnbrain.bash; PS1='%s '" % PROMPT,
             [("dnnbrain \t\t", ["predict", "convert", "train"])]),
    "zsh": (["zsh", "-f", "-i"],
            "mkdir -p zsh; cp dnnbrain.zsh zsh/_dnnbrain; fpath=($PWD/zsh $fpath); "
            "autoload -Uz compinit; compinit -u -D; PROMPT='%s '" % PROMPT,
            [("dnnbrain \t", ["predict", "convert weights between", "train"]),
             ("dnnbrain train --o\t", ["--optimizer", "--out", "optimiser"]),
             ("dnnbrain test --weights \t", ["w.pth", "safetensors", "folder"])]),
}


def try_row(shell, typed, wanted):
    command, start, _ = SHELLS[shell]
    window = terminal.Terminal(command, columns=100, environment={"HOME": os.getcwd(), "PS1": "$ "})
    window.type(start + "\n")
    found = window.wait_for(lambda lines: bool(lines) and lines[-1].strip() == PROMPT, 20)
    window.type(typed)
    found = found and window.wait_for(
        lambda lines: all(any(text in line for line in lines) for text in wanted), 10)
    shown = window.lines()
    window.type("\x03\x04exit\n")
    window.program.kill()
    window.finish()
    if not found:
        print(f"{shell}: {typed!r}: expected {wanted}, found", *shown, sep="\n  ")
    return found


def main():
    n_failed = 0
    for shell, (_, _, rows) in SHELLS.items():
        if not shutil.which(shell):
            print(f"left out in part: no {shell} here")
            continue
        n_failed += sum(not try_row(shell, *row) for row in ROWS + rows)
    return 1 if n_failed else 0


sys.exit(main())
