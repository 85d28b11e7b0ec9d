"""How much of an untrusted input is read before giving up: every bound, with its unit."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what one verification may read, hold and follow.

    A bound that is hit makes the verdict `undetermined` with the bound named;
    it never makes a file look unsigned.

    Attributes:
        max_asset_bytes: Largest file or stream that is examined at all.
        copy_below_bytes: Sources up to this size are read into memory once, so
            that the bytes judged are the bytes hashed whatever happens to the
            file meanwhile.
        max_manifest_store_bytes: Largest C2PA manifest store that is parsed.
        max_jumbf_depth: Deepest nesting of JUMBF superboxes.
        max_jumbf_boxes: Most JUMBF boxes in one manifest store.
        max_cbor_depth: Deepest nesting inside one CBOR item.
        max_cbor_items: Most values, keys and tags inside one CBOR item.
        max_segments: Most container segments, chunks, boxes or entries listed.
        max_box_depth: Deepest nesting of ISO BMFF boxes.
        max_boxes_beside: Most ISO BMFF boxes beside each other in a file that the
            engine is given: its time grows with their square.
        max_metadata_bytes: Largest single EXIF, XMP or IPTC block that is parsed.
        max_metadata_fields: Most metadata fields that are listed.
        max_inside_files: Most files inside a file (members of an archive, covers, pictures
            of a document) that are searched for private metadata.
        max_inside_bytes: Largest of them, when it is inflated.
        max_inside_total_bytes: Most bytes of them together, when they are inflated.
        max_inside_depth: Deepest nesting of files inside files.
        max_inside_names: Most different names of elements and attributes that are judged,
            of the drawings in a file together.
        max_inside_attributes: Most attributes that are looked at, of the same.
        max_picture_pixels: Largest picture that may be decoded.
        max_picture_bytes: Largest picture file that is decoded.
        max_video_pixels: Largest frame of a video that is decoded.
        max_video_frames: Most frames of a video that are looked at.
        max_decoded_pixels: Most pixels of one video that are decoded, all frames together.
        dense_video_s: Up to here a frame is found for every second of a video; after
            that only its key frames are decoded.
        max_media_s: Longest stretch of a video or track that is looked at.
        max_duration_ms: Longest duration that is believed where a container states one; what
            says more states none.
        max_media_packets: Most packets of a video or track that are read.
        max_media_errors: Most damaged packets before the rest is left alone.
        resemblance_s: Longest look for what a file resembles: decoding it, searching the
            register and comparing. What of a long video or track it left out is said.
        max_ingredients: Most ingredients listed in the history.
        max_ingredient_depth: Deepest chain of ingredients followed.
        max_certificates: Most certificates taken from one signature.
        max_ocsp_responses: Most revocation answers looked at for one signature,
            and most that later manifests may bring.
        max_time_stamps: Most time-stamps looked at for one signature.
        max_second_engine_bytes: Largest asset that the second engine is given; it
            needs all of it in memory.
        max_text_chars: Longest piece of untrusted text that is repeated.
        source_idle_s: Longest wait for a pipe that sends nothing.
    """

    max_asset_bytes: int = 64 * 1024**3
    copy_below_bytes: int = 32 * 1024**2
    max_manifest_store_bytes: int = 64 * 1024**2
    max_jumbf_depth: int = 32
    max_jumbf_boxes: int = 50_000
    max_cbor_depth: int = 64
    max_cbor_items: int = 500_000
    max_segments: int = 100_000
    max_box_depth: int = 16
    max_boxes_beside: int = 10_000
    max_metadata_bytes: int = 4 * 1024**2
    max_metadata_fields: int = 500
    max_inside_files: int = 10_000
    max_inside_bytes: int = 64 * 1024**2
    max_inside_total_bytes: int = 256 * 1024**2
    max_inside_depth: int = 3
    max_inside_names: int = 25_000
    max_inside_attributes: int = 5_000_000
    max_picture_pixels: int = 200_000_000
    max_picture_bytes: int = 512 * 1024**2
    max_video_pixels: int = 36_000_000
    max_video_frames: int = 7_200
    max_decoded_pixels: int = 500_000_000_000
    dense_video_s: int = 900
    max_media_s: int = 6 * 3600
    max_duration_ms: int = 2**31 - 1
    max_media_packets: int = 5_000_000
    max_media_errors: int = 100
    resemblance_s: float = 40.0
    max_ingredients: int = 1_000
    max_ingredient_depth: int = 64
    max_certificates: int = 16
    max_ocsp_responses: int = 16
    max_time_stamps: int = 8
    max_second_engine_bytes: int = 128 * 1024**2
    max_text_chars: int = 400
    source_idle_s: float = 10.0


DEFAULT_LIMITS = Limits()
