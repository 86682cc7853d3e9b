#!/bin/bash
# Runs the examples of README.md and the manual pages, and the tables *.cases, against sbx: test/cli/run.sh [-l] [REGEX].
#
# SBX names the binary (default build/sbx). The file `pending` lists cases that cannot pass yet; one that does is a failure too.
#
# In a page, the comment `example NAME [status=N]` stands before a block of commands that begin with "$ " and of their output
# (a line "..." stands for any lines), `config NAME` before a configuration. README.md may have the same in <!-- -->; besides,
# each of its lines that begin with four spaces and "sbx" is run up to two spaces, in a copy of the directory readme.
# A .cases file has lines of a word and the rest:
#   case NAME      begins a case, which runs in a directory of its own
#   status N       exit status (0)
#   line REGEX     the error: stderr is this line, begun with "sbx: ", and at most one more; stdout is empty
#   stdout REGEX   the whole of stdout, its last newline taken off
#   stderr REGEX   the whole of stderr
#   file NAME TEXT a file made before, TEXT as printf %b has it
#   changes        the directory may be changed by the case
#   run COMMAND    the command, for bash; may be repeated
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
sbx=$(readlink -f "${SBX:-$top/build/sbx}")
list=
while getopts l option; do
	case $option in
	l) list=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
filter=${1:-.}
[ -x "$sbx" ] || { echo "run.sh: no $sbx: build it, or set SBX" >&2; exit 1; }

# Below /var/tmp and not /tmp: cases mount things over /tmp.
work=$(mktemp -d /var/tmp/sbx-cli-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/home" "$work/cases"
ln -s "$sbx" "$work/bin/sbx"
chmod 755 "$work"
# ordinary COMMAND...: runs it as a user who is not root, in a directory that root prepared.
printf '#!/bin/sh\n[ "$(id -u)" != 0 ] || exec setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"\nexec "$@"\n' >"$work/bin/ordinary"
chmod 755 "$work/bin/ordinary"
export TTY="$here/on_terminal.py" TTY_CALLS="$here/tty_calls.py"
export PATH="$work/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME="$work/home" LC_ALL=C
unset XDG_CONFIG_HOME

# What a host refuses to every sandbox (user namespaces in many containers) sbx says in one line, which is no part of any case.
refused=$(sbx run true 2>&1 >/dev/null | grep '^sbx: security: warning: the host refuses: ')
without_refusal() {
	[ -z "$refused" ] || { grep -vxF -- "$refused" "$1" >"$work/plain"; cat "$work/plain" >"$1"; }
}

mapfile -t pending < <(sed 's/#.*//; s/[[:space:]]*$//' "$here/pending" | grep .)
passed=0 failed=0 waiting=0

# result NAME MESSAGE: an empty message is a pass.
result() {
	local name=$1 message=$2 p is_pending=
	for p in "${pending[@]}"; do [[ $name == $p ]] && is_pending=1; done
	if [ -n "$is_pending" ] && [ -n "$message" ]; then
		waiting=$((waiting + 1))
	elif [ -n "$is_pending" ]; then
		echo "FAIL $name: passes, but is listed in test/cli/pending"
		failed=$((failed + 1))
	elif [ -n "$message" ]; then
		echo "FAIL $name: $message"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}

wanted() {
	[[ $1 =~ $filter ]] || return 1
	[ -z "$list" ] || { echo "$1"; return 1; }
}

snapshot() { (cd "$1" && find . -printf '%p %M %s %T@\n' | LC_ALL=C sort && find . -type f -exec cksum {} + 2>/dev/null | sort); }

# ---- examples

# extract PAGE: makes $work/cases/N.{kind,name,status,text} of each marked block, without its roff or Markdown.
extract() {
	awk -v out="$work/cases" -v page="$(basename "$1")" -v start="$(ls "$work/cases" | wc -l)" '
		function unroff(s) {
			gsub(/\\-/, "-", s); gsub(/\\\(aq/, "\047", s); gsub(/\\\(dq/, "\"", s); gsub(/\\e/, "\\", s); gsub(/\\&/, "", s)
			return s
		}
		match($0, /^(\.\\"|<!--) (example|config) [a-z0-9-]+/) {
			kind = $2; name = $3; status = 0
			if (match($0, /status=[0-9]+/)) status = substr($0, RSTART + 7, RLENGTH - 7)
			armed = 1; next
		}
		armed && !inside && (/^\.EX/ || /^```/) {
			inside = 1; armed = 0; n++; file = sprintf("%s/%05d", out, start + n)
			print kind, page "/" name, status > (file ".head"); printf "" > (file ".text"); next
		}
		inside && (/^\.EE/ || /^```/) { inside = 0; close(file ".head"); close(file ".text"); next }
		inside { print (page ~ /\.[0-9]$/ ? unroff($0) : $0) > (file ".text") }
	' "$1"
}

# Whether the lines of file $1 are those of $2, in which "..." stands for any lines. Says where not.
compare() {
	awk '
		NR == FNR { want[++w] = $0; next }
		{ have[++h] = $0 }
		END {
			i = 1; star = 0
			for (j = 1; j <= h; ) {
				if (want[i] == "..." && i <= w) { star = i++; mark = j; continue }
				if (i <= w && want[i] == have[j]) { i++; j++; continue }
				if (star) { i = star + 1; j = ++mark; continue }
				print "got \"" have[j] "\" for \"" want[i] "\""; exit
			}
			while (i <= w && want[i] == "...") i++
			if (i <= w) print "got no \"" want[i] "\""
		}' "$2" "$1"
}

run_example() {
	local base=$1 kind name status dir=$work/dir message=
	read -r kind name status <"$base.head"
	wanted "$name" || return
	mkdir "$dir"
	if [ "$kind" = config ]; then
		cp "$base.text" "$dir/sbx.toml"
		message=$(cd "$dir" && timeout 20 sbx check -c sbx.toml 2>&1 </dev/null)
	else
		# One script, so that a command sees the status of the one before it; each begins with a mark in the output.
		{
			echo 'status() { return $1; }; s=0'
			sed -n 's/^\$ //p' "$base.text" | while IFS= read -r command; do
				printf 'echo "@@@"; status $s; %s\ns=$?\n' "$command"
			done
			echo 'exit $s'
		} >"$base.sh"
		sed 's/^\$ .*/@@@/' "$base.text" >"$base.want"
		(cd "$dir" && timeout 60 bash "$base.sh" >"$base.got" 2>&1 </dev/null)
		local got=$?
		without_refusal "$base.got"
		message=$(compare "$base.got" "$base.want")
		[ -n "$message" ] || [ $got = "$status" ] || message="status $got, not $status"
	fi
	rm -rf "$dir"
	result "$name" "$message"
}

for page in "$top/README.md" "$top"/man/*.[0-9]; do [ -f "$page" ] && extract "$page"; done
for head in "$work"/cases/*.head; do [ -f "$head" ] && run_example "${head%.head}"; done

while IFS= read -r command; do
	name="README.md/$command"
	wanted "$name" || continue
	cp -r "$here/readme" "$work/dir"
	(cd "$work/dir" && timeout 60 bash -c "$command" </dev/null >"$work/out" 2>&1)
	got=$?
	rm -rf "$work/dir"
	result "$name" "$([ $got = 0 ] || echo "status $got: $(head -c 300 "$work/out")")"
done < <(sed -nE 's/^    (sbx .*)/\1/p' "$top/README.md" | sed -E 's/  .*//')

# ---- tables

begin_case() { name=$1 status=0 line= stdout= stderr= changes= commands= has_stdout= has_stderr=; rm -rf "$work/dir"; mkdir "$work/dir"; }

finish_case() {
	[ -n "$name" ] || return
	if wanted "$name"; then
		local before after got out err message=
		before=$(snapshot "$work/dir")
		printf '%s' "$commands" >"$work/command"
		(cd "$work/dir" && timeout 30 bash "$work/command" >"$work/out" 2>"$work/err" </dev/null)
		got=$?
		after=$(snapshot "$work/dir")
		without_refusal "$work/err"
		without_refusal "$work/out"
		out=$(tr -d '\0' <"$work/out") err=$(tr -d '\0' <"$work/err")
		if [ $got != "$status" ]; then
			message="status $got, not $status: $(cat "$work/err" "$work/out" | head -c 400)"
		elif [ -n "$line" ] && { ! [[ $(head -1 "$work/err") =~ ^sbx:\ $line$ ]] || [ "$(wc -l <"$work/err")" -gt 2 ] ||
			[ "$(tail -n +2 "$work/err" | grep -vc '^     ')" != 0 ]; }; then
			message="stderr \"$err\" is not \"$line\""
		elif [ -n "$line" ] && [ -z "$has_stdout" ] && [ -s "$work/out" ]; then
			message="stdout \"$out\" where there should be none"
		elif [ -n "$has_stdout" ] && ! [[ $out =~ ^($stdout)$ ]]; then
			message="stdout \"$out\" is not \"$stdout\""
		elif [ -n "$has_stderr" ] && ! [[ $err =~ ^($stderr)$ ]]; then
			message="stderr \"$err\" is not \"$stderr\""
		elif [ -z "$changes" ] && [ "$before" != "$after" ]; then
			message="the directory has changed"
		fi
		result "$name" "$message"
	fi
	name=
}

for table in "$here"/*.cases; do
	name=
	while read -r word rest; do
		case $word in
		'' | '#'*) ;;
		case) finish_case; begin_case "$(basename "$table" .cases)/$rest" ;;
		status) status=$rest ;;
		line) line=$rest ;;
		stdout) stdout=$rest has_stdout=1 ;;
		stderr) stderr=$rest has_stderr=1 ;;
		file) mkdir -p "$(dirname "$work/dir/${rest%% *}")"; printf '%b' "${rest#* }" >"$work/dir/${rest%% *}" ;;
		changes) changes=1 ;;
		run) commands+=$rest$'\n' ;;
		*) echo "run.sh: $table: unknown word $word" >&2; exit 1 ;;
		esac
	done < <(cat "$table"; echo "# end")
	finish_case
done

[ $waiting = 0 ] || echo "$waiting pending"
[ -n "$list" ] || echo "$passed passed, $failed failed"
[ $failed = 0 ]
