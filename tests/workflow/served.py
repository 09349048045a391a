"""A command `robustprune` for the PATH of a Snakemake run: it lets a server with loaded libraries run each call in a
fork. A job of a test takes tenths of a second that way; most of them only start Python, torch and pandas."""

import json
import os
import runpy
import signal
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

COMMAND = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(call).to_bytes(4, "big")], [1, 2])
    server.sendall(call)
    sys.exit(ord(server.recv(1) or b"\\1"))
"""


@contextmanager
def command(folder: Path) -> Iterator[Path]:
    """Serve calls of `robustprune`; yields the folder of the command."""
    tqdm.get_lock()  # a fork that made it would leave a semaphore behind
    path, address = folder / "bin" / "robustprune", str(folder / "socket")
    path.parent.mkdir()
    path.write_text(COMMAND.format(python=sys.executable, address=address))
    path.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        server = os.fork()
        if not server:
            _serve(listener)
    try:
        yield path.parent
    finally:
        os.kill(server, signal.SIGTERM)
        os.waitpid(server, 0)


def enter(folder: str | Path, environment: dict[str, str], arguments: list[str]) -> None:
    """Make this process one that was started in a folder with this environment and these words."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.path[:0] = [str(folder), environment["PYTHONPATH"]]
    sys.argv = arguments
    assert not any(name.partition(".")[0] == "robustprune" for name in sys.modules)


def _serve(listener: socket.socket) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    while True:
        connection, _ = listener.accept()
        if not os.fork():
            _answer(connection)
        connection.close()


def _answer(connection: socket.socket) -> NoReturn:
    """Run one call and send its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, outputs, _, _ = socket.recv_fds(connection, 4, 2)
    arguments, folder, environment = json.loads(connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
    for descriptor, output in zip((1, 2), outputs, strict=True):
        os.dup2(output, descriptor)
    # streams that know that they may be pipes, as those of a process of its own do
    sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", closefd=False) for descriptor in (1, 2))
    status = 1
    try:
        enter(folder, environment, ["robustprune", *arguments])
        runpy.run_module("robustprune.cli", run_name="__main__", alter_sys=True)
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([status]))
        os._exit(status)
