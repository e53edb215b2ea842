"""Hostile snippets against the session: cells that will not end, die, or lie on the wire."""

from __future__ import annotations

SNIPPETS: dict[str, str] = {
    # ---- cells that will not end
    "endless loop": "while True: pass",
    "interrupts swallowed": """
while True:
    try:
        time.sleep(9)
    except BaseException: pass""",
    "interrupts ignored": "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "interrupts blocked": """
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True: pass""",
    "long native call": "pow(3, 10 ** 8)",
    "long match": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
    "long numpy call": "import numpy\nnumpy.linalg.svd(numpy.ones((2000, 2000)))",
    "never-ending printout": """
class Slow:
    def __repr__(self):
        while True: pass
Slow()""",
    "exception that hangs": """
class Bad(Exception):
    def __str__(self):
        while True: pass
raise Bad""",
    "flush that hangs": """
class Stream:
    def write(self, text): pass
    def flush(self):
        while True: pass
sys.stdout = Stream()""",
    # ---- death and damage
    "exit at once": "os._exit(0)",
    "stop itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "kill itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "segmentation fault": "ctypes.string_at(0)",
    "stack overflow": """
sys.setrecursionlimit(10 ** 9)
f = lambda: f()
f()""",
    "stack overflow in the parser": "eval('(' * 100000 + ')' * 100000)",
    "stack overflow in native code": """
sys.setrecursionlimit(10 ** 9)
x = None
for _ in range(10 ** 6): x = [x]
repr(x)""",
    "close every descriptor": "os.closerange(0, 128)",
    "close output": "os.close(1); os.close(2); print('x')",
    "shut the connection": "os.close(WIRE)",
    "swap the connection": "a, b = socket.socketpair(); os.dup2(a.fileno(), WIRE)",
    # ---- the wire
    "noise on the wire": "os.write(WIRE, os.urandom(4096))\ntime.sleep(0.05)",
    "noise behind the last word": """
def late():
    time.sleep(0.02); os.write(WIRE, os.urandom(4096))
threading.Thread(target=late).start()""",
    "half a frame": "os.write(WIRE, struct.pack('<IHH', 1000, 0, 0) + b'{')\ntime.sleep(30)",
    "huge header": "os.write(WIRE, struct.pack('<IHH', 0xffffffff, 0, 0))\ntime.sleep(0.05)",
    "huge buffer": "forge({'type': 'call'}, sizes=[1 << 62])\ntime.sleep(0.05)",
    "many buffers": "forge({'type': 'call'}, sizes=[0] * 65535)\ntime.sleep(0.05)",
    "header without end": "forge(b'[' * 1000000)\ntime.sleep(0.05)",
    "header that is no object": "forge(b'[1, 2]')\ntime.sleep(0.05)",
    "number without end": "forge(b'{\"type\": ' + b'9' * 1000000 + b'}')\ntime.sleep(0.05)",
    "unknown message": "forge({'type': 'config', 'lock': {}})\ntime.sleep(0.05)",
    "descriptors announced": """
os.write(WIRE, struct.pack('<IHH', 2, 0, 5) + b'{}')
time.sleep(0.05)""",
    "functions that do not exist": """
for name in ('os.system', '__class__', 'eval', 'echo.__globals__', 'Sandbox', 'ECHO', ''):
    if '"value"' in answer_of(name, 'id'): won(name)""",
    "arguments that do not fit": """
for args in ((), (1, 2), (1, 2, 3)):
    if '"value"' in answer_of('echo', *args): won(args)""",
    "malformed calls": """
for head in ({'type': 'call'}, {'type': 'call', 'cell': CELL, 'id': 'x', 'name': 'echo'},
             {'type': 'call', 'cell': CELL, 'id': 1, 'name': ['echo'], 'args': [], 'kwargs': {}}):
    forge(head)
time.sleep(0.05)""",
    "array of objects": """
if '"value"' in answer_of('echo', {'$': 'array', 'd': '|O8', 's': [1], 'i': 0},
                          buffers=[b'\\x00' * 8]): won()""",
    "array larger than its bytes": """
if '"value"' in answer_of('echo', {'$': 'array', 'd': '<f8', 's': [1 << 20], 'i': 0},
                          buffers=[b'x']): won()""",
    "array of negative size": """
if '"value"' in answer_of('echo', {'$': 'array', 'd': '<f8', 's': [-1, -1], 'i': 0},
                          buffers=[b'x' * 8]): won()""",
    "array from a descriptor": """
if '"value"' in answer_of('echo', {'$': 'array', 'd': '|u1', 's': [4], 'm': 0}): won()""",
    "buffer that is not there": """
if '"value"' in answer_of('echo', {'$': 'bytes', 'i': 7}): won()""",
    "record that is not known": """
if '"value"' in answer_of('echo', {'$': 'record', 'n': 'Process', 'v': [1]}): won()""",
    "keys that collide": """
step = 2 ** 61 - 1
began = time.monotonic()
pairs = [[n * step, 0] for n in range(60000)]
answer_of('echo', {'$': 'dict', 'v': pairs})""",
    "pickle": """
import pickle
class Evil:
    def __reduce__(self): return (os.system, ('touch ' + HOST['folder'] + '/pwned',))
data = pickle.dumps(Evil())
if answer_of('echo', {'$': 'bytes', 'i': 0}, buffers=[data]).find('"value"') < 0: won('refused')
os.write(WIRE, data)
time.sleep(0.05)""",
    "calls without reading the answers": """
for n in range(10 ** 6):
    forge({'type': 'call', 'cell': CELL, 'id': n, 'name': 'echo', 'args': ['x' * 5000],
           'kwargs': {}})""",
    "more concurrent calls than may wait": """
for n in range(400):
    forge({'type': 'call', 'cell': CELL, 'id': n, 'name': 'rest', 'args': ['x' * 5000],
           'kwargs': {}})""",
    "pictures that are never taken": """
for n in range(10 ** 6):
    forge({'type': 'call', 'cell': CELL, 'id': n, 'name': 'fresh', 'args': [], 'kwargs': {}})""",
    "one call number many times": """
for n in range(10 ** 6):
    forge({'type': 'call', 'cell': CELL, 'id': 5, 'name': 'rest', 'args': ['x' * 5000],
           'kwargs': {}})""",
    "going on after the last word": """
forge({'type': 'done', 'id': CELL})
while True: x = 1""",
    "answer of another cell": """
forge({'type': 'done', 'id': CELL + 1, 'names': ['forged']})
forge({'type': 'done', 'id': CELL - 1, 'error': {'type': 'PWNED'}})""",
    "lies in the last word": """
forge({'type': 'done', 'id': CELL, 'error': {'type': 7, 'message': ['x'], 'line': 'y'},
       'names': {'a': 1}})
time.sleep(30)""",
    "protocol on standard output": "os.write(1, frame({'type': 'done', 'id': CELL}))",
    "writing through a shared array": """
forge({"type": "call", "cell": CELL, "id": 10**6, "name": "picture", "args": [], "kwargs": {}})
line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=WIRE)
text, ancillary, flags, address = line.recvmsg(4096, socket.CMSG_SPACE(64))
line.detach()
number = struct.unpack('<i', ancillary[0][2][:4])[0]
import fcntl, mmap
attempt(os.ftruncate, number, 1)
attempt(os.ftruncate, number, 1 << 30)
attempt(os.write, number, b'x')
attempt(os.pwrite, number, b'x', 0)
attempt(lambda: mmap.mmap(number, 4096))
again = os.open(f'/proc/self/fd/{number}', os.O_RDWR)  # a new way in, to the same seals
attempt(os.ftruncate, again, 1)
attempt(os.write, again, b'x')
attempt(lambda: mmap.mmap(again, 4096))
attempt(fcntl.fcntl, number, 1033, 0)
mine = mmap.mmap(number, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
mine[:4] = b'mine'""",
    "records with wrong fields": """
if '"value"' in answer_of('echo', {'$': 'record', 'n': 'Point', 'v': ['a', None]}): won()
if '"value"' in answer_of('echo', {'$': 'record', 'n': 'Point', 'v': [1.0]}): won()""",
    "tampering with the session's own code": """
for name, module in list(sys.modules.items()):
    if name.startswith('sandbox'):
        for key in list(vars(module)):
            if not key.startswith('__'): setattr(module, key, None)
import builtins
builtins.repr = builtins.len = builtins.isinstance = None""",
}
