# Helpers of the tests of the program. A test sources this file first; it then stands in a new
# folder of its own, which is removed when the test ends. The last line of a test is `finish`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
: "${DNNB_SOURCE:=$(cd "$here/../.." && pwd)}" "${DNNB_BUILD:=$DNNB_SOURCE/build}"
: "${DNNB_CLI:=$DNNB_BUILD/dnnbrain}" "${DNNB_PYTHON:=/usr/bin/python3}"
folder=$(mktemp -d "${TMPDIR:-/tmp}/dnnbrain-test.XXXXXX") || exit 1
trap 'status=$?; cd /; rm -rf "$folder"; exit $status' EXIT
trap 'exit 1' INT TERM HUP PIPE
cd "$folder" || exit 1
n_checks=0
n_failed=0
command=''

# check TEXT COMMAND...: the command must succeed.
check() {
    what=$1
    shift
    n_checks=$((n_checks + 1))
    if ! "$@"; then
        n_failed=$((n_failed + 1))
        echo "FAILED: $what"
        echo "   check:   $*"
        echo "   command: $command"
        sed 's/^/   out: /' out 2>/dev/null | tail -n 20
        sed 's/^/   err: /' err 2>/dev/null | tail -n 20
    fi
}

not() {
    ! "$@"
}

# run STATUS ARGUMENTS...: the program ends with that status; its output is in `out` and `err`.
run() {
    wanted=$1
    shift
    command="dnnbrain $*"
    "$DNNB_CLI" "$@" >out 2>err </dev/null
    status=$?
    check "exit status $wanted, found $status" [ "$status" -eq "$wanted" ]
}

# step COMMAND...: any command; it must succeed. Its output is in `out` and `err`.
step() {
    command=$*
    "$@" >out 2>err </dev/null
    status=$?
    check "exit status 0, found $status" [ "$status" -eq 0 ]
}

in_out() {
    grep -qF -e "$1" out
}

in_err() {
    grep -qF -e "$1" err
}

# expect_out TEXT..., expect_err TEXT...: each text stands somewhere in it.
expect_out() {
    for text; do check "standard output has '$text'" in_out "$text"; done
}

expect_err() {
    for text; do check "standard error has '$text'" in_err "$text"; done
}

one_line() {
    [ "$(wc -l <"$1")" -eq 1 ]
}

# fails COMMAND-ARGUMENTS... -- TEXT...: status 1, one line on standard error that holds each text.
fails() {
    fails_with 1 "$@"
}

misused() {
    fails_with 2 "$@"
}

fails_with() {
    wanted_status=$1
    shift
    n=0
    for argument; do
        [ "$argument" = -- ] && break
        n=$((n + 1))
    done
    # The arguments before "--" are run, those after it are looked for.
    texts_from=$((n + 2))
    i=0
    arguments=''
    for argument; do
        i=$((i + 1))
        [ "$i" -gt "$n" ] && break
        arguments="$arguments $(quote "$argument")"
    done
    eval "run $wanted_status $arguments"
    check 'the message is one line' one_line err
    check 'it begins with the program' in_err dnnbrain
    i=0
    for text; do
        i=$((i + 1))
        [ "$i" -ge "$texts_from" ] && expect_err "$text"
    done
    check 'nothing on standard output' not [ -s out ]
}

quote() {
    printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

python() {
    command="python $*"
    PYTHONDONTWRITEBYTECODE=1 "$DNNB_PYTHON" "$@"
}

# needs_python MODULE...: leave the test out where Debian's Python lacks one.
needs_python() {
    for module; do
        if ! python -c "import $module" 2>/dev/null; then
            echo "left out: $DNNB_PYTHON has no module $module"
            exit 77
        fi
    done
}

# pictures/{ant,bee}/, train.stim.csv and validation.stim.csv in this folder.
make_pictures() {
    needs_python PIL
    python "$DNNB_SOURCE/tests/cli/make_pictures.py" || exit 1
}

# alexnet.pth: random parameters with a last layer of $1 outputs, written by PyTorch.
make_weights() {
    needs_python torch torchvision
    python "$DNNB_SOURCE/tests/cli/make_weights.py" "$1" alexnet.pth || exit 1
}

finish() {
    echo "$n_checks checks, $n_failed failed"
    [ "$n_failed" -eq 0 ]
    exit
}
