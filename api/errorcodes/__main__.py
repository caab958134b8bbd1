"""python -m api.errorcodes docs/errors.md"""

import sys
from pathlib import Path

from api.errorcodes import text

Path(sys.argv[1]).write_text(text(), encoding="utf-8")
