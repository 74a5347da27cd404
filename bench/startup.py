"""How long the command takes to answer: `firstpass --help` and `--version` as whole processes, beside bare Python."""

import statistics
import subprocess
import sys
import time

RUNS = 7


def median_s(command: list[str]) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    bare = median_s([sys.executable, "-c", "pass"])
    print(f"{'command':28} {'median s':>8} {'ratio to bare python':>20}")
    for words in (["-c", "pass"], ["-c", "import firstpass"], ["-m", "firstpass", "--version"], ["-m", "firstpass", "--help"]):
        seconds = median_s([sys.executable, *words])
        print(f"{'python ' + ' '.join(words):28} {seconds:8.3f} {seconds / bare:20.1f}")


if __name__ == "__main__":
    main()
