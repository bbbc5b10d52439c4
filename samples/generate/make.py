"""Makes every sample. Usage: python samples/generate/make.py [NAME…]"""

import importlib
import sys
import tempfile
from pathlib import Path

NAMES = ["article", "scanned", "catalogue", "loan_file", "procedure", "deutsch", "broken", "encrypted"]

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or NAMES:
            importlib.import_module(name).make(Path(folder))
            print(name)
