"""Reading what a file says about itself: EXIF, XMP, IPTC, tags, document properties."""
