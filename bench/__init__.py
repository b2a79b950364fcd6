"""Measurements: `python -m bench` runs all, `python -m bench NAME` one. How each is made: bench/README.md."""

import sys
from pathlib import Path

# The package lives in the layer and is installed nowhere; whatever of bench is imported, this comes first.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers" / "evertoken"))
