"""Settings, the one composition root, and what runs beside requests.

from yungu.app import settings, wiring

app = wiring.build_app(settings.load(data="data"))
"""
