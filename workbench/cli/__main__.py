"""`python -m workbench.cli`: the same as `ftwb`."""

from __future__ import annotations

import sys

from workbench.cli.entry import main

sys.exit(main())
