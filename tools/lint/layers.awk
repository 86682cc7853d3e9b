# Checks who includes whom: dependencies go downward only (ARCHITECTURE.md, section 3). `make lint` runs it over all sources.
#
# A file may include what is in its own module, and modules of a lower layer. Modules of one layer do not know each other, but for the
# exceptions below. Concrete platforms and file systems are known by name only to cli, where the program is put together.
BEGIN {
    n = split("src/base src/abi src/cred src/host platform src/mm fs/vfs src/kernel", low, " ")
    for (i = 1; i <= n; i++) layer[low[i]] = i
    layer["src/loader"] = layer["fs/"] = 9
    layer["syscalls"] = 10; layer["src/state"] = 11; layer["src/control"] = 12; layer["src/config"] = 13; layer["src/cli"] = 14
    # The modules beside the main line: what they may include, and from which layer on they may be included.
    only["net"] = "src/base net"
    only["net/nat"] = "src/base src/abi src/host net net/nat"
    only["platform/"] = "src/base src/abi src/host platform platform/stub"
    only["platform/stub"] = "src/base src/abi src/host platform"
    # devfs is a tmpfs with device nodes in it, as devtmpfs is in Linux.
    also["fs/devfs"] = "fs/tmpfs"
    # /proc/PID/ns leads to files of nsfs, as it does in Linux.
    also["fs/procfs"] = "fs/nsfs"
    from["net"] = layer["src/kernel"]; from["net/nat"] = layer["src/kernel"]; from["platform/"] = from["platform/stub"] = layer["src/cli"]
}

# The module of a file: its two first folders, one where modules are not folders of a part. The files of platform/ itself are the interface.
function module(path,    p, n) {
    n = split(path, p, "/")
    if (p[1] == "syscalls" || p[1] == "platform" && n == 2) return p[1]
    if (p[1] == "net") return p[2] == "nat" ? "net/nat" : "net"
    if (n < 3) return "?"
    return p[1] "/" p[2]
}
function kind(m) { # the row of a module in the tables
    if (m in layer || m in only) return m
    if (m ~ /^fs\//) return "fs/"
    if (m ~ /^platform\//) return "platform/"
    return "?"
}
function has(list, word) { return index(" " list " ", " " word " ") }
function refuse(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why
    bad++
}
FNR == 1 {
    m = module(FILENAME); k = kind(m)
    if (k == "?") refuse("no layer is known for " FILENAME)
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, q, "\"")
    inc = q[2]
    if (inc !~ /^(src|platform|syscalls|fs|net)\//) { refuse("\"" inc "\": includes name the file from the top of the tree"); next }
    t = module(inc); tk = kind(t)
    if (t == m || k == "?") next
    if (tk == "?") { refuse("\"" inc "\" belongs to no layer"); next }
    if (k in only) {
        if (!has(only[k], t) && !has(only[k], tk)) refuse(m " may not include \"" inc "\"; it may include: " only[k])
    } else if (tk in from) {
        if (layer[k] < from[tk]) refuse(m " may not include \"" inc "\"")
    } else if (has(also[m], t)) {
        next
    } else if (tk == "fs/" && k == "fs/" || layer[tk] >= layer[k]) {
        refuse(m " (layer " layer[k] ") may not include \"" inc "\" (layer " layer[tk] ")")
    }
}
END { exit bad > 0 }
