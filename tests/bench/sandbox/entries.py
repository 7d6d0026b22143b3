"""Code entries that mean harm: each the body of `protect` or a whole file, and a part of the one line it ends with."""

PRELUDE = '''
import ctypes, json, os, resource, signal, socket, stat, subprocess, sys, threading, time
from dataclasses import replace
from pathlib import Path
import numpy as np
from bench.samples import Sample, SampleSet
from defenses.base import Defense, Protected

def attempt(function):
    try:
        return repr(function())
    except BaseException as error:
        return f"refused: {{type(error).__name__}}"

def say(data):
    """Write to the pipe of the answers, past the worker."""
    for fd in range(3, 20):
        if attempt(lambda: stat.S_ISFIFO(os.fstat(fd).st_mode)) == "True":
            attempt(lambda: os.write(fd, data))

def each(samples, **fields):
    return Protected(SampleSet(tuple(replace(s, **fields) for s in samples)))

class Entry(Defense):
    def protect(self, samples, surrogates, budget, rng, progress):
'''

LOOKS = {
    "the environment": "dict(os.environ)",
    "the first environment": "[p.read_text() for p in Path('/proc').glob('*/environ')]",
    "other processes": "[p.name for p in Path('/proc').glob('[0-9]*') if p.name != str(os.getpid())]",
    "passwords": "open('/etc/shadow').read()",
    "users": "open('/etc/passwd').read()",
    "a file of the user": "open({private!r}).read()",
    "the folder of the user's file": "os.listdir(os.path.dirname({private!r}))",
    "the store": "os.listdir({home!r})",
    "the temporary folder": "os.listdir(os.path.dirname(os.path.dirname({sentinel!r}))) + os.listdir('/tmp')",
    "the test split by its module": "__import__('bench.datasets.emoji.catalog')",
    "the test split by its files": "os.listdir({root!r} + '/bench/datasets')",
    "the victims": "os.listdir({root!r} + '/bench/lvlm/embedded/checkpoints')",
    "the checkout": "os.listdir({root!r} + '/.git') + os.listdir({root!r} + '/tests')",
    "disks": "[os.stat('/dev/' + n).st_rdev for n in ('sda', 'vda', 'mem', 'kmsg', 'nvidia0')]",
    "a terminal": "os.open('/dev/tty', os.O_RDWR)",
    "kernel memory": "open('/proc/kcore', 'rb').read(8)",
}
"""Expressions that look at what is none of an entry's business."""

DEEDS = {
    "a TCP connection": "socket.create_connection(('127.0.0.1', {port}), 2)",
    "a UDP packet": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "a socket of the machine": "socket.socket(socket.AF_UNIX).connect({socket!r})",
    "an abstract socket": "socket.socket(socket.AF_UNIX).connect(chr(0) + {socket!r})",
    "a name on the net": "socket.getaddrinfo('example.org', 443)",
    "a file in a folder of the user": "open({sentinel!r} + '/new', 'w').write('x')",
    "a file in the store": "open({home!r} + '/new', 'w').write('x')",
    "the suite itself": "open({root!r} + '/bench/new.py', 'w').write('x')",
    "its samples": "open('/input/samples/metadata.jsonl', 'a').write('x')",
    "a program of the system": "open('/usr/bin/new', 'w').write('x')",
    "the root folder": "open('/new', 'w').write('x')",
    "a device": "os.mknod('/tmp/device', 0o600 | stat.S_IFBLK, os.makedev(8, 0))",
    "root": "os.setuid(0)",
    "more processes than allowed": "resource.setrlimit(resource.RLIMIT_NPROC, (10**6, 10**6))",
    "more memory than allowed": "resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))",
    "a setting of the kernel": "open('/proc/sys/kernel/core_pattern', 'w').write('x')",
    "the judge": "os.kill({judge}, 9)",
    "the judge's memory": "1 // (1 + ctypes.CDLL(None).ptrace(16, {judge}, 0, 0))",
    "its parent": "os.kill(os.getppid() or 1, 9) or os.kill(os.getppid() or {judge}, 0)",
    "a namespace of its own": "1 // (1 + ctypes.CDLL(None).unshare(0x10000000))",
    "a mount": "1 // (1 + ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, 0))",
    "a link over its own folder": "1 // os.path.exists(os.symlink({sentinel!r}, '/tmp/out') or '/tmp/out/kept')",
}
"""Expressions that must fail: they would reach or change what is outside."""

BODIES = {
    "runs for ever": ("while True: pass", "it ran for more than 3 s, the limit"),
    "sleeps": ("time.sleep(999)", "it ran for more than 3 s, the limit"),
    "ignores signals": (
        "[attempt(lambda: signal.signal(n, signal.SIG_IGN)) for n in range(1, 65)]; time.sleep(999)",
        "it ran for more than 3 s, the limit",
    ),
    "a bomb of processes": ("while True: attempt(os.fork)", "the limit"),
    "a bomb of threads": ("while True: threading.Thread(target=time.sleep, args=(99,)).start()", "RuntimeError: can't"),
    "fills memory": ("b = []\nwhile True: b.append(b'x' * 2**24)", "MemoryError"),
    "fills memory with its children": (
        "for _ in range(9):\n    if os.fork() == 0: x = os.urandom(2**20) * 400; time.sleep(99)\ntime.sleep(99)",
        "MB of memory, the limit",
    ),
    "fills the disk": ("f = open('/tmp/x', 'wb')\nwhile True: f.write(b'x' * 2**20)", "OSError: "),
    "fills shared memory": ("f = open('/dev/shm/x', 'wb')\nwhile True: f.write(b'x' * 2**20)", "OSError: "),
    "a hundred thousand files": (
        "for i in range(10**5): open(f'/tmp/{{i}}', 'w').close()\ntime.sleep(99)",
        "files, the limit",
    ),
    "opens files without end": ("k = []\nwhile True: k.append(open('/dev/null'))", "Too many open files"),
    "prints without end": ("while True: print('x' * 10**6)", "it printed more than 1 MB, the limit"),
    "kills all that it can": (
        "[attempt(lambda p=p: os.kill(p, 9)) for p in (os.getppid(), 1, 0, -1)]\nos._exit(9)",
        "ended with ",
    ),
    "leaves a child that takes no signal": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nif os.fork() == 0: os.setsid(); time.sleep(999)\nos._exit(0)",
        "ended with code 0 before there was a release",
    ),
    "closes everything": ("os.closerange(0, 99); raise ValueError('x')", "ended with code "),
    "progress without end": (
        'while True: say(b\'{{"progress": 0.5, "note": ""}}\\n\' * 1000)',
        "it ran for more than 3 s, the limit",
    ),
    "ends with 0": ("os._exit(0)", "ended with code 0 before there was a release"),
    "ends with 3": ("os._exit(3)", "ended with code 3 before there was a release"),
    "leaves": ("sys.exit(0)", "SystemExit: 0"),
    "crashes": ("ctypes.string_at(0)", "ended with "),
    "aborts": ("print('last words'); sys.stdout.flush(); os.abort()", "after it printed 'last words'"),
    "recursion": ("f = lambda: f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    "recursion without limit": (
        "sys.setrecursionlimit(10**9)\nclass R:\n    def __repr__(self): return repr(self)\nrepr(R())",
        "ended with ",
    ),
    "an exception that steers": ("raise ValueError('\\x1b]0;evil\\x07\\nsecond \\u202e line')", "evil"),
    "an endless exception": ("raise ValueError('x' * 10**7)", "out of the sandbox came a line of more than 1 MB"),
    "an exception without a text": (
        "class E(Exception):\n    def __str__(self): raise E\nraise E",
        "ended with code 1",
    ),
    "nothing": ("return None", "protect returned a NoneType; allowed: Protected(samples, log)"),
    "a list": ("return Protected(list(samples))", "release: a list; allowed: a SampleSet of Samples"),
    "floats": ("return each(samples, pixels=samples[0].pixels / 255)", "float64; allowed: (H, W, 3) uint8"),
    "not numbers": ("return each(samples, pixels=samples[0].pixels * np.nan)", "float64; allowed: (H, W, 3) uint8"),
    "another size": ("return each(samples, pixels=np.zeros((9, 9, 3), np.uint8))", "of 9x9 in mode RGB; allowed: "),
    "a huge picture": (
        "huge = replace(samples[0], pixels=np.zeros((5000, 5000, 3), np.uint8))\n"
        "return Protected(SampleSet((huge, *samples[1:])))",
        "allowed: ",
    ),
    "too few samples": ("return Protected(SampleSet(samples[:2]))", "ids or order changed"),
    "too many samples": ("return Protected(SampleSet((*samples, samples[0])))", "ids or order changed"),
    "no samples": ("return Protected(SampleSet(()))", "ids or order changed"),
    "other ids": ("return each(samples, id='x')", "ids or order changed"),
    "other answers": ("return each(samples, answer='x')", "answers changed"),
    "a sample that hides its answer": (
        "class S(Sample):\n    answer = property(lambda s: 'evil')\n    def __eq__(self, other): return True\n"
        "made = [object.__new__(S) for _ in samples]\n"
        "for new, s in zip(made, samples): new.__dict__.update(s.__dict__)\n"
        "return Protected(SampleSet(tuple(made)))",
        "answers changed",
    ),
    "a text that equals all": (
        "class T(str):\n    __hash__ = str.__hash__\n    def __eq__(self, other): return True\n"
        "return each(samples, answer=T('car'))",
        "answers changed",
    ),
    "floats that say they are bytes": (
        "class A(np.ndarray):\n    dtype = property(lambda a: np.dtype('uint8'))\n"
        "return each(samples, pixels=samples[0].pixels.astype(float).view(A))",
        "Cannot handle this data type",
    ),
    "other rules": ("return each(samples, rule='vqa')", "rules changed"),
    "an unknown rule": ("return each(samples, rule='eval')", "closed JSON"),
    "other questions": ("return each(samples, question='Is it?')", "changed from"),
    "markup in questions": ("return each(samples, question=samples[0].question + ' <image>')", "inserted"),
    "half a character": ("return each(samples, question='What \\ud800')", "UnicodeEncodeError"),
    "names that climb": ("return each(samples, image_id='../../x')", "image_id"),
    "names of its own": ("return each(samples, image_id='mine')", "each picture of the original, once"),
    "a log of objects": ("return Protected(samples, {{'x': object()}})", "log: Object of type object is not JSON"),
    "a log of bytes": (
        "import pickle\nreturn Protected(samples, {{'x': pickle.dumps(1)}})",
        "log: Object of type bytes",
    ),
    "a log without end": ("return Protected(samples, {{'x': 'x' * 5 * 10**7}})", "bytes; allowed: "),
    "a log that is deep": ("x = []\nfor _ in range(9**5): x = [x]\nreturn Protected(samples, {{'x': x}})", "log: "),
    "a log of no numbers": ("return Protected(samples, {{'x': float('nan')}})", "NaN is no number"),
    "patches the judge": (
        "import bench.errors, bench.spec, bench.words\nbench.words.may_be_inserted = lambda word: True\n"
        "return each(samples, question=samples[0].question + ' <image>')",
        "inserted",
    ),
    "patches json": ("json.dumps = lambda *_, **__: 'x'\nreturn Protected(samples)", "out of the sandbox came "),
    "patches Pillow": (
        "from PIL import Image\nImage.Image.save = lambda self, file, *_, **__: file.write(b'x' * 99)\n"
        "return Protected(samples)",
        "no picture that can be read",
    ),
    "a file in the way": ("Path('release').write_text('x')\nreturn Protected(samples)", "Error: "),
    "a pipe in the way": (
        "name = samples[0].image_id\nPath('release/images').mkdir(parents=True)\n"
        "os.mkfifo(f'release/images/{{name}}.png')\nPath.mkdir = lambda *_, **__: None\nreturn Protected(samples)",
        "it ran for more than 3 s, the limit",
    ),
    "a link in the way": ("os.symlink({sentinel!r}, 'release')\nreturn Protected(samples)", "Error: "),
    "words for an answer": ("say(b'all is well\\n')\nreturn Protected(samples)", "out of the sandbox came a line"),
    "an endless line": ("say(b'x' * 2**21)\nreturn Protected(samples)", "out of the sandbox came a line of more"),
    "deep JSON": ("say(b'[' * 10**5 + b'\\n')\nreturn Protected(samples)", "out of the sandbox came a line"),
    "an endless number": ("say(b'9' * 10**5 + b'\\n')\nreturn Protected(samples)", "out of the sandbox came a line"),
    "progress that is no number": ('progress(0.5, \'x\'); say(b\'{{"progress": NaN, "note": ""}}\\n\')', "NaN"),
    "a file that climbs": ('say(b\'{{"file": "../../x", "size": 1}}\\nx\')', "the file '../../x'; allowed: "),
    "a file in a folder of its own": ('say(b\'{{"file": "images/../x.png", "size": 1}}\\nx\')', "the file "),
    "a file without end": ('say(b\'{{"file": "log.json", "size": 1000000000000}}\\n\')', "bytes; allowed: "),
    "a file that is short": (
        'say(b\'{{"file": "log.json", "size": 1000}}\\nx\'); os._exit(0)',
        "ended with code 0 before there was a release",
    ),
    "a file twice": ('say(b\'{{"file": "log.json", "size": 2}}\\n{{}}\' * 2)', "the file 'log.json'"),
    "done at once": ("say(b'{{\"done\": true}}\\n')\ntime.sleep(99)", "ids or order changed"),
    "facts for a release": (
        "say(json.dumps({{'options': {{}}, 'naming': {{}}, 'traits': {{'depends': []}}}}).encode() + b'\\n')",
        "a release",
    ),
    "a bomb of a picture": (
        "import io, zlib, struct\n"
        "chunk = lambda k, d: struct.pack('>I', len(d)) + k + d + struct.pack('>I', zlib.crc32(k + d))\n"
        "head = struct.pack('>IIBBBBB', 60000, 60000, 8, 2, 0, 0, 0)\n"
        "bomb = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress(b'0' * 10**7))\n"
        "name = f'images/{{samples[0].image_id}}.png'\n"
        "say(json.dumps({{'file': name, 'size': len(bomb)}}).encode() + b'\\n' + bomb)",
        "allowed: ",
    ),
}
"""Bodies of `protect` that cannot end with a release, and a part of the line that says so."""

FILES = {
    "no Python": ("def protect(:\n", "line 1: invalid syntax"),
    "a null byte": ("x = 1\0", "null bytes"),
    "nothing in it": ("", "subclasses of Defense: none; allowed: exactly one"),
    "no defense": ("class Mine: pass", "subclasses of Defense: none; allowed: exactly one"),
    "an abstract one": (
        "from defenses.base import Defense\nclass Mine(Defense): pass",
        "subclasses of Defense: none; allowed: exactly one",
    ),
    "two defenses": (
        "from defenses.base import Defense\nclass A(Defense):\n    def protect(self, *_): pass\nclass B(A): pass",
        "subclasses of Defense: A, B; allowed: exactly one",
    ),
    "an import that fails": ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
    "harm when it is loaded": ("import os\nos._exit(7)", "ended with code 7"),
    "no end when it is loaded": ("while True: pass", "it ran for more than 3 s, the limit"),
    "brackets": ("(" * 10**5, "too many nested parentheses"),
}
"""Whole files that define no defense, and a part of the line that says so."""
