"""Hostile snippets against the machine: its files, sockets, processes, kernel and resources.

Each tries to do harm and prints PWNED if it could. It sees HOST, the facts about the host that a
lucky attacker might guess.
"""

from __future__ import annotations

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
    "threads with files of their own": """
refused(56, 0x10B00, 0, 0, 0, 0); refused(436, 1000, 1000, 2)""",
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
while True: hoard.append(numpy.ones(1 << 20))""",
    "memory by mapping": """
import mmap
hoard = []
while True:
    hoard.append(mmap.mmap(-1, 1 << 24)); hoard[-1][::4096] = b'x' * (1 << 12)""",
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
}
