"""yungu: a valley as software. One hub for the clients people already use.

    from yungu.app.wiring import build_site
    from yungu.app.settings import load_settings

    site = build_site(load_settings(data="./data"))

The packages, from the ground up: ``kernel``, ``storage``, ``accounts``, ``hub``, ``api``, ``app``, ``cli``.
Calls go down, facts go up.
"""

__version__ = "0.1.0"
