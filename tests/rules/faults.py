"""Each check of tools/ finds a fault planted for it, names its file and line, and nothing else.

A small source tree with one fault a rule is made in a temporary folder, with a copy of the tools.
"""

import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["DNNB_SOURCE"]

DEPS = """core :
tensor : core
image : core
extern png.h : image
extern png : image
"""

SOUND_HEADER = """#ifndef DNNBRAIN_SOUND_H
#define DNNBRAIN_SOUND_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef struct dnnb_thing { size_t n; } dnnb_thing;
/** Not dnnb_comment(int). */
__attribute__((visibility("default"))) size_t dnnb_thing_count(const dnnb_thing *thing);
#ifdef __cplusplus
}
#endif
#endif
"""

BUILD_PACKAGES = subprocess.run([os.path.join(SOURCE, "tools/install-dependencies"), "--list",
                                 "--build"], check=True, capture_output=True, text=True)
CONTROL = ("Source: a\nBuild-Depends: debhelper-compat (= 13), " + ", ".join(
    name for name in BUILD_PACKAGES.stdout.split() if name not in ("gcc", "libc6-dev", "make"))
    + "%s\nStandards-Version: 4\n")

# check, file, text, what its line of output begins with (None: no finding)
ROWS = [
    ("includes", "src/core/a.c", '#include "tensor/b.h"\n', "src/core/a.c:1: src/DEPS does not let"),
    ("includes", "src/tensor/b.c", '#include "b.h"\n', "src/tensor/b.c:1: includes are rooted"),
    ("includes", "src/tensor/b.c", "#include <png.h>\n", "src/tensor/b.c:1: src/DEPS keeps this"),
    ("includes", "src/tensor/b.c", "\n#include <hdf5.h>\n", "src/tensor/b.c:2: a third-party"),
    ("includes", "src/odd/b.c", "int a;\n", "src/DEPS:1: each folder"),
    ("includes", "cli/main.c", '#include "tensor/b.h"\n', "cli/main.c:1: this folder sees include/"),
    ("includes", "cli/main.c", "#include <png.h>\n", "cli/main.c:1: this folder sees include/"),
    ("includes", "include/dnnbrain/c.h", "#include <unistd.h>\n", "include/dnnbrain/c.h:1: a public"),
    ("includes", "src/image/d.c", '#include <png.h>\n/* #include "x.h" */\n', None),
    ("headers", "include/dnnbrain/c.h", "size_t x(void);\n", "include/dnnbrain/c.h:1: compiles alone"),
    ("headers", "include/dnnbrain/c.h", "int f(int class);\n", "include/dnnbrain/c.h:1: compiles"),
    ("headers", "include/dnnbrain/c.h", SOUND_HEADER, None),
    ("sizes", "src/core/a.c", "int a;\n" * 1201, "src/core/a.c:1201: a file has at most"),
    ("sizes", "src/models/table.c", "int a;\n" * 1201, None),
    ("sizes", "src/core/a.c", "\nint f(void) {\n" + "    ;\n" * 119 + "}\n",
     "src/core/a.c:2: a function has at most 120 lines: f has 121"),
    ("sizes", "src/core/a.c", "int f(void) {\n" + "    ;\n" * 118 + "}\n", None),
    ("banned", "src/core/a.c", "\n\nint a = strcpy(b, c);\n", "src/core/a.c:3: writes without"),
    ("banned", "src/core/a.c", "void f(void) { free(0); }\n", "src/core/a.c:1: memory goes"),
    ("banned", "src/core/a.c", 'void f(void) { printf("a"); }\n', "src/core/a.c:1: the library never"),
    ("banned", "src/core/a.c", "void f(void) { fputs(a, stderr); }\n", "src/core/a.c:1: the library never"),
    ("banned", "src/core/a.c", "void f(FILE *file) { fputs(a, file); }\n", None),
    ("banned", "src/core/a.c", '/* free(x) */ char *f = "free(x)"; int g = a->free(x);\n', None),
    ("banned", "src/core/a.c", 'FILE *f = fopen("a", "r");\n', "src/core/a.c:1: files go through"),
    ("banned", "src/run/a.c", "int a = rename(b, c);\n", "src/run/a.c:1: files go through core/io"),
    ("banned", "src/core/io.c", "int a = open(b, 0);\n", None),
    ("banned", "src/run/a.c", "struct stat st; int a = dnnb__io_open(b, 0, 0);\n", None),
    ("banned", "cli/main.c", 'void f(void) { printf("a"); }\n', None),
    ("banned", "src/image/a.c", '__attribute__((target("avx2"))) void f(void);\n',
     "src/image/a.c:1: what is written for an instruction set"),
    ("banned", "src/kernels/a.c", '__attribute__((target("avx2"))) void f(void);\n', None),
    ("words", "src/core/a.c", "/* TO" "DO: more */\n", "src/core/a.c:1: unfinished work"),
    ("words", "docs/a.md", "See /ho" "me/someone/file.\n", "docs/a.md:1: a path of one machine"),
    ("words", "docs/a.md", "mkstemp(\"aXX" "XXXX\") and ~/home/x\n", None),
    ("docs", "README.md", "\n[a](docs/none.md)\n", "README.md:2: a link leads to a file"),
    ("docs", "README.md", "`src/DEPS`, `src/none.c`\n", "README.md:1: a path exists: src/none.c"),
    ("docs", "README.md", "```c\nint a = b;\n```\n", "README.md:1: a C program of a document"),
    ("docs", "README.md", "So:\n\n    dnnbrain test\n", "README.md:3: commands stand in a block"),
    ("docs", "README.md", "- So:\n\n    more\n```sh\na\n\n    b\n```\n", None),
    ("docs", "README.md", "[a](src/DEPS), <https://a.b/c>\n```c\nint a;\n```\n", None),
    ("includes", "src/image/d.c", "#include <png-more.h>\n#include <lib/png.h>\n", None),
    ("format", "src/core/a.c", "int a;\nint   b;\n", "src/core/a.c:2: run make format"),
    ("format", "src/core/a.c", "int a;\nint b;\n", None),
    ("api", "include/dnnbrain/c.h", SOUND_HEADER, "include/dnnbrain/c.h"),
    ("api", "include/dnnbrain/c.h", "int a;\n", "include/dnnbrain/c.h:1: the comment that a head"),
    ("api", "include/dnnbrain/c.h", "/** @file\n * C. @nonsense */\n", "include/dnnbrain/c.h:2: Dox"),
    ("api", "include/dnnbrain/c.h", "/** @file\n * C. */\nint a(void);\n", "include/dnnbrain/c.h:3"),
    ("api", "include/dnnbrain/c.h", "/** @file\n * C.\n * @error None. */\n", None),
    ("packaging", "debian/control", CONTROL % ", libx-dev", "debian/control:2: a package of tools"),
    ("packaging", "debian/control", (CONTROL % "").replace(" libpng-dev,", ""),
     "debian/control:2: Build-Depends names"),
    ("packaging", "debian/control", CONTROL % "", None),
]

LIBRARY = """#define API __attribute__((visibility("default")))
API int dnnb_thing_count(void) { return 0; }
%s
"""
# code, declaration, version of the interface, what its line of output begins with
SYMBOL_ROWS = [
    ("", "", "0.1", None),
    ("", "", "0.2", "libdnnbrain.so:1: exported with the version DNNBRAIN_0.1: dnnb_thing_count, DNN"),
    ("", "", None, "libdnnbrain.so:1: exported with the version DNNBRAIN_0.1: dnnb_thing_count, None"),
    ("API int stray(void) { return 0; }", "", "0.1",
     "libdnnbrain.so:1: exported, and in no public header: stray"),
    ("", "DNNB_API int dnnb_more(void);", "0.1", "include/dnnbrain/c.h:2: declared, and not exported"),
    ("API int dnnb_more(void) { return 0; }", "int dnnb_more(void);", "0.1",
     "include/dnnbrain/c.h:2: a public declaration carries DNNB_API: dnnb_more"),
    ("API int dnnb__own(void) { return 0; }", "DNNB_API int dnnb__own(void);", "0.1",
     "include/dnnbrain/c.h:2: a private name"),
]


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w") as file:
        file.write(text)


def run_check(root, name):
    environment = dict(os.environ, DNNB_BUILD=os.path.join(root, "build"))
    return subprocess.run([sys.executable, os.path.join(root, "tools", "check-" + name)],
                          capture_output=True, text=True, env=environment)


def judge(label, result, expected):
    """Whether the check said what it should have; prints when it did not."""
    findings = result.stdout.splitlines()[:-1]
    if result.returncode == 77:
        print(f"left out: {label}: {result.stdout.strip()}")
        return True
    sound = (result.returncode == 0 and not findings if expected is None else
             result.returncode == 1 and all(line.startswith(expected) for line in findings))
    if not sound:
        print(f"{label}: expected {expected!r}, found {result.stdout!r} {result.stderr!r}")
    return sound


def make_tree(root):
    shutil.copytree(os.path.join(SOURCE, "tools"), os.path.join(root, "tools"),
                    ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(os.path.join(SOURCE, ".clang-format"), root)
    write(root, "src/DEPS", DEPS)
    write(root, "CMakeLists.txt", "project(dnnbrain VERSION 0.1.7)\n")
    write(root, "docs/api.md", "# The C API\n")
    shutil.copy(os.path.join(SOURCE, "docs/Doxyfile"), os.path.join(root, "docs"))
    write(root, "src/tensor/b.h", "int b;\n")


def main():
    n_wrong = 0
    for name, path, text, expected in ROWS:
        with tempfile.TemporaryDirectory() as root:
            make_tree(root)
            write(root, path, text)
            n_wrong += not judge(f"check-{name} {path}", run_check(root, name), expected)
    for code, declaration, version, expected in SYMBOL_ROWS:
        with tempfile.TemporaryDirectory() as root:
            make_tree(root)
            write(root, "include/dnnbrain/c.h", "DNNB_API int dnnb_thing_count(void);\n" + declaration)
            write(root, "library.c", LIBRARY % code)
            write(root, "build/map", "DNNBRAIN_%s { global: *; };\n" % version)
            script = [f"-Wl,--version-script={root}/build/map"] if version else []
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", root + "/build/libdnnbrain.so",
                            root + "/library.c", *script], check=True)
            n_wrong += not judge("check-symbols", run_check(root, "symbols"), expected)
    print(f"{len(ROWS) + len(SYMBOL_ROWS)} planted trees, {n_wrong} judged wrong")
    sys.exit(1 if n_wrong else 0)


main()
