"""Runs every benchmark in turn; one that cannot run here says why and the rest go on."""

import pkgutil
import subprocess
import sys

import bench

failed = []
for module in sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_")):
    print(f"\n== {module} ==", flush=True)
    if subprocess.run([sys.executable, "-m", f"bench.{module}"], check=False).returncode:
        failed.append(module)
if failed:
    sys.exit(f"failed: {', '.join(failed)}")
