"""The codes of everything a report can find, each with its meaning for a person.

Codes are stable: they are added, never renamed or reused. Each row names the
axis it speaks about, how much it weighs, what it means in plain words, and the
status codes of the specifications it stems from (C2PA 2.5 appendix D, CAWG
identity assertion 1.3). A finding with an `obstacle` stands in the way of an
answer; `provenance.verdict` says what follows from that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from provenance.verdict import Axis, Obstacle

__all__ = ["MEANINGS", "FindingCode", "Meaning", "Severity"]


class Severity(StrEnum):
    """How much a finding weighs.

    `passed` is evidence that a check was made and succeeded; `info` is worth
    knowing; `warning` asks for attention; `failure` keeps a file from the
    verdict it would have had.
    """

    PASSED = "passed"
    INFO = "info"
    WARNING = "warning"
    FAILURE = "failure"


class FindingCode(StrEnum):
    """Stable names of findings."""

    # asset
    EXTENSION_MISMATCH = "extension-mismatch"
    UNSUPPORTED_TYPE = "unsupported-type"
    EMPTY_FILE = "empty-file"
    CONTAINER_DAMAGED = "container-damaged"
    CHANGED_WHILE_READ = "changed-while-read"
    LIMIT_REACHED = "limit-reached"
    ENGINE_FAILED = "engine-failed"
    TIME_EXHAUSTED = "time-exhausted"
    MEMORY_EXHAUSTED = "memory-exhausted"
    SCRATCH_EXHAUSTED = "scratch-exhausted"
    CHECK_CRASHED = "check-crashed"
    CONTAINER_UNREADABLE = "container-unreadable"
    SIDECAR_ALONE = "sidecar-alone"
    FRAGMENT_ALONE = "fragment-alone"
    # integrity
    SECOND_ENGINE_AGREES = "second-engine-agrees"
    CLAIM_SIGNATURE_VALID = "claim-signature-valid"
    CONTENT_MATCHES = "content-matches"
    CONTENT_MISMATCH = "content-mismatch"
    ASSERTION_MISMATCH = "assertion-mismatch"
    CLAIM_SIGNATURE_MISMATCH = "claim-signature-mismatch"
    ENGINES_DISAGREE = "engines-disagree"
    CREDENTIALS_UNREADABLE = "credentials-unreadable"
    CREDENTIALS_ELSEWHERE = "credentials-elsewhere"
    CREDENTIALS_INVALID = "credentials-invalid"
    CREDENTIALS_INCOMPLETE = "credentials-incomplete"
    SEVERAL_MANIFEST_STORES = "several-manifest-stores"
    ALGORITHM_UNSUPPORTED = "algorithm-unsupported"
    FRAGMENTS_MISSING = "fragments-missing"
    SIDECAR_USED = "sidecar-used"
    EMBEDDED_OVERRULED = "embedded-overruled"
    # coverage
    FULLY_COVERED = "fully-covered"
    PARTLY_COVERED = "partly-covered"
    TRAILING_DATA = "trailing-data"
    LEADING_DATA = "leading-data"
    EXTRA_EXCLUSIONS = "extra-exclusions"
    EXEMPT_PARTS = "exempt-parts"
    EXEMPT_PART_NOT_HARMLESS = "exempt-part-not-harmless"
    MANIFEST_SLACK = "manifest-slack"
    COVERAGE_UNKNOWN = "coverage-unknown"
    # signer
    SIGNER_IS_AGENCY = "signer-is-agency"
    SIGNER_LISTED = "signer-listed"
    SIGNER_UNRECOGNISED = "signer-unrecognised"
    NO_DIRECTORY = "no-directory"
    DIRECTORY_TOO_OLD = "directory-too-old"
    TEST_DIRECTORY = "test-directory"
    TEST_KEY = "test-key"
    KEY_DISOWNED = "key-disowned"
    KEY_OUTSIDE_WINDOW = "key-outside-window"
    KEY_OUT_OF_SCOPE = "key-out-of-scope"
    CERTIFICATE_PROFILE = "certificate-profile"
    CERTIFICATE_CHAIN = "certificate-chain"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid"
    ENGINE_TRUST_DIFFERS = "engine-trust-differs"
    UPDATED_BY_OTHERS = "updated-by-others"
    IMPOSTOR_NAME = "impostor-name"
    # time
    TIME_TRUSTED = "time-trusted"
    TIME_CLAIMED = "time-claimed"
    TIME_STAMP_UNTRUSTED = "time-stamp-untrusted"
    TIME_STAMP_INVALID = "time-stamp-invalid"
    TIME_OUTSIDE_VALIDITY = "time-outside-validity"
    # revocation
    CERTIFICATE_REVOKED = "certificate-revoked"
    CERTIFICATE_NOT_REVOKED = "certificate-not-revoked"
    # identity
    IDENTITY_INVALID = "identity-invalid"
    IDENTITY_UNVERIFIED = "identity-unverified"
    IDENTITY_VERIFIED = "identity-verified"
    IDENTITY_REWRAPPED = "identity-rewrapped"
    # ai
    AI_DECLARED = "ai-declared"
    AI_CLAIMED_UNSIGNED = "ai-claimed-unsigned"
    CONSENT_ON_RECORD = "consent-on-record"
    CONSENT_MISSING = "consent-missing"
    CONSENT_ENDED = "consent-ended"
    CONSENT_EXPIRED = "consent-expired"
    CONSENT_MISMATCH = "consent-mismatch"
    CONSENT_NOT_ATTRIBUTED = "consent-not-attributed"
    CONSENT_UNREADABLE = "consent-unreadable"
    # metadata
    METADATA_CONTRADICTS = "metadata-contradicts"
    METADATA_UNSIGNED = "metadata-unsigned"
    METADATA_UNREADABLE = "metadata-unreadable"
    LOCATION_PUBLISHED = "location-published"
    # history
    MADE_FROM_RELEASE = "made-from-release"
    INGREDIENT_FAILED = "ingredient-failed"
    INGREDIENT_RECORDED_FAILURE = "ingredient-recorded-failure"
    INGREDIENT_MISSING = "ingredient-missing"
    HISTORY_CUT = "history-cut"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one finding code stands for.

    Attributes:
        axis: The question it speaks about.
        severity: How much it weighs.
        says: What it means, in one or two plain English sentences.
        stems_from: Status codes of the specifications that lead to it.
        obstacle: Set where it stands in the way of an answer, and whose reason it is.
    """

    axis: Axis
    severity: Severity
    says: str
    stems_from: tuple[str, ...] = ()
    obstacle: Obstacle | None = None


_C = FindingCode
_PASSED, _INFO, _WARN, _FAIL = Severity.PASSED, Severity.INFO, Severity.WARNING, Severity.FAILURE
_OURS, _FILE = Obstacle.OURS, Obstacle.FILE

MEANINGS: Mapping[FindingCode, Meaning] = MappingProxyType(
    {
        _C.EXTENSION_MISMATCH: Meaning(
            Axis.ASSET,
            _WARN,
            "The file's name ends like another type than its bytes are. The bytes were judged.",
        ),
        _C.UNSUPPORTED_TYPE: Meaning(
            Axis.ASSET,
            _FAIL,
            "This is not a type of file whose credentials can be read.",
            obstacle=_FILE,
        ),
        _C.EMPTY_FILE: Meaning(Axis.ASSET, _FAIL, "The file is empty.", obstacle=_FILE),
        _C.CONTAINER_DAMAGED: Meaning(
            Axis.ASSET,
            _WARN,
            "The file does not keep to the rules of its own format; it may have been cut short.",
        ),
        _C.CHANGED_WHILE_READ: Meaning(
            Axis.ASSET,
            _FAIL,
            "The file changed while it was being examined, so no answer fits its bytes.",
            obstacle=_OURS,
        ),
        _C.LIMIT_REACHED: Meaning(
            Axis.ASSET,
            _FAIL,
            "Examining the file hit a limit that protects this system.",
            obstacle=_OURS,
        ),
        _C.ENGINE_FAILED: Meaning(
            Axis.ASSET,
            _FAIL,
            "The C2PA engine failed on this file, which says nothing about the file.",
            obstacle=_OURS,
        ),
        _C.TIME_EXHAUSTED: Meaning(
            Axis.ASSET,
            _FAIL,
            "Examining the file took longer than is allowed here, and was stopped.",
            obstacle=_OURS,
        ),
        _C.MEMORY_EXHAUSTED: Meaning(
            Axis.ASSET,
            _FAIL,
            "Examining the file needed more memory than is allowed here, and was stopped.",
            obstacle=_OURS,
        ),
        _C.SCRATCH_EXHAUSTED: Meaning(
            Axis.ASSET,
            _FAIL,
            "Examining the file needed more disk than there is for it here, and was stopped.",
            obstacle=_OURS,
        ),
        _C.CHECK_CRASHED: Meaning(
            Axis.ASSET,
            _FAIL,
            "The process that examined the file died, which says nothing about the file.",
            obstacle=_OURS,
        ),
        _C.CONTAINER_UNREADABLE: Meaning(
            Axis.ASSET,
            _FAIL,
            "The file is so damaged that it could not be looked through for credentials.",
            obstacle=_FILE,
        ),
        _C.SIDECAR_ALONE: Meaning(
            Axis.ASSET,
            _FAIL,
            "These are credentials without the file they belong to.",
            obstacle=_FILE,
        ),
        _C.FRAGMENT_ALONE: Meaning(
            Axis.ASSET,
            _FAIL,
            "This is a piece of a fragmented video without the initialisation segment "
            "that holds its credentials.",
            obstacle=_FILE,
        ),
        _C.CLAIM_SIGNATURE_VALID: Meaning(
            Axis.INTEGRITY,
            _PASSED,
            "The credentials' signature is right, by two independent checks.",
            ("claimSignature.validated",),
        ),
        _C.CONTENT_MATCHES: Meaning(
            Axis.INTEGRITY,
            _PASSED,
            "The covered bytes of the file are those the credentials were made for.",
            (
                "assertion.dataHash.match",
                "assertion.bmffHash.match",
                "assertion.boxesHash.match",
                "assertion.collectionHash.match",
                "assertion.multiAssetHash.match",
            ),
        ),
        _C.CONTENT_MISMATCH: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "The file's bytes are not those the credentials were made for: the file was changed, "
            "or the credentials belong to another file.",
            (
                "assertion.dataHash.mismatch",
                "assertion.bmffHash.mismatch",
                "assertion.boxesHash.mismatch",
                "assertion.boxesHash.unknownBox",
                "assertion.collectionHash.mismatch",
                "assertion.collectionHash.incorrectFileCount",
                "assertion.multiAssetHash.mismatch",
            ),
        ),
        _C.ASSERTION_MISMATCH: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "A statement inside the credentials was changed after they were signed.",
            ("assertion.hashedURI.mismatch", "hashedURI.mismatch"),
        ),
        _C.CLAIM_SIGNATURE_MISMATCH: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "The signature does not belong to these credentials.",
            ("claimSignature.mismatch",),
        ),
        _C.ENGINES_DISAGREE: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "Two independent checks of the same thing came to different answers.",
            obstacle=_OURS,
        ),
        _C.SECOND_ENGINE_AGREES: Meaning(
            Axis.INTEGRITY,
            _PASSED,
            "A second, independent C2PA engine came to the same answer about the bytes.",
        ),
        _C.CREDENTIALS_UNREADABLE: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "There are credentials, but they are damaged and cannot be read.",
            ("claim.cbor.invalid", "claim.malformed", "manifest.inaccessible.malformed"),
            _FILE,
        ),
        _C.CREDENTIALS_ELSEWHERE: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "The file says its credentials are kept at an address on the internet. "
            "They were not fetched.",
            ("manifest.inaccessible",),
            _FILE,
        ),
        _C.CREDENTIALS_INVALID: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "The credentials break the rules of their specification, which is not proof "
            "that the file was changed.",
            obstacle=_FILE,
        ),
        _C.CREDENTIALS_INCOMPLETE: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "A proof that has to be there for an answer is not there.",
            ("claim.hardBindings.missing", "claimSignature.missing", "assertion.missing"),
            _FILE,
        ),
        _C.SEVERAL_MANIFEST_STORES: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "The file holds more than one set of credentials, so none of them can be relied on.",
            obstacle=_FILE,
        ),
        _C.ALGORITHM_UNSUPPORTED: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "The credentials use a signature or hash that cannot be checked here.",
            ("algorithm.unsupported",),
            _FILE,
        ),
        _C.FRAGMENTS_MISSING: Meaning(
            Axis.INTEGRITY,
            _FAIL,
            "This is a fragmented video. It can only be checked as its beginning together with "
            "its fragments, each given as a file of its own.",
            obstacle=_FILE,
        ),
        _C.SIDECAR_USED: Meaning(
            Axis.INTEGRITY, _INFO, "The credentials come from a sidecar file beside the asset."
        ),
        _C.EMBEDDED_OVERRULED: Meaning(
            Axis.INTEGRITY,
            _WARN,
            "The credentials inside the file do not match it, but an agency's sidecar proves "
            "exactly these bytes.",
        ),
        _C.FULLY_COVERED: Meaning(
            Axis.COVERAGE, _PASSED, "Every byte that matters is covered by the signed hash."
        ),
        _C.PARTLY_COVERED: Meaning(
            Axis.COVERAGE,
            _FAIL,
            "The signature covers only part of the file. Nobody vouches for the rest.",
            obstacle=_FILE,
        ),
        _C.TRAILING_DATA: Meaning(
            Axis.COVERAGE, _WARN, "Unsigned data follows the end of the signed content."
        ),
        _C.LEADING_DATA: Meaning(
            Axis.COVERAGE, _WARN, "Unsigned data stands in front of the signed content."
        ),
        _C.EXTRA_EXCLUSIONS: Meaning(
            Axis.COVERAGE,
            _WARN,
            "The signer left a part of the file out of the signed hash.",
            (
                "assertion.dataHash.additionalExclusionsPresent",
                "assertion.bmffHash.additionalExclusionsPresent",
                "assertion.boxesHash.additionalExclusionsPresent",
            ),
        ),
        _C.EXEMPT_PARTS: Meaning(
            Axis.COVERAGE,
            _INFO,
            "Parts that the format's rules exempt from the signed hash were looked at and are "
            "harmless.",
        ),
        _C.EXEMPT_PART_NOT_HARMLESS: Meaning(
            Axis.COVERAGE,
            _WARN,
            "A part that the format's rules exempt from the signed hash holds data of its own.",
        ),
        _C.MANIFEST_SLACK: Meaning(
            Axis.COVERAGE,
            _WARN,
            "Unsigned data is hidden in the space reserved for the credentials.",
        ),
        _C.COVERAGE_UNKNOWN: Meaning(
            Axis.COVERAGE,
            _FAIL,
            "It could not be worked out which bytes the signature covers.",
            obstacle=_FILE,
        ),
        _C.SIGNER_IS_AGENCY: Meaning(
            Axis.SIGNER,
            _PASSED,
            "The signing key is one that the directory lists for this agency.",
            ("signingCredential.trusted",),
        ),
        _C.SIGNER_LISTED: Meaning(
            Axis.SIGNER,
            _PASSED,
            "The signing certificate is vouched for by a trust list. That list is not "
            "the agency directory.",
            ("signingCredential.trusted",),
        ),
        _C.SIGNER_UNRECOGNISED: Meaning(
            Axis.SIGNER,
            _INFO,
            "No agency and no trust list vouches for the signing certificate. The names in it "
            "are what its maker wrote.",
            ("signingCredential.untrusted",),
        ),
        _C.NO_DIRECTORY: Meaning(
            Axis.SIGNER,
            _INFO,
            "No agency directory was given, so nothing can be called official.",
        ),
        _C.DIRECTORY_TOO_OLD: Meaning(
            Axis.SIGNER,
            _FAIL,
            "The agency directory is older than the policy allows.",
            obstacle=_OURS,
        ),
        _C.TEST_DIRECTORY: Meaning(
            Axis.SIGNER,
            _WARN,
            "TEST: judged with a directory made for trials. This verdict means nothing outside "
            "a trial.",
        ),
        _C.TEST_KEY: Meaning(
            Axis.SIGNER,
            _WARN,
            "TEST: the signing certificate says of itself that it was made for trials. It "
            "counts for no agency outside a test directory.",
        ),
        _C.KEY_DISOWNED: Meaning(
            Axis.SIGNER,
            _FAIL,
            "The agency has disowned this key, and no trusted time-stamp says that it was used "
            "before that.",
        ),
        _C.KEY_OUTSIDE_WINDOW: Meaning(
            Axis.SIGNER,
            _FAIL,
            "The directory lists this key for the agency, but not for the time of this signature.",
        ),
        _C.KEY_OUT_OF_SCOPE: Meaning(
            Axis.SIGNER,
            _FAIL,
            "The agency has not authorised this key for this kind of release.",
        ),
        _C.CERTIFICATE_PROFILE: Meaning(
            Axis.SIGNER,
            _FAIL,
            "The signing certificate was not issued for signing content credentials.",
            ("signingCredential.invalid",),
        ),
        _C.CERTIFICATE_CHAIN: Meaning(
            Axis.SIGNER,
            _INFO,
            "The certificate names a known anchor, but its chain does not hold.",
            ("signingCredential.untrusted",),
        ),
        _C.CERTIFICATE_EXPIRED: Meaning(
            Axis.SIGNER,
            _FAIL,
            "The signing certificate has expired, and no trusted time-stamp says that it was "
            "valid when it was used.",
            ("claimSignature.outsideValidity", "signingCredential.expired"),
            _FILE,
        ),
        _C.CERTIFICATE_NOT_YET_VALID: Meaning(
            Axis.SIGNER,
            _FAIL,
            "The signing certificate is not valid yet.",
            ("claimSignature.outsideValidity",),
            _FILE,
        ),
        _C.ENGINE_TRUST_DIFFERS: Meaning(
            Axis.SIGNER,
            _INFO,
            "The C2PA engine's own opinion about the signer differs. It does not decide.",
        ),
        _C.UPDATED_BY_OTHERS: Meaning(
            Axis.SIGNER,
            _WARN,
            "Somebody else added to the credentials after the release. That party is judged.",
        ),
        _C.IMPOSTOR_NAME: Meaning(
            Axis.SIGNER,
            _WARN,
            "A name here is written so that it looks like an agency's, and the key is not the "
            "agency's.",
        ),
        _C.TIME_TRUSTED: Meaning(
            Axis.TIME,
            _PASSED,
            "A recognised time-stamp authority attests when the file was signed.",
            ("timeStamp.validated", "timeStamp.trusted"),
        ),
        _C.TIME_CLAIMED: Meaning(Axis.TIME, _INFO, "The time of signing is claimed, not proven."),
        _C.TIME_STAMP_UNTRUSTED: Meaning(
            Axis.TIME,
            _INFO,
            "There is a time-stamp, but not from a recognised time-stamp authority. It is "
            "shown as a claim and used for nothing.",
            ("timeStamp.untrusted", "timeStamp.credentialInvalid", "timeStamp.outsideValidity"),
        ),
        _C.TIME_STAMP_INVALID: Meaning(
            Axis.TIME,
            _WARN,
            "There is a time-stamp that is damaged or was made for something else. It is "
            "used for nothing.",
            ("timeStamp.malformed", "timeStamp.mismatch"),
        ),
        _C.TIME_OUTSIDE_VALIDITY: Meaning(
            Axis.TIME,
            _FAIL,
            "The trusted time-stamp says that the file was signed when the certificate was "
            "not valid.",
            ("claimSignature.outsideValidity", "timeOfSigning.outsideValidity"),
            _FILE,
        ),
        _C.CERTIFICATE_REVOKED: Meaning(
            Axis.REVOCATION,
            _FAIL,
            "The signing certificate was revoked by its issuer.",
            ("signingCredential.ocsp.revoked",),
        ),
        _C.CERTIFICATE_NOT_REVOKED: Meaning(
            Axis.REVOCATION,
            _PASSED,
            "The certificate's issuer said that it was not revoked.",
            ("signingCredential.ocsp.notRevoked",),
        ),
        _C.IDENTITY_INVALID: Meaning(
            Axis.IDENTITY,
            _WARN,
            "A statement of identity in the credentials does not hold. It was left out of account.",
            ("cawg.x509.signature.mismatch", "cawg.identity.assertion.mismatch"),
        ),
        _C.IDENTITY_UNVERIFIED: Meaning(
            Axis.IDENTITY,
            _INFO,
            "There is a statement of identity in the credentials that was not verified. It was "
            "left out of account.",
            ("cawg.x509.credential.untrusted", "cawg.ica.did_unavailable"),
        ),
        _C.IDENTITY_VERIFIED: Meaning(
            Axis.IDENTITY,
            _PASSED,
            "A statement of identity holds, and its key is one that is recognised.",
            ("cawg.identity.trusted", "cawg.x509.credential.trusted"),
        ),
        _C.IDENTITY_REWRAPPED: Meaning(
            Axis.IDENTITY,
            _WARN,
            "An agency's statement of identity stands under a claim that was signed by somebody "
            "the agency does not list. The signer of the claim is judged.",
        ),
        _C.AI_DECLARED: Meaning(
            Axis.AI,
            _INFO,
            "Valid credentials say that a trained model made all or part of the content.",
        ),
        _C.AI_CLAIMED_UNSIGNED: Meaning(
            Axis.AI,
            _INFO,
            "Unsigned data in the file says that a trained model was used. Nobody vouches for it.",
        ),
        _C.CONSENT_ON_RECORD: Meaning(
            Axis.AI,
            _INFO,
            "The agency states that the artist consented to this use of a trained model. The "
            "paper that was signed is not here; its digest is.",
        ),
        _C.CONSENT_MISSING: Meaning(
            Axis.AI,
            _INFO,
            "A use of a trained model is declared, and no consent of the artist is on record in "
            "the credentials. That does not say that there is none.",
        ),
        _C.CONSENT_ENDED: Meaning(
            Axis.AI,
            _INFO,
            "The consent that is on record was in force when the file was signed. Its term has "
            "ended since.",
        ),
        _C.CONSENT_EXPIRED: Meaning(
            Axis.AI,
            _WARN,
            "The consent that is on record was not in force when the file was signed, as far as "
            "anybody proves.",
        ),
        _C.CONSENT_MISMATCH: Meaning(
            Axis.AI,
            _INFO,
            "A consent is on record for another artist, use, territory or time than the one that "
            "is asked about. It counts for nothing here.",
        ),
        _C.CONSENT_NOT_ATTRIBUTED: Meaning(
            Axis.AI,
            _WARN,
            "The credentials say that an artist consented, and no agency that may speak for this "
            "artist has signed for it. It counts for nothing.",
        ),
        _C.CONSENT_UNREADABLE: Meaning(
            Axis.AI,
            _INFO,
            "A statement of consent in the credentials could not be read. It was left out of "
            "account.",
        ),
        _C.METADATA_CONTRADICTS: Meaning(
            Axis.METADATA,
            _WARN,
            "Data in the file says something else than a signed statement about the same thing.",
        ),
        _C.METADATA_UNSIGNED: Meaning(
            Axis.METADATA,
            _INFO,
            "The file carries descriptive data that nobody has signed.",
        ),
        _C.METADATA_UNREADABLE: Meaning(
            Axis.METADATA, _INFO, "Some of the file's descriptive data could not be read."
        ),
        _C.LOCATION_PUBLISHED: Meaning(
            Axis.METADATA,
            _WARN,
            "The file says where it was taken. That may be private.",
        ),
        _C.MADE_FROM_RELEASE: Meaning(
            Axis.HISTORY,
            _INFO,
            "An agency's release is among what the file says it was made from. That does not "
            "make this file a release of the agency.",
        ),
        _C.INGREDIENT_FAILED: Meaning(
            Axis.HISTORY,
            _INFO,
            "The credentials of something the file was made from do not hold.",
            ("ingredient.manifest.mismatch", "ingredient.claimSignature.mismatch"),
        ),
        _C.INGREDIENT_RECORDED_FAILURE: Meaning(
            Axis.HISTORY,
            _INFO,
            "The signer recorded that the credentials of something the file was made from did "
            "not hold.",
        ),
        _C.INGREDIENT_MISSING: Meaning(
            Axis.HISTORY,
            _INFO,
            "The credentials of something the file was made from are not there.",
            ("ingredient.manifest.missing", "ingredient.claimSignature.missing", "claim.missing"),
        ),
        _C.HISTORY_CUT: Meaning(
            Axis.HISTORY, _INFO, "The history is longer or deeper than is followed here."
        ),
    }
)
