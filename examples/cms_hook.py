"""Sign a picture at the moment at which a content-management system publishes it.

    python examples/cms_hook.py PICTURE SIGNED --agency DIR --title "Concept photo"

A CMS calls such a hook with a file and what its editor entered. What is written is signed,
verified with the agency's directory, and has its name only if it is official: serve SIGNED,
and where this ends with another status than 0, publish nothing.

DIR is what `provenance dev new-agency DIR` makes, for trials: without a time-stamp, which
the line of `time_stamper` shows how to ask for.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import provenance
from provenance.media.sniff import sniff
from provenance.runtime.signing_keys import KeySpec, open_signer
from provenance.signing.release import load_release
from provenance.signing.release_content import claim_content
from provenance.signing.release_files import expand_files
from provenance.signing.signer import Signer, SignJob


def sign_for_publication(picture: Path, signed: Path, *, agency: Path, title: str) -> str:
    """Sign one file; what does the verifier say of the result?

    Raises:
        provenance.ProvenanceError: It is not signed; says why.
    """
    directory = provenance.load_directory(agency / "directory.json")
    entry = directory.document.agencies[0]
    # What the CMS knows about the file becomes the release manifest.
    release = {
        "schema_version": "1",
        "agency": entry.id,
        "release_id": picture.stem,
        "title": {"en": title},
        "artists": [{"name": name} for name in entry.scope.artists or ()],
        "files": [{"path": picture.name, "digital_source_type": "digitalCapture"}],
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / picture.name).write_bytes(picture.read_bytes())
        manifest = Path(folder) / "release.json"
        manifest.write_text(json.dumps(release), "utf-8")
        loaded = load_release(manifest)
        (file,) = expand_files(loaded)
        media_format = sniff(file.source.read_bytes())
        if media_format is None:
            raise provenance.ConfigurationError(f"{picture}: a file of no known type")
        now = provenance.system_clock()
        content = claim_content(
            loaded, file, media_format=media_format, at=now, agency=entry, with_identity=False
        )
        # A service opens the key and makes the signer once, when it starts.
        key = KeySpec(
            key=str(agency / "leaf.key.pem"),
            certificate=agency / "chain.pem",
            # For trials. Otherwise give a passphrase, a token, or a key service.
            unsafe_plain=True,
        )
        with open_signer(key) as claim:
            signer = Signer(
                agency=entry.id,
                claim=claim,
                verifier=provenance.Verifier(directory=directory, clock=provenance.system_clock),
                # TimeStamper([HttpTimeStampAuthority(url=...)], lists, clock=system_clock)
                time_stamper=None,
                unsafe_no_timestamp=True,
            )
            # A second call for the same file replaces what the first one made.
            job = SignJob(source=file.source, out=signed, content=content)
            return signer.sign(job, replace=True).report.summary


def main() -> int:
    """Sign what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("signed", type=Path)
    parser.add_argument("--agency", type=Path, required=True)
    parser.add_argument("--title", required=True)
    given = parser.parse_args()
    try:
        says = sign_for_publication(
            given.picture, given.signed, agency=given.agency, title=given.title
        )
    except (provenance.ProvenanceError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(says)
    return 0


if __name__ == "__main__":
    sys.exit(main())
