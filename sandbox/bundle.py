"""What a process runs in its jail, compiled once on the host and handed to each at its start.

No jail can write bytecode, and where the host writes none either (``PYTHONDONTWRITEBYTECODE``, a
folder that is read-only) each start would compile this package and the preamble anew. So the
package itself need not be visible in a jail. The jail runs the host's own interpreter, which is
why it can read what this one has marshalled; the way back is closed, as nothing marshalled is ever
taken from a jail.
"""

from __future__ import annotations

import importlib.util
import marshal
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader

from sandbox import arrays
from sandbox.outcome import SandboxError

_MODULES = ("arrays", "frames", "codec", "records", "channel", "seccomp", "lockdown", "worker")
"""Of this package, each after those it imports."""

BOOT = """
import marshal, os, sys, types
socket, bundle = map(int, sys.argv[1:])
modules, preamble = marshal.loads(os.pread(bundle, os.fstat(bundle).st_size, 0))
os.close(bundle)
package = sys.modules["sandbox"] = types.ModuleType("sandbox")
for name, file, code in modules:
    module = sys.modules["sandbox." + name] = types.ModuleType("sandbox." + name)
    module.__file__ = file
    setattr(package, name, module)
    exec(code, vars(module))
package.worker.main(socket, preamble)
"""
"""Program of a jailed process; its arguments are the descriptors of its socket and its bundle."""


def make_bundle(preamble: Mapping[str, str]) -> int:
    """A sealed descriptor that any number of processes read; the caller closes it.

    ``preamble`` is source text by module name.

    Raises:
        SandboxError: the preamble is no Python.
    """
    modules = [(name, *_compiled(f"sandbox.{name}")) for name in _MODULES]
    try:
        prepared = [
            (name, compile(source, f"<{name}>", "exec", dont_inherit=True))
            for name, source in preamble.items()
        ]
    except (SyntaxError, ValueError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise SandboxError(f"the preamble of the sandbox failed: {cause}") from None
    return arrays.copy_to_descriptor(memoryview(marshal.dumps((modules, prepared))))


def _compiled(module: str) -> tuple[str, object]:
    """File and code of a module of this package."""
    spec = importlib.util.find_spec(module)
    if spec is None or not isinstance(spec.loader, SourceFileLoader):
        raise SandboxError(f"{module} is not installed as a file of its own")
    return spec.loader.path, spec.loader.get_code(module)
