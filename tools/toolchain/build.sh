#!/bin/bash
# Builds what a static sbx is linked from and Debian has no package of: libstdc++ and libseccomp for musl. Called by the Makefile.
#
#   build.sh path     print the toolchain's directory (it need not exist yet)
#   build.sh fetch    get libseccomp's source package (the one step that needs the network; `make deps` calls it)
#   build.sh build    make the toolchain unless it is there; needs musl-tools, gcc-N-source, gperf and the fetched source
#
# It lives outside the tree, in ${SBX_CACHE:-${XDG_CACHE_HOME:-~/.cache}/sbx}/toolchain-HASH; HASH is over this recipe and
# the versions of what goes in. A finished directory is moved into place under a lock: any number of makes may share it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${SBX_CACHE:-${XDG_CACHE_HOME:-${HOME:-$here/../../build}/.cache}/sbx}
real_cc=${REAL_CC:-gcc} real_cxx=${REAL_CXX:-g++}
gcc_major=$($real_cxx -dumpversion)
gcc_major=${gcc_major%%.*}
seccomp_dir=$cache/libseccomp-src
musl_inc=/usr/include/x86_64-linux-musl
musl_lib=/usr/lib/x86_64-linux-musl

die() { echo "toolchain: $*" >&2; exit 1; }
version_of() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo none; }
tc_path() {
    local hash
    hash=$({ cat "$here/build.sh" "$here/dl_find_object.c"
             echo "$real_cc $real_cxx"
             $real_cxx -dumpfullversion
             version_of "gcc-$gcc_major-source"; version_of musl-dev; } | sha256sum)
    echo "$cache/toolchain-${hash:0:16}"
}

# One process at a time works on the cache; the lock goes with the process.
lock() {
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
}

# apt-get with lists, cache and sources of its own: needs no root and leaves the system's as they are. The system's sources are taken
# over (classic and deb822), with every `deb` turned into `deb-src`.
fetch() {
    [ -f "$(tc_path)/done" ] && return
    compgen -G "$seccomp_dir/libseccomp-*/configure" >/dev/null && return
    command -v dpkg-source >/dev/null || die "dpkg-source is missing: run \`make deps\`"
    lock
    compgen -G "$seccomp_dir/libseccomp-*/configure" >/dev/null && return
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$work"/{parts,state/lists/partial,cache/archives/partial,src}
    : >"$work/status"
    local f
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -f "$f" ] && sed -nE 's/^[[:space:]]*deb(-src)?[[:space:]]/deb-src /p' "$f" | sort -u >"$work/parts/$(basename "$f" .list).list"
    done
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -f "$f" ] && sed -E 's/^Types:.*/Types: deb-src/' "$f" >"$work/parts/$(basename "$f")"
    done
    local apt=(apt-get -qq -o Dir::State="$work/state" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
               -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/parts"
               -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3)
    echo "toolchain: fetching the source package of libseccomp"
    "${apt[@]}" update || true  # a third party's repository without sources is no reason to stop
    (cd "$work/src" && "${apt[@]}" source libseccomp) || die "apt-get source libseccomp failed"
    [ -f "$(echo "$work"/src/libseccomp-*/configure)" ] || die "libseccomp's source package has no configure script"
    rm -rf "$seccomp_dir"
    mv "$work/src" "$seccomp_dir"
}

# Static executables always: static-pie, so the addresses of the sentry are randomised.
write_wrappers() { # DIR
    local tc=$1 gcc_inc
    gcc_inc=$($real_cc -print-file-name=include)
    mkdir -p "$tc"/{bin,lib,include,kernel}
    cat >"$tc/lib/musl.specs" <<END
*link:
-m elf_x86_64 -static -pie --no-dynamic-linker -z text -z relro -z now -z noexecstack --eh-frame-hdr --hash-style=gnu -nostdlib

*startfile:
$musl_lib/rcrt1.o $musl_lib/crti.o crtbeginS.o%s

*endfile:
crtendS.o%s $musl_lib/crtn.o

*link_libgcc:
-L$musl_lib

*lib:
-lc

*libgcc:
--start-group libgcc.a%s libgcc_eh.a%s -lmuslcompat -lc --end-group

*esp_link:


*esp_options:


*esp_cpp_options:


END
    local common="-nostdinc" after="-isystem $musl_inc -isystem $gcc_inc -isystem \$tc/include -idirafter \$tc/kernel -fPIE"
    after+=" -ffile-prefix-map=\$tc=/toolchain -L\$tc/lib -specs=\$tc/lib/musl.specs"
    cat >"$tc/bin/musl-gcc" <<END
#!/bin/sh
# gcc for static executables on musl.
tc=\${0%/bin/*}
exec $real_cc $common $after "\$@"
END
    cat >"$tc/bin/musl-g++" <<END
#!/bin/sh
# g++ for static executables on musl, with the libstdc++ next door.
tc=\${0%/bin/*}
exec $real_cxx $common -isystem "\$tc/include/c++" -isystem "\$tc/include/c++/x86_64-linux-musl" $after "\$@"
END
    chmod +x "$tc"/bin/*
    # Kernel headers and header-only libraries, one by one: the rest of /usr/include is glibc's.
    ln -s /usr/include/linux "$tc/kernel/linux"
    ln -s /usr/include/asm-generic "$tc/kernel/asm-generic"
    ln -s /usr/include/x86_64-linux-gnu/asm "$tc/kernel/asm"
    local h
    for h in CLI toml++ tl fmt doctest; do ln -s "/usr/include/$h" "$tc/include/$h"; done
}

build_libstdcxx() { # DIR WORK
    local tc=$1 work=$2 tar src
    tar=$(compgen -G "/usr/src/gcc-$gcc_major/gcc-*.tar.xz" | head -n 1) || die "gcc-$gcc_major-source is missing: run \`make deps\`"
    mkdir "$work/gcc"
    tar xf "$tar" -C "$work/gcc" --strip-components=1 --exclude='*/testsuite/*/*' --wildcards --no-wildcards-match-slash '*/libstdc++-v3' \
        '*/libgcc' '*/include' '*/config' '*/libiberty' '*/config.sub' '*/config.rpath' '*/config.guess' '*/ltmain.sh' '*/install-sh' '*/missing' \
        '*/depcomp' '*/mkinstalldirs' '*/move-if-change' '*/libtool-ldflags' '*/config-ml.in' '*/gcc/BASE-VER' '*/gcc/DATESTAMP' '*/gcc/DEV-PHASE' 2>/dev/null || true
    src=$work/gcc
    [ -x "$src/libstdc++-v3/configure" ] || die "no libstdc++-v3 in $tar"
    # Debian's fixes from the release branch, those of the library's code.
    awk '/^diff / { keep = 0; next } /^--- / { held = $0; next }
         /^\+\+\+ / { keep = $2 ~ /^b\/src\/libstdc\+\+-v3\/(include|src|libsupc)/; if (keep) print held; }
         keep' "/usr/src/gcc-$gcc_major/patches/git-updates.diff" >"$work/updates.diff"
    [ ! -s "$work/updates.diff" ] || patch -d "$src" -p2 -s -f <"$work/updates.diff" || die "Debian's updates do not apply to libstdc++"
    mkdir "$work/gthr" "$work/lib"
    ln -s "$src/libgcc/gthr-posix.h" "$work/gthr/gthr-default.h"
    cd "$work/lib"
    local flags="-O2 -g0 -ffunction-sections -fdata-sections -fstack-protector-strong -ffile-prefix-map=$work=/toolchain"
    CC="$tc/bin/musl-gcc" CXX="$tc/bin/musl-g++" CFLAGS="$flags" CXXFLAGS="$flags" CPPFLAGS="-I$work/gthr -I$src/libgcc" \
        "$src/libstdc++-v3/configure" --build=x86_64-linux-musl --host=x86_64-linux-musl --prefix="$tc" --libdir="$tc/lib" \
        --with-gxx-include-dir="$tc/include/c++" --with-toolexeclibdir="$tc/lib" --disable-shared --enable-static --disable-multilib --disable-nls \
        --disable-libstdcxx-pch --disable-libstdcxx-verbose --disable-dependency-tracking --enable-libstdcxx-threads >configure.log 2>&1 ||
        { tail -n 20 configure.log >&2; die "configuring libstdc++ failed"; }
    grep -q 'define _GLIBCXX_HAS_GTHREADS 1' config.h || die "libstdc++ was configured without threads"
    make -j"$(nproc)" >make.log 2>&1 && make install >>make.log 2>&1 || { tail -n 30 make.log >&2; die "building libstdc++ failed"; }
    rm -rf "$tc"/lib/*.la "$tc"/lib/*.py "$tc"/share
}

build_libseccomp() { # DIR WORK
    local tc=$1 work=$2
    compgen -G "$seccomp_dir/libseccomp-*/configure" >/dev/null || die "libseccomp's source is missing: run \`make deps\` once"
    cp -a "$seccomp_dir"/libseccomp-*/ "$work/seccomp"
    cd "$work/seccomp"
    local no_auto=(ACLOCAL=: AUTOCONF=: AUTOMAKE=: AUTOHEADER=:)  # timestamps are no reason to want the autotools
    { CC="$tc/bin/musl-gcc" CFLAGS="-O2 -g0 -ffunction-sections -fdata-sections -fstack-protector-strong -ffile-prefix-map=$work=/toolchain" \
        ./configure --host=x86_64-linux-musl --prefix="$tc" --libdir="$tc/lib" --disable-shared --enable-static --disable-python &&
      make "${no_auto[@]}" -j"$(nproc)" -C include && make "${no_auto[@]}" -j"$(nproc)" -C src libseccomp.la &&
      make "${no_auto[@]}" -C include install && make "${no_auto[@]}" -C src install-libLTLIBRARIES
    } >make.log 2>&1 || { tail -n 30 make.log >&2; die "building libseccomp failed"; }
    rm -f "$tc"/lib/*.la
}

build() {
    local final
    final=$(tc_path)
    [ -f "$final/done" ] && return
    lock
    [ -f "$final/done" ] && return
    [ -f $musl_lib/rcrt1.o ] || die "musl-tools is missing: run \`make deps\`"
    for tool in gperf patch; do command -v $tool >/dev/null || die "$tool is missing: run \`make deps\`"; done
    echo "toolchain: building libstdc++ and libseccomp for musl into $final (once, about a minute)"
    rm -rf "$cache"/tmp.*  # left by builds that were killed; the lock is ours
    tmp=$(mktemp -d "$cache/tmp.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    chmod 755 "$tmp"
    mkdir "$tmp/work" "$tmp/tc"
    unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CC CXX MAKEFLAGS MAKELEVEL MFLAGS
    write_wrappers "$tmp/tc"
    "$tmp/tc/bin/musl-gcc" -O2 -g0 -fstack-protector-strong -c "$here/dl_find_object.c" -o "$tmp/work/dl_find_object.o"
    ar rcsD "$tmp/tc/lib/libmuslcompat.a" "$tmp/work/dl_find_object.o"
    (build_libseccomp "$tmp/tc" "$tmp/work")
    (build_libstdcxx "$tmp/tc" "$tmp/work")
    # Exceptions and threads are what breaks when libgcc, libstdc++ and musl do not fit.
    cat >"$tmp/work/check.cc" <<'END'
#include <seccomp.h>
#include <linux/futex.h>
#include <stdexcept>
#include <string>
#include <thread>
int main() {
    int n = 0;
    std::thread([&] { try { throw std::runtime_error(std::to_string(1)); } catch (std::exception& e) { n = e.what()[0]; } }).join();
    return n == '1' && seccomp_version() ? 0 : 1;
}
END
    "$tmp/tc/bin/musl-g++" -std=c++20 -O1 -pthread "$tmp/work/check.cc" -lseccomp -o "$tmp/work/check" && "$tmp/work/check" ||
        die "the toolchain does not work (exceptions or threads)"
    date -u +%s >"$tmp/tc/done"
    rm -rf "$final"
    mv "$tmp/tc" "$final"
}

case ${1:-} in
path) tc_path ;;
fetch) fetch ;;
build) build ;;
*) die "usage: build.sh path|fetch|build" ;;
esac
