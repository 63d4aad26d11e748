"""Run a private hypervisor until Ctrl-C: `PYTHONPATH=script python3 -m lab DIRECTORY`."""

import argparse
import signal
import sys
import time
from pathlib import Path

from . import LabError, start, tiny


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a private hypervisor until Ctrl-C.")
    parser.add_argument("directory", type=Path, help="where it keeps everything; made if missing")
    directory = parser.parse_args().directory
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        began = time.monotonic()
        lab = start(directory)
        try:
            print(f"Ready after {time.monotonic() - began:.1f} s: {lab.uri}", flush=True)
            lab.process.wait()
            sys.exit("The lab has ended by itself.")
        finally:
            lab.stop()
    except (LabError, tiny.ImageError) as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        print("Stopped.")


if __name__ == "__main__":
    main()
