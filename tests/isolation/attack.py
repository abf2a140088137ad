"""What hostile code would try: a program's text, to be run as the user that must not succeed."""

from __future__ import annotations

ATTACK = """
import ctypes, errno, json, os, signal, sys
from pathlib import Path

PTRACE_SEIZE = 0x4206  # attaches without stopping anybody
libc = ctypes.CDLL(None, use_errno=True)

def trying(attack):
    try:
        return f"got {attack()}"
    except OSError as error:
        return type(error).__name__

def must(result):
    if result < 0 and ctypes.get_errno() != errno.EFAULT:  # it may be at another address there
        raise OSError(ctypes.get_errno(), "denied")
    return result

def memory(pid):
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
    buffer = ctypes.create_string_buffer(8)
    mine, theirs = Piece(ctypes.addressof(buffer), 8), Piece(id(None), 8)
    libc.process_vm_readv.restype = ctypes.c_ssize_t
    return must(libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0))

def read(file):
    return len(os.listdir(file) if os.path.isdir(file) else open(file, "rb").read())

def attacks(pid, files):
    return {**on_process(pid), **on_files(files)}

def on_files(files):
    return {file: trying(lambda: read(file)) for file in files}

def on_process(pid):
    return {
        "environ": trying(lambda: Path(f"/proc/{pid}/environ").read_bytes()),
        "mem": trying(lambda: open(f"/proc/{pid}/mem", "rb")),
        "fd": trying(lambda: os.listdir(f"/proc/{pid}/fd")),
        "cwd": trying(lambda: os.readlink(f"/proc/{pid}/cwd")),
        "process_vm_readv": trying(lambda: memory(pid)),
        "ptrace": trying(lambda: must(libc.ptrace(PTRACE_SEIZE, pid, 0, 0))),
        "signal": trying(lambda: os.kill(pid, signal.SIGCONT)),
        "kill": trying(lambda: os.kill(pid, signal.SIGKILL)),
    }
"""
