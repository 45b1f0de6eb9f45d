# What building and running need, by what must be there rather than by the names of packages; sourced, not run.
# shellcheck shell=bash

# Each line: what | a check below, and its arguments | packages of Debian and Ubuntu | packages of the RHEL family | how it is
# recognised.
requirements=(
    "Open MPI 4.1|has_library ompi-c 4.1 mpi.h|openmpi-bin libopenmpi-dev|openmpi-devel|pkg-config name ompi-c"
    "mpirun|has_program mpirun|openmpi-bin|openmpi|mpirun on PATH"
    "OpenBLAS 0.3|has_library openblas 0.3 cblas.h|libopenblas-dev|openblas-devel|pkg-config name openblas"
    "oneDNN 2.6 or later|has_header c dnnl.h dnnl|libdnnl-dev|onednn-devel|dnnl.h and libdnnl.so"
    "libnuma 2|has_library numa 2 numa.h|libnuma-dev|numactl-devel|pkg-config name numa"
    "libjpeg-turbo 2|has_library libturbojpeg 2 turbojpeg.h|libturbojpeg0-dev|turbojpeg-devel|pkg-config name libturbojpeg"
    "libspng 0.7|has_library spng 0.7 spng.h|libspng-dev|libspng-devel|pkg-config name spng"
    "DCMTK 3.6|has_header c++ dcmtk/dcmdata/dctk.h dcmjpeg dcmjpls dcmdata oflog ofstd|libdcmtk-dev|dcmtk-devel|dcmtk/dcmdata/dctk.h and libdcmdata.so"
    "pkg-config|has_program pkg-config|pkg-config|pkgconf-pkg-config|pkg-config on PATH"
    "gcc's OpenMP library|has_header c stdint.h gomp|gcc|gcc|libgomp.so"
    "the C++ library|has_header c++ vector stdc++|g++|gcc-c++|the header vector"
)

has_program() { command -v "$1" >/dev/null; }

# has_library NAME VERSION HEADER: as SwiftPM looks for it. PKG_CONFIG_PATH, CPATH and LIBRARY_PATH, which environment modules
# set, count.
has_library() {
    local flags
    pkg-config --atleast-version="$2" "$1" 2>/dev/null || return 1
    read -ra flags <<<"$(pkg-config --cflags "$1")"
    preprocesses c "$3" "${flags[@]}" || return 1
    read -ra flags <<<"$(pkg-config --libs "$1")"
    links "${flags[@]}"
}

# has_header LANGUAGE HEADER LIBRARY...
has_header() {
    local language=$1 header=$2
    shift 2
    preprocesses "$language" "$header" && links "${@/#/-l}"
}

preprocesses() { clang -x "$1" "${@:3}" -E -o /dev/null - <<<"#include <$2>" 2>/dev/null; }

links() { clang -shared -o /dev/null -x c /dev/null "$@" 2>/dev/null; }

# find_lacking: leaves in `lacking` the lines of what is not there, however it would have come.
find_lacking() {
    lacking=()
    local line what check
    for line in "${requirements[@]}"; do
        IFS='|' read -r what check _ <<<"$line"
        # shellcheck disable=SC2086 # a check and its arguments
        $check || lacking+=("$line")
    done
}

# tell_administrator: what is lacking, and how each system would get it.
tell_administrator() {
    local line what debian rhel recognised all_debian=() all_rhel=()
    for line in "${lacking[@]}"; do
        IFS='|' read -r what _ debian rhel recognised <<<"$line"
        printf '  %s (%s)\n' "$what" "$recognised"
        all_debian+=("$debian") all_rhel+=("$rhel")
    done
    printf '  Debian, Ubuntu: apt-get install %s\n' "$(unique "${all_debian[@]}")"
    printf '  RHEL family with EPEL and CRB: dnf install %s\n' "$(unique "${all_rhel[@]}")"
    case " ${all_rhel[*]} " in
        *' libspng-devel '*) printf '    (EPEL 9 has no libspng; build it from source and set PKG_CONFIG_PATH)\n' ;;
    esac
    printf '  or an environment module that sets PATH, PKG_CONFIG_PATH, CPATH, LIBRARY_PATH and LD_LIBRARY_PATH\n'
    printf '  or no building at all: a package made elsewhere by Cluster/package\n'
}

unique() { printf '%s\n' "$@" | tr ' ' '\n' | awk '!seen[$0]++' | paste -sd ' '; }
