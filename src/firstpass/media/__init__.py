"""Media: from files to upright RGB pixels, and nothing else about images.

:func:`scan` finds image files, :func:`probe` reads headers and digests, :func:`read_image` decodes, :class:`ImageCache` keeps
thumbnails and crops on disk, :func:`digest_of` names bytes. Importing this room brings in no decoder: Pillow, simplejpeg,
OpenCV and fsspec are imported when they are first used. Every function may be called from several threads; none changes
global state.
"""

from firstpass.media.digest import digest_bytes, digest_of
from firstpass.media.files import is_url, join_uri, read_bytes
from firstpass.media.image import Image, Rgb
from firstpass.media.limits import Limits
from firstpass.media.probe import Probed, probe
from firstpass.media.read import read_image, resize
from firstpass.media.scan import scan
from firstpass.media.thumbs import ImageCache

__all__ = [
    "Image", "ImageCache", "Limits", "Probed", "Rgb", "digest_bytes", "digest_of", "is_url", "join_uri", "probe", "read_bytes",
    "read_image", "resize", "scan",
]  # fmt: skip
