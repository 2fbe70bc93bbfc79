"""The model that the tests are given, or make."""

import os
import subprocess
import sys
import tempfile

from program import Program

SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def main(unittest, usage):
    if len(sys.argv) < 3:
        sys.exit(usage)
    Program.source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    Program.binary = os.path.abspath(sys.argv.pop(1))
    with tempfile.TemporaryDirectory() as folder:
        if sys.argv[1] == "--stories":
            sys.argv.pop(1)
            shared = os.environ.get("GANTRY_SHARED", os.path.join(Program.source, "..", "shared"))
            weights = os.path.join(shared, "conformance", "weights", "stories260K")
            if not os.path.isdir(weights):
                required = os.environ.get("GANTRY_SHARED_REQUIRED") == "1"
                print(f"{'required' if required else 'skipped'}: absent: {weights}")
                sys.exit(1 if required else SKIPPED)
            Program.model = os.path.join(folder, "stories260K.gguf")
            subprocess.run([os.path.abspath(sys.argv.pop(1)), weights, Program.model], check=True)
        else:
            Program.model = os.path.abspath(sys.argv.pop(1))
        result = unittest.main(verbosity=0, exit=False).result
    sys.exit(not result.wasSuccessful())
