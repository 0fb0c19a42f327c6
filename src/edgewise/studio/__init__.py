"""The studio: a page on which a person trains, touches and reads a network; every step is one of `Session`."""

from typing import TYPE_CHECKING, Any

from edgewise.studio import _hosts as _hosts

if TYPE_CHECKING:
    from edgewise.studio._desk import Desk as Desk
    from edgewise.studio._notebook import StudioWidget as StudioWidget
    from edgewise.studio._notebook import widget as widget
    from edgewise.studio._open import desk_of as desk_of
    from edgewise.studio._open import open as open
    from edgewise.studio._open import serve as serve
    from edgewise.studio._requests import REQUESTS as REQUESTS
    from edgewise.studio._requests import Moved as Moved
    from edgewise.studio._requests import Request as Request
    from edgewise.studio._serve import Studio as Studio
else:

    def __getattr__(name: str) -> Any:
        if name not in _hosts.NAMES:
            raise AttributeError(f"module 'edgewise.studio' has no attribute {name!r}")
        if name == "REQUESTS":
            _hosts.load_requests()
        return _hosts.load(name)


def __dir__() -> list[str]:
    return sorted(_hosts.NAMES)
