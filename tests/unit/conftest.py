"""As in the images: the pinned tzdata answers, not the machine's files."""

import zoneinfo

zoneinfo.reset_tzpath(to=())
zoneinfo.ZoneInfo.clear_cache()
