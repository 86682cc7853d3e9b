#!/bin/bash
# deps.sh build|test|lint...: installs the packages for each purpose that are not there yet, through sudo where the user is not root.
# Called by `make deps`. Debian and its like, and Alpine.
set -euo pipefail
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
        echo "deps: not root, and no sudo. As root: $*" >&2
        exit 1
    fi
}

if command -v apk >/dev/null; then
    packages=()
    for purpose; do
        case $purpose in
        build) packages+=(build-base linux-headers libseccomp-dev libseccomp-static cli11-dev tomlplusplus-dev tl-expected fmt-dev
                          doctest-dev) ;;
        test) packages+=(coreutils findutils grep procps python3) ;;
        lint) packages+=(clang clang-extra-tools) ;;
        esac
    done
    as_root apk add "${packages[@]}"
    exit
fi
command -v apt-get >/dev/null || { echo "deps: neither apt-get nor apk here; README.md lists what is needed" >&2; exit 1; }

updated=
install() {
    local p missing=()
    for p; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
    done
    [ ${#missing[@]} = 0 ] && return
    echo "deps: installing ${missing[*]}"
    [ -n "$updated" ] || as_root apt-get -qq update
    updated=1
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}" >/dev/null
}
for purpose; do
    case $purpose in
    build)
        install g++ make dpkg-dev musl-tools linux-libc-dev gperf patch xz-utils ca-certificates libseccomp-dev libcli11-dev \
            libtomlplusplus-dev libexpected-dev libfmt-dev doctest-dev
        # libstdc++ must be of the compiler's own release.
        install "gcc-$(g++ -dumpversion)-source"
        ;;
    test) install libc6-dev procps python3 ;;
    lint) install clang clang-format clang-tidy ;;
    esac
done
