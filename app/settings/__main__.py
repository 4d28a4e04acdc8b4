"""`python -m app.settings` prints .env.example, `python -m app.settings docs` the page of docs/settings.md."""

import sys

from app.settings.pages import env_example, settings_page

sys.stdout.write(settings_page() if sys.argv[1:] == ["docs"] else env_example())
