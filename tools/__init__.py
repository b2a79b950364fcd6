"""What operators and maintainers run by hand."""

import sys
from pathlib import Path

# The package lives in the layer and is installed nowhere.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers" / "evertoken"))
