"""The studio: a page on which a person trains, touches and reads a network; every step is one of `Session`."""

from typing import TYPE_CHECKING, Any

from edgewise._extras import extras as _extras

with _extras("studio"):
    from edgewise.studio import _acts as _acts
    from edgewise.studio import _discovery as _discovery
    from edgewise.studio import _edges as _edges
    from edgewise.studio import _hosts as _hosts
    from edgewise.studio import _leave as _leave
    from edgewise.studio import _network_view as _network_view
    from edgewise.studio import _row_views as _row_views
    from edgewise.studio import _start as _start
    from edgewise.studio._desk import Desk as Desk
    from edgewise.studio._open import desk_of as desk_of
    from edgewise.studio._open import open as open
    from edgewise.studio._requests import REQUESTS as REQUESTS
    from edgewise.studio._requests import Moved as Moved
    from edgewise.studio._requests import Request as Request

if TYPE_CHECKING:
    from edgewise.studio._notebook import StudioWidget as StudioWidget
    from edgewise.studio._notebook import widget as widget
    from edgewise.studio._serve import Studio as Studio
else:

    def __getattr__(name: str) -> Any:
        if name not in _hosts.HOSTS:
            raise AttributeError(f"module 'edgewise.studio' has no attribute {name!r}")
        return _hosts.load(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_hosts.HOSTS} - {"Any", "TYPE_CHECKING"})
