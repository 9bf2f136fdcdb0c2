"""Optional libraries: imported when needed, with a clear error where they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from headstart.errors import MissingExtra


def installed_by(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install '.[{extra}]'   (in a checkout of Headstart)"


def require(module: str, extra: str) -> ModuleType:
    """Import an optional module.

    Args:
        module: What to import, for example ``"pi_heif"``.
        extra: The extra of this package that installs it.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"{module} is not installed",
            f"the optional library {module}",
            installed_by(extra),
        ) from error
