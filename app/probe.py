"""Asks a service whether it is well, for the health checks of containers: `python -m app.probe URL [METRIC MOST]`.

Exit code 0 if the address answers with 200, and the metric there is at most so much; else 1 and why. It is started
every few seconds, and imports nothing of the farm.
"""

import sys
from urllib.error import URLError
from urllib.request import urlopen

LONGEST_S = 4


def objection(url: str, metric: str = "", most: float = 0.0) -> str | None:
    """Why it is not well, or nothing."""
    try:
        with urlopen(url, timeout=LONGEST_S) as answer:
            text = answer.read().decode()
    except (URLError, OSError, UnicodeDecodeError) as error:
        return f"{url}: {error}"
    if not metric:
        return None
    values = [float(line.split()[-1]) for line in text.splitlines() if line.partition(" ")[0] == metric]
    if not values:
        return f"{url} tells no {metric}"
    return None if values[0] <= most else f"{metric} is {values[0]:g}, more than {most:g}"


if __name__ == "__main__":
    url, *limit = sys.argv[1:]
    wrong = objection(url, limit[0], float(limit[1])) if limit else objection(url)
    if wrong is not None:
        sys.exit(wrong)
