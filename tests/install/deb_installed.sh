# The part of deb.test that installs the packages for real; it runs in a layer over the system.
#
#   deb_installed.sh FOLDER VERSION NEXT    FOLDER has deb/ and the pictures; NEXT is the version
#                                           with the next interface
given=$1 version=$2 next=$3
. "$(dirname "$0")/../cli/lib.sh"
ln -s "$given"/pictures "$given"/*.stim.csv .

step dpkg --install "$given"/deb/*.deb
step dpkg --verify dnnbrain libdnnbrain0 libdnnbrain-dev
check 'nothing differs from what was packed' not [ -s out ]
step dpkg --audit
check 'nothing is half installed' not [ -s out ]

# The program, and the library by the loader's own list.
run 0 --version
expect_out "dnnbrain $version"
run 0 train --net alexnet --freeze backbone --augment none --stim train.stim.csv \
    --validation validation.stim.csv --epochs 2 --lr 1e-3 --out a_run --quiet
run 0 fetch --verify alexnet-mini
expect_out /usr/share/dnnbrain/weights/alexnet-mini-
for plot in epoch_loss step_loss score learning_rate confusion; do
    check "$plot is drawn" [ -s "a_run/$plot.png" ]
done

# Programs outside the tree, with no path given.
cp "$here"/outside/* .
step gcc -std=c11 program.c -o by_c $(pkg-config --cflags --libs dnnbrain)
step cmake -S . -B by_cmake -DVERSION="${version%.*}"
step cmake --build by_cmake
for program in by_c by_cmake/program_cpp; do
    step "./$program" dict.safetensors
    expect_out "$version weight 0.5"
done
mkdir debian
printf 'Source: outside\n\nPackage: outside\nArchitecture: any\n' >debian/control
step dpkg-shlibdeps -O by_c
expect_out "libdnnbrain0 (>= $version)" "libdnnbrain0 (<< $next~)"

step dpkg --purge dnnbrain libdnnbrain-dev libdnnbrain0
check 'nothing is left' not sh -c 'find /usr /etc /var/lib/dpkg/info -name "*dnnbrain*" \
    ! -path "/usr/local/*" ! -path "/usr/src/*" -newer "$0" | grep .' "$given/in_layer.sh"
finish
