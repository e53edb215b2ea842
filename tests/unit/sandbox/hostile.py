"""Hostile snippets, and a script that runs them all at one level and reports as JSON.

    python hostile.py landlock

Each snippet tries to do harm and prints PWNED if it could. Afterwards the host must be unharmed
(its canary file, sockets and environment untouched) and the session must still run code. The
script stands alone so that a test can start it as another user or in another namespace.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from sandbox import Limits, Sandbox, cancelled, shared_empty

SECRET = "canary-8d1f6c"
LIMITS = Limits(
    memory_bytes=512 << 20,
    cell_seconds=0.3,
    grace_seconds=0.2,
    scratch_bytes=24 << 20,
    scratch_files=400,
    processes=16,
    output_bytes=8 << 10,
    array_bytes=16 << 20,
)

PREAMBLE = '''
import ctypes, errno, json, os, select, signal, socket, stat, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    """A raw system call; -1 when it is refused."""
    return libc.syscall(ctypes.c_long(number),
        *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
def won(*what):
    print("PWNED", *what)
def attempt(action, *arguments, **options):
    """PWNED if the action goes through; an OSError is the jail holding."""
    try:
        result = action(*arguments, **options)
    except (OSError, ImportError, AttributeError) as error:
        print("held:", error)
    else:
        won(result)
def refused(number, *arguments):
    """PWNED if a system call does anything but fail for want of permission."""
    result = call(number, *arguments)
    if result != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
        won(number, result, ctypes.get_errno())
def wire():
    """The descriptor of the connection to the host, as long as no other socket is open."""
    for number in range(3, 128):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            pass
def frame(head, buffers=(), sizes=None):
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    sizes = [len(b) for b in buffers] if sizes is None else sizes
    return (struct.pack("<IHH", len(text), len(sizes), 0)
        + b"".join(struct.pack("<Q", s) for s in sizes) + text + b"".join(buffers))
def forge(*arguments, **options):
    data = frame(*arguments, **options)
    while data:
        data = data[os.write(WIRE, data):]
def answer_of(name, *args, buffers=()):
    """Forge a call and return what the host says to it."""
    forge({"type": "call", "cell": CELL, "id": 10**6, "name": name, "args": list(args),
           "kwargs": {}}, buffers)
    head = os.read(WIRE, 1 << 16)
    return head[8:].decode("ascii", "replace")
CELL, WIRE = 0, wire()
'''

# Every snippet also sees HOST, the facts about the host that a lucky attacker might guess.
SNIPPETS: dict[str, str] = {
    # ---- before anything else opens some
    "descriptors left open": """
for number in range(3, 128):
    try: kind = stat.S_IFMT(os.fstat(number).st_mode)
    except OSError: continue
    if kind in (stat.S_IFDIR, stat.S_IFREG, stat.S_IFBLK): won(number, oct(kind))""",
    # ---- sockets
    "tcp": "attempt(lambda: socket.create_connection(('127.0.0.1', HOST['port']), 0.5))",
    "tcp6": "attempt(lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM))",
    "udp": """
attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
    b'x', ('127.0.0.1', HOST['udp'])))""",
    "raw socket": "attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "packet socket": "attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)",
    "netlink": "attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "vsock": "attempt(socket.socket, socket.AF_VSOCK, socket.SOCK_STREAM)",
    "kernel crypto socket": "attempt(socket.socket, socket.AF_ALG, socket.SOCK_SEQPACKET, 0)",
    "bluetooth": "attempt(socket.socket, 31, socket.SOCK_RAW, 1)",
    "unix stream": """
def f():
    s = socket.socket(socket.AF_UNIX); s.connect(HOST['stream']); s.send(b'x')
attempt(f)""",
    "unix abstract": """
def f():
    s = socket.socket(socket.AF_UNIX); s.connect('\\0' + HOST['abstract']); s.send(b'x')
attempt(f)""",
    "unix datagram out of a socket pair": """
def f(address):
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    a.sendto(b'x', address)
attempt(f, HOST['datagram'])
attempt(f, '\\0' + HOST['abstract-datagram'])""",
    "address on a stream pair": """
a, b = socket.socketpair()
attempt(a.sendto, b'x', HOST['datagram'])""",
    "sendmsg with an address": """
a, b = socket.socketpair()
attempt(a.sendmsg, [b'x'], [], 0, HOST['datagram'])""",
    "descriptor passed to the host": """
attempt(lambda: socket.send_fds(socket.socketpair()[0], [b'x'], [0]))""",
    "bind and listen": """
def f():
    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
attempt(f)""",
    "name lookup": "attempt(socket.getaddrinfo, 'example.org', 80)",
    "url": "import urllib.request\nattempt(urllib.request.urlopen, 'http://127.0.0.1', timeout=1)",
    # ---- files
    "read the canary": "attempt(lambda: open(HOST['secret']).read())",
    "read system files": """
for path in ('/etc/passwd', '/etc/shadow', '/etc/hostname', '/root/.bashrc', '/var/log/syslog'):
    attempt(lambda: open(path).read())""",
    "list folders": """
for path in ('/', '/home', '/root', '/etc', '/tmp', '/proc', '/sys', HOST['folder'], HOST['home']):
    attempt(os.listdir, path)""",
    "through proc root": """
for path in ('/proc/self/root', '/proc/1/root', '/proc/self/cwd/..'):
    attempt(lambda: open(path + HOST['secret']).read())
    attempt(os.listdir, path)""",
    "openat from a folder above": """
attempt(lambda: os.open('../' * 20 + HOST['secret'][1:], os.O_RDONLY))""",
    "openat2": """
path = ctypes.create_string_buffer(HOST['secret'].encode())
how = struct.pack('<QQQ', 0, 0, 0)
if call(437, -100, path, ctypes.c_char_p(how), len(how)) >= 0: won()""",
    "symbolic link out": """
def f():
    os.symlink(HOST['secret'], 'link'); return open('link').read()
attempt(f)""",
    "hard link out": """
def f():
    os.link(HOST['secret'], 'hard'); return open('hard').read()
attempt(f)""",
    "move in": "attempt(os.rename, HOST['secret'], 'mine')",
    "write the canary": "attempt(lambda: open(HOST['secret'], 'a'))",
    "truncate the canary": "attempt(os.truncate, HOST['secret'], 0)",
    "truncate by opening": "attempt(os.open, HOST['secret'], os.O_RDONLY | os.O_TRUNC)",
    "delete the canary": "attempt(os.unlink, HOST['secret'])",
    "chmod, chown, times, attributes": """
attempt(os.chmod, HOST['secret'], 0o777)
attempt(os.chown, HOST['secret'], 0, 0)
attempt(os.utime, HOST['secret'], (0, 0))
attempt(os.setxattr, HOST['secret'], 'user.x', b'x')
attempt(lambda: os.fchmod(os.open('f', os.O_CREAT | os.O_RDWR), 0o4755))""",
    "write outside of scratch": """
for path in ('/x', '/tmp/x', '/dev/shm/x', '/var/tmp/x', '/dev/x', '/proc/x',
             HOST['folder'] + '/x'):
    attempt(lambda: open(path, 'w'))
    attempt(os.mkdir, path)""",
    "nameless file outside": """
for path in ('/', '/tmp', '/dev/shm', HOST['folder']):
    attempt(os.open, path, os.O_TMPFILE | os.O_RDWR)""",
    "poison the interpreter": """
import os as module
attempt(lambda: open(module.__file__, 'a'))
attempt(lambda: open(os.path.dirname(module.__file__) + '/evil.py', 'w'))
import numpy
attempt(lambda: open(numpy.__file__, 'a'))
attempt(os.rename, numpy.__file__, 'numpy.py')""",
    "device nodes": """
attempt(os.mknod, 'disk', stat.S_IFBLK | 0o600, os.makedev(8, 0))
attempt(os.mkfifo, 'pipe')
for path in ('/dev/mem', '/dev/kmsg', '/dev/sda', '/dev/vda', '/dev/tty', '/dev/ptmx', '/dev/fuse'):
    attempt(os.open, path, os.O_RDWR)""",
    "open by handle": "refused(304, -1, 0, 0)\nrefused(303, -100, b'/', 0, 0, 0)",
    # ---- proc and environment
    "host environment": """
for path in (f"/proc/{HOST['pid']}/environ", '/proc/1/environ', '/proc/self/environ',
             f"/proc/{os.getppid()}/environ", f"/proc/{HOST['pid']}/cmdline"):
    attempt(lambda: open(path, 'rb').read())
if HOST['variable'] in os.environ or any('canary' in v for v in os.environ.values()): won()""",
    "host memory": """
for path in (f"/proc/{HOST['pid']}/mem", f"/proc/{HOST['pid']}/maps", '/proc/1/mem'):
    attempt(lambda: open(path, 'rb').read(1))""",
    "own memory": "attempt(lambda: open('/proc/self/mem', 'r+b'))",
    "mounts, net, kernel": """
for path in ('/proc/mounts', '/proc/self/mountinfo', '/proc/net/tcp', '/proc/self/net/unix',
             '/proc/version', '/proc/cmdline', '/proc/kallsyms', '/proc/sysrq-trigger',
             '/sys/kernel/notes', '/proc/self/status', '/proc/self/cgroup', '/proc/self/fd'):
    attempt(lambda: open(path).read())""",
    "host's folder and arguments": """
import gc
if HOST['folder'] in os.getcwd() or HOST['script'] in ' '.join(sys.argv + sys.orig_argv): won()
if any(HOST['folder'] in p for p in sys.path): won(sys.path)""",
    # ---- other processes
    "ptrace": "refused(101, 16, HOST['pid'], 0, 0)\nrefused(101, 0, 0, 0, 0)",
    "read another process": "refused(310, HOST['pid'], 0, 0, 0, 0, 0)",
    "write another process": "refused(311, HOST['pid'], 0, 0, 0, 0, 0)",
    "signal the host": """
attempt(os.kill, HOST['pid'], signal.SIGTERM)
attempt(os.kill, HOST['pid'], 0)
attempt(os.kill, os.getppid(), signal.SIGTERM)
attempt(os.kill, -1, signal.SIGTERM)
attempt(os.killpg, 0, signal.SIGTERM)""",
    "signal by other calls": """
refused(234, HOST['pid'], HOST['pid'], 15)
refused(200, HOST['pid'], 15)
refused(129, HOST['pid'], 15, 0)
refused(434, HOST['pid'], 0)
refused(424, 0, 15, 0, 0)""",
    "signal by descriptor owner": """
import fcntl
a, b = socket.socketpair()
attempt(fcntl.fcntl, a, fcntl.F_SETOWN, HOST['pid'])
attempt(fcntl.fcntl, a, 15, struct.pack('<ii', 1, HOST['pid']))
attempt(fcntl.ioctl, a, 0x8901, struct.pack('<i', HOST['pid']))""",
    "priorities and limits of others": """
import resource
attempt(resource.prlimit, HOST['pid'], resource.RLIMIT_NOFILE)
attempt(os.setpriority, os.PRIO_PROCESS, HOST['pid'], 19)
attempt(os.sched_setaffinity, HOST['pid'], {0})""",
    "raise own limits": """
import resource
def f():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
try: f()
except (ValueError, OSError): pass
else: won()""",
    "fork": "attempt(os.fork)",
    "vfork, clone, clone3": """
refused(58); refused(56, 17, 0, 0, 0, 0); refused(56, 0x10000000 | 17, 0, 0, 0, 0)
refused(435, ctypes.create_string_buffer(88), 88)""",
    "run a program": """
import subprocess
attempt(subprocess.run, ['/bin/sh', '-c', 'id'])
attempt(os.execv, sys.executable or '/bin/sh', ['x', '-c', '1'])
attempt(os.posix_spawn, '/bin/sh', ['sh'], {})
if os.system('true') == 0: won()
refused(322, -1, b'', 0, 0, 0x1000)""",
    "multiprocessing": """
import multiprocessing
attempt(lambda: multiprocessing.get_context('fork').Process(target=print).start())
attempt(lambda: multiprocessing.get_context('spawn').Process(target=print).start())""",
    "memfd": "attempt(os.memfd_create, 'x')",
    "namespaces": """
refused(272, 0x10000000); refused(272, 0x00020000); refused(308, 0, 0)
refused(56, 0x10000000 | 0x10000 | 0x100 | 0x800, 0, 0, 0, 0)""",
    "mount, pivot, chroot": """
refused(165, b'none', b'/', b'tmpfs', 0, 0); refused(166, b'/', 2); refused(155, b'/', b'/')
refused(161, b'/'); refused(428, -100, b'/', 1); refused(430, b'tmpfs', 0)
refused(442, 0, 0, 0)""",
    # ---- privileges
    "become root": """
for number in (105, 106, 117, 119, 113, 114, 116, 122, 123):
    refused(number, 0, 0, 0)""",
    "capabilities": "refused(126, struct.pack('<Ii', 0x20080522, 0), b'\\xff' * 24)",
    "undo the lock": """
for option in (1, 3, 4, 8, 22, 23, 24, 26, 36, 38, 47, 59):
    refused(157, option, 0, 0, 0, 0)
refused(317, 0, 0, 0)""",
    "no new privileges is set": """
status = 'unknown'
if call(157, 39, 0, 0, 0, 0) not in (-1, 1): won()""",
    # ---- kernel surface
    "io_uring": "refused(425, 8, bytes(120)); refused(426, 0); refused(427, 0)",
    "userfaultfd": "refused(323, 0)",
    "keyrings": """
refused(248, b'user', b'x', b'y', 1, -3); refused(249, b'user', b'x', 0, 0); refused(250, 0, -3)""",
    "bpf and perf": "refused(321, 0, 0, 0); refused(298, 0, 0, -1, -1, 0)",
    "shared memory and queues": """
refused(29, 0, 4096, 0o1777); refused(68, 0, 0o1777); refused(64, 0, 1, 0o1777)
refused(240, b'x', 0o102, 0o600, 0)""",
    "modules, reboot, swap, clock": """
for number in (175, 313, 169, 167, 246, 164, 227, 159, 170, 171, 103, 163, 179, 300, 172, 173, 154):
    refused(number, 0, 0, 0, 0)""",
    "personality, notify, lookups": """
for number in (135, 253, 294, 254, 301, 216, 212, 312, 153, 447, 448):
    refused(number, 0, 0, 0, 0)""",
    "terminal injection": """
import fcntl
for number in (0, 1, 2):
    attempt(fcntl.ioctl, number, 0x5412, b'x')""",
    "pipe size": "import fcntl\nattempt(fcntl.fcntl, 1, 1031, 1 << 20)",
    "socket options": """
a, b = socket.socketpair()
attempt(a.setsockopt, socket.SOL_SOCKET, 26, struct.pack('HL', 1, 0))""",
    "32-bit calls": """
import mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')  # getpid by int 0x80
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
won(ctypes.CFUNCTYPE(ctypes.c_long)(address)())""",
    "x32 calls": "won(call(0x40000000 + 39))",
    # ---- resources
    "memory": "hoard = []\nwhile True: hoard.append(bytearray(1 << 24))",
    "memory in numpy": """
import numpy
hoard = []
while True: hoard.append(numpy.ones(1 << 22))""",
    "memory by mapping": """
import mmap
hoard = []
while True:
    hoard.append(mmap.mmap(-1, 1 << 26)); hoard[-1][::4096] = b'x' * (1 << 14)""",
    "one huge number": "x = 10 ** (10 ** 9)",
    "threads": """
def forever():
    while True: time.sleep(1)
for _ in range(20000): threading.Thread(target=forever, daemon=True).start()
time.sleep(5)
won()""",
    "big file": """
with open('big', 'wb') as file:
    for _ in range(200): file.write(b'x' * (1 << 20))
won()""",
    "disk filled in an instant": """
for n in range(300):
    with open(f'full{n}', 'wb') as file: attempt(os.posix_fallocate, file.fileno(), 0, 1 << 30)""",
    "sparse file": "with open('sparse', 'wb') as file: attempt(file.truncate, 1 << 40)",
    "several files": """
for n in range(100):
    with open(f'part{n}', 'wb') as file: file.write(b'x' * (1 << 20))
    time.sleep(0.005)
time.sleep(0.3)
won()""",
    "very many files": """
for n in range(10**7): os.close(os.open(f'f{n}', os.O_CREAT))""",
    "very many folders": """
os.chdir('.')
for n in range(10**7): os.mkdir('d'); os.chdir('d')""",
    "deleted files kept open": """
kept = []
for n in range(100):
    d = os.open('gone', os.O_CREAT | os.O_RDWR); os.unlink('gone'); kept.append(d)
    os.write(d, b'x' * (1 << 20)); time.sleep(0.005)
time.sleep(0.3)
won()""",
    "deleted files kept mapped": """
import mmap
kept = []
for n in range(100):
    with open('gone', 'w+b') as file:
        file.write(b'x' * (1 << 20)); file.flush(); os.unlink('gone')
        m = mmap.mmap(file.fileno(), 4096); kept.append(m)
    time.sleep(0.005)
time.sleep(0.3)
won()""",
    "files beyond the longest path": """
for n in range(25):
    os.mkdir('n' * 200); os.chdir('n' * 200)
for n in range(60):
    with open(f'part{n}', 'wb') as file: file.write(b'x' * (1 << 20))
    time.sleep(0.005)
time.sleep(0.3)
won()""",
    "folders that cannot be listed": """
os.mkdir('blind', 0o300)
for n in range(60):
    with open(f'blind/part{n}', 'wb') as file: file.write(b'x' * (1 << 20))
    time.sleep(0.005)
time.sleep(0.3)
won()""",
    "flood of output": "while True: print('x' * 100000)",
    "flood of raw output": "while True: os.write(1, b'x' * 65536); os.write(2, b'y' * 65536)",
    "processor behind a host call": """
def spin():
    while True: pass
for _ in range(3): threading.Thread(target=spin, daemon=True).start()
nap(8)
won()""",
    # ---- cells that will not end
    "endless loop": "while True: pass",
    "interrupts swallowed": """
while True:
    try:
        while True: x = 1
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
attempt(os.open, f'/proc/self/fd/{number}', os.O_RDWR)
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

# These need time to do their harm, and are stopped by something else than the clock.
_PATIENT = {
    "memory", "memory in numpy", "long numpy call", "memory by mapping", "threads", "big file",
    "several files",
    "very many files", "very many folders", "deleted files kept open",
    "deleted files kept mapped", "files beyond the longest path",
    "folders that cannot be listed", "keys that collide",
}  # fmt: skip
_SPOILING = {"threads", "tampering with the session's own code"}  # end the process afterwards
_X86_ONLY = {"32-bit calls", "x32 calls"} | {
    name for name, code in SNIPPETS.items() if "refused(" in code or "call(" in code
}


@dataclass(frozen=True)
class Point:
    """A record."""

    x: float
    y: float


def main(level: str) -> None:
    """Run all snippets at a level; prints ``{"level", "ran", "failures"}``."""
    os.environ["CANARY_VARIABLE"] = SECRET
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="canary-")))
        folder.chmod(0o777)
        secret = folder / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o666)
        listeners = _listen(stack, folder)
        host = {
            "pid": os.getpid(),
            "secret": str(secret),
            "folder": str(folder),
            "home": str(Path.home()),
            "script": __file__,
            "variable": "CANARY_VARIABLE",
            "stream": str(folder / "stream"),
            "datagram": str(folder / "datagram"),
            "abstract": f"canary-{os.getpid()}",
            "abstract-datagram": f"canary-datagram-{os.getpid()}",
            "port": listeners["tcp"].getsockname()[1],
            "udp": listeners["udp"].getsockname()[1],
        }
        picture = shared_empty((512, 1024))
        functions = {"echo": lambda value: value, "nap": _nap, "picture": lambda: picture}
        failures: list[str] = []
        sandbox = stack.enter_context(
            Sandbox(functions, LIMITS, (), level=level, records=(Point,))  # type: ignore[arg-type]
        )
        ran = 0
        fresh = True
        for name, code in SNIPPETS.items():
            if platform.machine() != "x86_64" and name in _X86_ONLY:
                continue
            if fresh:
                sandbox.run(PREAMBLE, timeout=10)
                sandbox.run(f"HOST = {host!r}", timeout=10)
                fresh = False
            began = time.monotonic()
            cell = sandbox._count + 1
            timeout = 3.0 if name in _PATIENT else None
            outcome = sandbox.run(f"CELL = {cell}\n{code}", timeout=timeout)
            seconds = time.monotonic() - began
            if "-v" in sys.argv:
                print(
                    f"{seconds:6.2f} {name}",
                    outcome.error and outcome.error.message,
                    file=sys.stderr,
                )
            ran += 1
            if "PWNED" in outcome.stdout or "PWNED" in str(outcome.error):
                failures.append(f"{name}: {outcome.stdout[-200:]} {str(outcome.error)[-300:]}")
            if seconds > 6:
                failures.append(f"{name}: took {seconds:.1f} s")
            if outcome.error is not None and outcome.error.type == "NameError":
                failures.append(f"{name}: broken snippet: {outcome.error.message}")
            after = sandbox.run("print(6 * 7)", timeout=10)
            if name in _SPOILING:
                after = sandbox.run("import os\nos._exit(0)")
            if outcome.restarted or after.restarted:
                after = sandbox.run("print(6 * 7)", timeout=10)
                fresh = True
            if "42" not in after.stdout:
                failures.append(f"{name}: the session is broken after it: {after}")
            if secret.read_text() != SECRET or set(os.listdir(folder)) != {
                "secret", "stream", "datagram",
            }:  # fmt: skip
                failures.append(f"{name}: the canary was touched")
            if picture.any():
                failures.append(f"{name}: the host's array was written")
        for name, listener in listeners.items():
            with contextlib.suppress(BlockingIOError):
                listener.accept() if listener.type == socket.SOCK_STREAM else listener.recv(9)
                failures.append(f"something came in over the {name} socket")
        if threading.active_count() > 3:
            failures.append(f"threads left over: {threading.enumerate()}")
        print(json.dumps({"level": sandbox.level, "ran": ran, "failures": failures}))


def _nap(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not cancelled():
        time.sleep(0.01)


def _listen(stack: contextlib.ExitStack, folder: Path) -> dict[str, socket.socket]:
    places: dict[str, tuple[int, int, object]] = {
        "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
        "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
        "stream": (socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "stream")),
        "datagram": (socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "datagram")),
        "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0canary-{os.getpid()}"),
        "abstract datagram": (
            socket.AF_UNIX, socket.SOCK_DGRAM, f"\0canary-datagram-{os.getpid()}",
        ),
    }  # fmt: skip
    listeners = {}
    for name, (family, kind, address) in places.items():
        listener = stack.enter_context(socket.socket(family, kind))
        listener.bind(address)
        listener.setblocking(False)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        listeners[name] = listener
    for name in ("stream", "datagram"):
        (folder / name).chmod(0o777)
    return listeners


if __name__ == "__main__":
    main(sys.argv[1])
