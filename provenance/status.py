"""The validation status codes of the specifications, and what kind each of them is.

Our table decides, not the list in which the engine files a code: it counts an
ingredient without its manifest among the successes, for one. A code that no
table knows is a failure where it is listed as one, and nothing anywhere else.

Spec: C2PA 2.5, appendix D; CAWG identity assertion 1.3, validation results. The
last table holds codes that the engine writes beyond both.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ENGINE_FAILURES", "FAILURE", "INFORMATIONAL", "SUCCESS", "StatusKind", "kind_of"]


class StatusKind(StrEnum):
    """What a status code says about the thing it is attached to."""

    SUCCESS = "success"
    INFORMATIONAL = "informational"
    FAILURE = "failure"


SUCCESS = frozenset(
    {
        "assertion.accessible",
        "assertion.alternativeContentRepresentation.match",
        "assertion.bmffHash.match",
        "assertion.boxesHash.match",
        "assertion.collectionHash.match",
        "assertion.dataHash.match",
        "assertion.hashedURI.match",
        "assertion.linkedResourceIntegrity.match",
        "assertion.multiAssetHash.match",
        "assertion.segmentHash.match",
        "cawg.ica.credential.not_revoked",
        "cawg.ica.credential_valid",
        "cawg.ica.time_stamp.validated",
        "cawg.identity.trusted",
        "cawg.identity.well-formed",
        "cawg.x509.credential.trusted",
        "cawg.x509.ocsp.not_revoked",
        "cawg.x509.signature.inside_validity",
        "cawg.x509.signature.validated",
        "cawg.x509.time_stamp.trusted",
        "cawg.x509.time_stamp.validated",
        "claimSignature.insideValidity",
        "claimSignature.validated",
        "ingredient.claimSignature.validated",
        "ingredient.manifest.validated",
        "signingCredential.ocsp.notRevoked",
        "signingCredential.trusted",
        "timeStamp.trusted",
        "timeStamp.validated",
    }
)

INFORMATIONAL = frozenset(
    {
        "algorithm.deprecated",
        "assertion.action.ingredientLocationMismatch",
        "assertion.bmffHash.additionalExclusionsPresent",
        "assertion.boxesHash.additionalExclusionsPresent",
        "assertion.dataHash.additionalExclusionsPresent",
        "assertion.linkedResourceIntegrity.formatMismatch",
        "assertion.linkedResourceIntegrity.hashMismatch",
        "assertion.linkedResourceIntegrity.inaccessible",
        "assertion.linkedResourceIntegrity.sizeMismatch",
        "assertion.linkedResourceIntegrity.skipped",
        "assertion.redacted",
        "cawg.x509.ocsp.inaccessible",
        "cawg.x509.ocsp.skipped",
        "cawg.x509.ocsp.unknown",
        "cawg.x509.time_of_signing.inside_validity",
        "cawg.x509.time_of_signing.outside_validity",
        "cawg.x509.time_stamp.credential_invalid",
        "cawg.x509.time_stamp.malformed",
        "cawg.x509.time_stamp.mismatch",
        "cawg.x509.time_stamp.outside_validity",
        "cawg.x509.time_stamp.untrusted",
        "ingredient.unknownProvenance",
        "signingCredential.ocsp.inaccessible",
        "signingCredential.ocsp.skipped",
        "signingCredential.ocsp.unknown",
        "timeOfSigning.insideValidity",
        "timeOfSigning.outsideValidity",
        "timeStamp.credentialInvalid",
        "timeStamp.malformed",
        "timeStamp.mismatch",
        "timeStamp.outsideValidity",
        "timeStamp.untrusted",
    }
)

FAILURE = frozenset(
    {
        "algorithm.unsupported",
        "assertion.action.ingredientMismatch",
        "assertion.action.malformed",
        "assertion.action.redacted",
        "assertion.action.redactionMismatch",
        "assertion.action.softBindingMissing",
        "assertion.alternativeContentRepresentation.hashMismatch",
        "assertion.alternativeContentRepresentation.malformed",
        "assertion.alternativeContentRepresentation.missing",
        "assertion.bmffHash.malformed",
        "assertion.bmffHash.mismatch",
        "assertion.boxesHash.malformed",
        "assertion.boxesHash.mismatch",
        "assertion.boxesHash.unknownBox",
        "assertion.cbor.invalid",
        "assertion.cloud-data.actions",
        "assertion.cloud-data.hardBinding",
        "assertion.cloud-data.labelMismatch",
        "assertion.cloud-data.malformed",
        "assertion.collectionHash.incorrectFileCount",
        "assertion.collectionHash.invalidURI",
        "assertion.collectionHash.malformed",
        "assertion.collectionHash.mismatch",
        "assertion.dataHash.malformed",
        "assertion.dataHash.mismatch",
        "assertion.dataHash.redacted",
        "assertion.external-reference.created",
        "assertion.external-reference.hashMismatch",
        "assertion.external-reference.labelMismatch",
        "assertion.external-reference.malformed",
        "assertion.hardBinding.redacted",
        "assertion.hashedURI.mismatch",
        "assertion.inaccessible",
        "assertion.ingredient.malformed",
        "assertion.json.invalid",
        "assertion.linkedResourceIntegrity.invalidURI",
        "assertion.linkedResourceIntegrity.malformed",
        "assertion.linkedResourceIntegrity.notCreated",
        "assertion.metadata.malformed",
        "assertion.missing",
        "assertion.multiAssetHash.malformed",
        "assertion.multiAssetHash.mismatch",
        "assertion.multiAssetHash.missingPart",
        "assertion.multipleHardBindings",
        "assertion.notRedacted",
        "assertion.outsideManifest",
        "assertion.segmentHash.malformed",
        "assertion.segmentHash.mismatch",
        "assertion.segmentHash.partialCoverage",
        "assertion.segmentHash.predecessorMismatch",
        "assertion.selfRedacted",
        "assertion.timestamp.malformed",
        "assertion.undeclared",
        "cawg.ica.credential.revoked",
        "cawg.ica.did_unavailable",
        "cawg.ica.did_unsupported_method",
        "cawg.ica.invalid_alg",
        "cawg.ica.invalid_content_type",
        "cawg.ica.invalid_cose_sign1",
        "cawg.ica.invalid_did_document",
        "cawg.ica.invalid_issuer",
        "cawg.ica.invalid_verifiable_credential",
        "cawg.ica.revocation.unavailable",
        "cawg.ica.revocation.unsupported",
        "cawg.ica.signature_mismatch",
        "cawg.ica.signer_payload.mismatch",
        "cawg.ica.time_stamp.invalid",
        "cawg.ica.untrusted_issuer",
        "cawg.ica.valid_from.invalid",
        "cawg.ica.valid_from.missing",
        "cawg.ica.valid_until.invalid",
        "cawg.ica.verified_identities.invalid",
        "cawg.ica.verified_identities.missing",
        "cawg.identity.assertion.duplicate",
        "cawg.identity.assertion.mismatch",
        "cawg.identity.cbor.invalid",
        "cawg.identity.credential_revoked",
        "cawg.identity.hard_binding_incorrect",
        "cawg.identity.hard_binding_missing",
        "cawg.identity.network_traffic_blocked",
        "cawg.identity.pad.invalid",
        "cawg.identity.sig_type.unknown",
        "cawg.x509.algorithm.unsupported",
        "cawg.x509.credential.untrusted",
        "cawg.x509.signature.mismatch",
        "cawg.x509.signature.outside_validity",
        "claim.actions.missing",
        "claim.cbor.invalid",
        "claim.hardBindings.missing",
        "claim.malformed",
        "claim.missing",
        "claim.multiple",
        "claimSignature.mismatch",
        "claimSignature.missing",
        "claimSignature.outsideValidity",
        "general.error",
        "hashedURI.mismatch",
        "hashedURI.missing",
        "ingredient.claimSignature.mismatch",
        "ingredient.claimSignature.missing",
        "ingredient.manifest.mismatch",
        "ingredient.manifest.missing",
        "livevideo.assertion.invalid",
        "livevideo.continuityMethod.invalid",
        "livevideo.init.invalid",
        "livevideo.manifest.invalid",
        "livevideo.segment.invalid",
        "livevideo.sessionkey.invalid",
        "manifest.appendOnlyText.noSentinel",
        "manifest.compressed.invalid",
        "manifest.inaccessible",
        "manifest.inaccessible.encrypted",
        "manifest.inaccessible.malformed",
        "manifest.multipleParents",
        "manifest.update.invalid",
        "manifest.update.wrongParents",
        "signingCredential.invalid",
        "signingCredential.ocsp.revoked",
        "signingCredential.untrusted",
    }
)

ENGINE_FAILURES = frozenset(
    {
        "assertion.metadata.disallowed",
        "assertion.required.missing",
        "cawg.x509.credential.invalid",
        "claim.required.missing",
        "ingredient.hashedURI.mismatch",
        "manifest.timestamp.invalid",
        "manifest.timestamp.wrongParents",
        "signingCredential.expired",
    }
)


def kind_of(code: str, listed_as: StatusKind) -> StatusKind:
    """What kind of status is this code, whatever list it came in?

    An unknown code never counts as a success: nobody here knows what was
    checked. As a failure it counts.
    """
    if code in FAILURE or code in ENGINE_FAILURES:
        return StatusKind.FAILURE
    if code in SUCCESS:
        # A success that was filed as a failure is a contradiction: fail.
        return StatusKind.SUCCESS if listed_as is not StatusKind.FAILURE else StatusKind.FAILURE
    if code in INFORMATIONAL or listed_as is not StatusKind.FAILURE:
        return StatusKind.INFORMATIONAL
    return StatusKind.FAILURE
