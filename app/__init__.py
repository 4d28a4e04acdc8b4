"""Claire de Binare: a farm of Celery workers that trades crypto on MEXC by itself."""
