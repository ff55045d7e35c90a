"""What the built plugins show to the program that loads them."""

import shutil
import subprocess

from tree import Skip

ENTRY = "gw_plugin_entry"


def check_exports(files):
    """every plugin exports exactly gw_plugin_entry"""
    if not shutil.which("nm"):
        raise Skip("nm is not installed")
    complaints = []
    for build in files.builds:
        plugins = sorted((build / "plugins").glob("*.so"))
        if not plugins:
            complaints.append(f"{build}/plugins: no plugin was built")
        for plugin in plugins:
            listed = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", plugin],
                                    check=True, capture_output=True, text=True).stdout
            symbols = [line.split()[0] for line in listed.splitlines() if line]
            if symbols != [ENTRY]:
                complaints.append(f"{plugin}: exports {', '.join(symbols) or 'nothing'}")
    return complaints
