#!/usr/bin/env python3
# Checks that all state has its place in archives (src/base/archive.h). `make lint` passes the sources of the kernel, its memory, its file systems
# and its system calls, and of the layers below them; --self-test plants mistakes and looks whether they are found.
#
# - A class of RefCounted objects is known to archives, by SBX_SAVABLE under a name of its own. Bases of other classes need not be.
# - Each data member of a class that has state() or state_head() is named in one of its state functions, or in a function that these call.
#   The bases of savable classes have such functions if they have members.
# - A variable outside of classes, static ones of functions included, is a constant, a thread's own, or an SBX_SAVED_COUNTER.
# What needs none of this says why: `// no state: REASON`, at the end of the line, or in the comment above a class or member.
# Locks and wait queues never have state: when a kernel is saved nobody waits, and what outlives calls registers again.
import re
import sys

STATELESS = re.compile(r'^(mutable\s+|static\s+|thread_local\s+)*(::)?(sbx::)?(host::)?'
                       r'(Mutex<|RwMutex<|WaitQueue\b|Parker\b|std::condition_variable_any\b)')
STATE_FUNCTIONS = {'state', 'state_head', 'state_make', 'state_loaded'}
REASON = re.compile(r'//\s*no state:\s*\S')
CONSTANT = re.compile(r'(static\s+|inline\s+)*(constexpr|const|extern|using|typedef|thread_local)\b')
LOCAL_STATIC = re.compile(r'\bstatic\s+(?!constexpr\b|const\b|thread_local\b)(?=([^;{}()=]*?\b(\w+)\s*(?:SBX_\w+\([^()]*\)\s*)?(?:=|\{|;)))')
CLASS = re.compile(r'\b(class|struct|union)\s+(?:\[\[[^\]]*\]\]\s*)?((?:\w+::)*\w+)\s*(?:final\s*)?(?::(?!:)([^{};=()]*(?:\([^()]*\)[^{};=()]*)*))?$')


class Source:
    """A file with comments and literals blanked out, which keeps offsets."""

    def __init__(self, name, text):
        self.name = name
        self.lines = text.split('\n')
        self.code = re.sub(r'//[^\n]*|/\*.*?\*/|R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
                           lambda m: re.sub(r'[^\n]', ' ', m.group()), text, flags=re.S)
        self.code = re.sub(r'^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', lambda m: re.sub(r'[^\n]', ' ', m.group()), self.code, flags=re.M)

    def line_of(self, at):
        return self.code.count('\n', 0, at) + 1

    def excused(self, start, end):
        """A reason on one of the lines of [start, end), or in the comment right above."""
        first, last = self.line_of(start), self.line_of(max(start, end - 1))
        lines = self.lines[first - 1:last]
        above = first - 2
        while above >= 0 and re.match(r'\s*//', self.lines[above]):
            lines.append(self.lines[above])
            above -= 1
        return any(REASON.search(line) for line in lines)


class Class:
    def __init__(self, source, name, bases, start, body):
        self.source, self.name, self.start, self.body = source, name, start, body
        self.bases = [re.sub(r'<.*', '', b).split('::')[-1].strip() for b in split_top(bases)]
        self.bases = [b.split()[-1] for b in self.bases if b]
        self.members = []    # (name, declaration, start, end)
        self.functions = {}  # name -> text of all its bodies


def split_top(text):
    """At commas outside of brackets."""
    out, depth, piece = [], 0, ''
    for c in text or '':
        depth += c in '<([{'
        depth -= c in '>)]}'
        if c == ',' and depth == 0:
            out.append(piece)
            piece = ''
        else:
            piece += c
    return out + [piece]


def matching(code, at):
    """Behind the bracket that closes the one at `at`."""
    pairs = {'{': '}', '(': ')'}
    open_, close, depth = code[at], pairs[code[at]], 0
    for i in range(at, len(code)):
        depth += code[i] == open_
        depth -= code[i] == close
        if depth == 0:
            return i + 1
    return len(code)


def statements(code, start, end):
    """The declarations of a body: (start, end, text before the first brace, place of that brace or None, text behind its block)."""
    at = begin = start
    brace = None
    head = ''
    while at < end:
        c = code[at]
        if c == '(':
            at = matching(code, at)
            continue
        if c == '{':
            after = matching(code, at)
            if brace is None:
                brace, head = at, code[begin:at]
            rest = re.match(r'\s*[;,\w(\[.]|\s*\{', code[after:end])
            plain = strip_annotations(head)
            name = re.search(r'\b(namespace|class|struct|union|enum)\b', plain)
            function = re.search(r'\)[^=]*$', plain) and not name
            at = after
            # A function, a namespace: nothing follows its block. A constructor's initialisers are blocks with more behind.
            if function and not re.match(r'\s*[,{]', code[after:end]) or re.search(r'\bnamespace\b', head) and brace is not None:
                yield begin, at, head, brace, ''
                begin, brace = at, None
            elif not rest:
                yield begin, at, head, brace, ''
                begin, brace = at, None
            continue
        if c == ';':
            yield begin, at + 1, head if brace is not None else code[begin:at], brace, code[begin:at]
            begin, brace = at + 1, None
        elif c == ':' and code[at + 1] != ':' and code[at - 1] != ':' and re.fullmatch(r'\s*(public|private|protected)\s*', code[begin:at]):
            begin = at + 1
        at += 1


def strip_annotations(text):
    text = re.sub(r'\btemplate\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>', ' ', text)
    text = re.sub(r'\[\[[^\]]*\]\]', ' ', text)
    while True:
        shorter = re.sub(r'\b(SBX_\w+|alignas|requires)\s*\((?:[^()]|\([^()]*\))*\)', ' ', text)
        if shorter == text:
            return re.sub(r'\bSBX_NO_TSA\b', ' ', text)
        text = shorter


def declared(code, begin, end, head, brace):
    """Names of the variables that a statement declares; none if it declares something else."""
    text = code[begin:end].rstrip().rstrip(';')
    if re.search(r'\b(class|struct|union|enum)\b', strip_annotations(head or '')) and brace is not None and not re.search(r'[=(]', head):
        after = code[matching(code, brace):end].rstrip().rstrip(';')  # struct { ... } name;
        text = 'x ' + after if after.strip() else ''
    text = strip_annotations(text)
    if re.match(r'\s*(using|typedef|friend|template|static_assert|namespace|extern|class|struct|union|enum|return|goto)\b', text) and \
            not re.match(r'\s*(struct|class|enum|union)\s+\w+\s*[\s*&]\s*\w+\s*(=|$|,)', text):
        return []
    if re.match(r'\s*SBX_\w+', text) or re.match(r'\s*~', text) or re.search(r'\boperator\b', text):
        return []
    pointer = re.search(r'\(\s*\*\s*(?:const\s+)?(\w+)\s*(?:\[\w*\]\s*)?\)\s*\(', text)  # a pointer to a function
    if pointer:
        before = text[:pointer.start()]
        return [pointer.group(1)] if '(' not in before else []
    names = []
    for piece in split_top(text):
        piece = re.split(r'(?<![<>=!])=(?!=)|\{', piece)[0]  # without initialisers
        if '(' in re.sub(r'<[^<>]*(<[^<>]*>)*[^<>]*>', '', piece):
            return []
        piece = re.sub(r'\[[^\]]*\]', ' ', piece)
        piece = re.sub(r'(?<=\w)\s*:\s*\w+\s*$', '', piece)  # a bit field
        m = re.search(r'[\w>*&\s](\w+)\s*$', piece) or (names and re.search(r'(\w+)\s*$', piece))
        if not m:
            return []
        if not names and not re.search(r'[\w>*&]\s*[\s*&>]\s*\w+\s*$', piece):
            return []
        names.append(m.group(1))
    return names


class Tree:
    def __init__(self, sources):
        self.sources = sources
        self.classes = []
        self.variables = []  # (source, name, text, start, end)
        self.savable = {}    # name -> sources
        self.counters = set()
        for s in sources:
            self.scan(s, 0, len(s.code), None)
            for m in re.finditer(r'\bSBX_SAVABLE\(\s*(\w+)\s*\)', s.code):
                self.savable.setdefault(m.group(1), []).append(s)
            for m in re.finditer(r'\bSBX_SAVED_COUNTER\(\s*(\w+)\s*\)', s.code):
                self.counters.add((s.name, m.group(1)))
        self.attach_functions()

    def scan(self, s, start, end, outer):
        for begin, stop, head, brace, _ in statements(s.code, start, end):
            plain = strip_annotations(head or '').strip()
            if brace is not None and re.search(r'\bnamespace\b', plain) and outer is None:
                self.scan(s, brace + 1, matching(s.code, brace) - 1, None)
                continue
            m = CLASS.search(plain) if brace is not None and '(' not in re.sub(r':(?!:).*', '', plain, flags=re.S) else None
            if m and not re.search(r'\benum\b', plain) and '=' not in plain:
                c = Class(s, m.group(2).split('::')[-1], m.group(3), s.code.index(m.group(1), begin), (brace + 1, matching(s.code, brace) - 1))
                self.classes.append(c)
                self.scan(s, *c.body, c)
            function = re.search(r'(~?\w+)\s*\(', re.sub(r'^.*?\boperator\b.*?\(', 'operator(', plain, flags=re.S)) if brace is not None else None
            names = declared(s.code, begin, stop, head, brace)
            body = brace is not None and not m and not names
            if body:
                for v in LOCAL_STATIC.finditer(s.code, brace, stop):
                    self.variables.append((s, v.group(2), v.group(1).strip(), v.start(), v.end(1)))
            if outer is not None:
                if not names and function and not m:
                    outer.functions[function.group(1)] = outer.functions.get(function.group(1), '') + s.code[begin:stop]
                text = s.code[begin:stop]
                if re.match(r'\s*(inline\s+)?(static|constexpr)\b', text):
                    continue
                for n in names:
                    outer.members.append((n, text.strip(), begin + len(text) - len(text.lstrip()), stop))
            else:
                text = s.code[begin:stop].strip()
                if names and not re.match(CONSTANT, strip_annotations(text).strip()):
                    lead = len(s.code[begin:stop]) - len(s.code[begin:stop].lstrip())
                    for n in names:
                        self.variables.append((s, n, text, begin + lead, stop))

    def attach_functions(self):
        """Functions that are defined outside of their classes."""
        by_name = {}
        for c in self.classes:
            by_name.setdefault(c.name, []).append(c)
        for s in self.sources:
            for m in re.finditer(r'\b(\w+)::(~?\w+)\s*\(', s.code):
                after = matching(s.code, m.end() - 1)
                body = re.match(r'(?:\s*(?:const|noexcept|override|SBX_NO_TSA|SBX_\w+\([^()]*\)))*\s*(?=[{:])', s.code[after:after + 400])
                if not body:
                    continue
                brace = s.code.find('{', after)
                if brace < 0 or ';' in s.code[after:brace]:
                    continue
                for c in by_name.get(m.group(1), []):
                    if c.source is s or c.source.name.endswith('.h'):
                        c.functions[m.group(2)] = c.functions.get(m.group(2), '') + s.code[after:matching(s.code, brace)]

    def base_of(self, c, name):
        """The class that a base is: of the same file, or a header's."""
        found = [b for b in self.classes if b.name == name and (b.source is c.source or b.source.name.endswith('.h'))]
        own = [b for b in found if b.source is c.source]
        return (own or found or [None])[0]

    def is_object(self, c, seen=()):
        if c is None or c in seen:
            return False
        return 'RefCounted' in c.bases or any(self.is_object(self.base_of(c, b), (*seen, c)) for b in c.bases)

    def derived(self, c):
        """A class and those that derive from it."""
        out = [c]
        for d in self.classes:
            if d is not c and any(self.base_of(d, b) is c for b in d.bases):
                out += self.derived(d)
        return out

    def named(self, c):
        """What the state functions of a class, or of one that derives from it, name, and the functions of it that they call."""
        todo, done, text = [f for f in c.functions if f in STATE_FUNCTIONS], set(), ''
        for d in self.derived(c)[1:]:
            own = ''.join(d.functions[f] for f in d.functions if f in STATE_FUNCTIONS)
            text += own
            todo += [w for w in set(re.findall(r'\b\w+(?=\s*\()', own)) if w in c.functions and w not in STATE_FUNCTIONS]
        while todo:
            f = todo.pop()
            if f in done:
                continue
            done.add(f)
            text += c.functions[f]
            todo += [w for w in set(re.findall(r'\b\w+(?=\s*\()', c.functions[f])) if w in c.functions]
        return set(re.findall(r'\w+', text))

    def check(self, wanted):
        problems = []

        def report(s, at, what):
            problems.append(f'{s.name}:{s.line_of(at)}: {what}')

        bases = {id(self.base_of(c, b)) for c in self.classes for b in c.bases}
        for name, where in self.savable.items():
            if len(where) > 1:
                report(where[1], where[1].code.index(f'SBX_SAVABLE({name})'), f'SBX_SAVABLE({name}) is there twice: archives know types by name')
        for c in self.classes:
            if not wanted(c.source.name):
                continue
            at_home = any(s is c.source or c.source.name.endswith('.h') for s in self.savable.get(c.name, []))
            if c.source.excused(c.start, c.start + 1):
                if at_home:
                    report(c.source, c.start, f'{c.name} says that it needs no state, but archives know it')
                continue
            has = any(f in STATE_FUNCTIONS for f in c.functions)
            object_ = self.is_object(c)
            if object_ and not at_home and id(c) not in bases:
                report(c.source, c.start, f'{c.name} outlives system calls, but archives do not know it (SBX_SAVABLE, or // no state: REASON)')
                continue
            has = has or any(f in STATE_FUNCTIONS for d in self.derived(c) for f in d.functions)
            if not object_ and not has:
                continue
            named = self.named(c)
            for name, text, start, end in c.members:
                if name in named or STATELESS.match(text) or c.source.excused(start, end):
                    continue
                report(c.source, start, f'{c.name}::{name} is in no state function of its class (or // no state: REASON)')
        for s, name, text, start, end in self.variables:
            if not wanted(s.name) or STATELESS.match(text) or (s.name, name) in self.counters or s.excused(start, end):
                continue
            report(s, start, f'{name} is neither constant nor an SBX_SAVED_COUNTER (or // no state: REASON)')
        return problems


PLANTED = {
    # Each line with MISTAKE must be found, and nothing else.
    'src/kernel/planted.h': """
class Base : public RefCounted {
    template <class A>
    void state(A& ar) { ar(kept_); }
    int kept_ = 0;
    u64 lost_ SBX_GUARDED_BY(mu_) = 0; // MISTAKE
    mutable Mutex<Rank::Leaf> mu_;
    static constexpr int kLimit = 3;
    bool asks() const { return lost_; }
};
struct Part {
    struct Deep { int a; } deep; // MISTAKE
    Result<> (*call)(int) = nullptr; // MISTAKE
    enum class Kind : u8 { One, Two } kind = Kind::One;
    template <class A> void state(A& ar) { ar(kind); helper(ar); }
    template <class A> void helper(A& ar) { ar(through_); }
    int through_;
};
class Plain { int whatever_; };
""",
    'src/kernel/planted.cc': """
class Known final : public Base {
    auto state_head(A a) const { return a.args(first(), 0); }
    int first() const { return first_; }
    int first_, second_{0}; // MISTAKE
    // Why it is so, at length.
    // no state: a cache
    std::map<int, std::pair<int, int>> cache_;
    Ref<Known> other_; // no state: found again
};
SBX_SAVABLE(Known);
class Forgotten final : public Known {}; // MISTAKE
// no state: lives for one call
class Excused final : public Base { int x_ = 0; };
// no state: so it was once
class Both final : public Base {}; // MISTAKE
SBX_SAVABLE(Both);
struct Outside : Base {
    template <class A> void state(A& ar);
    int a_, b_; // MISTAKE
};
template <class A>
void Outside::state(A& ar) SBX_NO_TSA { ar(a_); }
SBX_SAVABLE(Outside);
const int kConstant = 1;
std::atomic<u64> counted{0};
SBX_SAVED_COUNTER(counted);
std::atomic<u64> uncounted{0}; // MISTAKE
thread_local int own;
int function(int argument) {
    static std::vector<int> seen; // MISTAKE
    static const int kTable[] = {1, 2};
    return seen[argument] + kTable[0];
}
""",
    'fs/tmpfs/planted.cc': """
class Twice : public RefCounted {
    template <class A> void state(A&) {}
};
SBX_SAVABLE(Twice);
""",
    'fs/pipefs/planted.cc': """
class Twice : public RefCounted {
    template <class A> void state(A&) {}
};
SBX_SAVABLE(Twice); // MISTAKE
""",
    'src/host/planted.cc': """
int of_the_host;
""",
}


def self_test():
    problems = Tree([Source(n, t) for n, t in PLANTED.items()]).check(in_scope)
    found = {p.rsplit(': ', 1)[0].split(': ')[0] for p in problems}
    planted = {f'{n}:{i}' for n, t in PLANTED.items() for i, line in enumerate(t.split('\n'), 1) if 'MISTAKE' in line}
    for p in sorted(planted - found):
        print(f'{p}: a planted mistake was not found')
    for p in sorted(found - planted):
        print(f'{p}: what is right was found to be a mistake')
    return 1 if planted != found else 0


def in_scope(name):
    return re.match(r'(src/kernel|src/mm|src/cred|fs|syscalls)/', name)


def main(paths):
    if paths == ['--self-test']:
        return self_test()
    problems = Tree([Source(p, open(p, encoding='utf-8').read()) for p in paths]).check(in_scope)
    for p in problems:
        print(p)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
