// Compares a file with the Content Credentials in it, in the browser, without sending anything.
//
// It answers matches, partly, differs or none, and never a verdict: who signed is not its
// question. That nothing was left out it cannot say either: the reader tells what the signer
// declares to leave out, and not what stands behind the end or in boxes that nobody hashes.
import { createC2pa } from "@contentauth/c2pa-web";

// The specification's codes for a hash that was compared with the bytes (C2PA 2.5, appendix D).
const COMPARED = /^assertion\.(dataHash|bmffHash|boxesHash|collectionHash|multiAssetHash)\.match$/;
const DIFFERS = /\.mismatch$|^assertion\.boxesHash\.unknownBox$/;
const LEAVES_OUT = /^assertion\.(dataHash|bmffHash|boxesHash)\.additionalExclusionsPresent$/;
// Whose key it is, when it was used and what the file was made from is the service's question; of
// any other failure nobody knows here what it leaves of the comparison.
const NOT_OURS = /^(signingCredential|timeStamp|ingredient)\./;
const FRAGMENTED = new Set(["video/mp4", "video/quicktime", "audio/mp4"]);
const KINDS = {
  jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", gif: "image/gif",
  tif: "image/tiff", tiff: "image/tiff", heic: "image/heic", avif: "image/avif",
  svg: "image/svg+xml", mp4: "video/mp4", mov: "video/quicktime", avi: "video/avi",
  m4a: "audio/mp4", mp3: "audio/mpeg", wav: "audio/wav", flac: "audio/flac", pdf: "application/pdf",
};

// By its first bytes where they tell: a name can say anything.
async function kindOf(file) {
  const head = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (text.startsWith("\x89PNG\r\n")) return "image/png";
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "image/webp";
  return KINDS[file.name.split(".").pop().toLowerCase()] || file.type;
}

// An initialisation segment without its fragments has no content to compare, and one that they
// were joined to is not what was hashed: its hash cannot match, and that says nothing about the
// video (ISO/IEC 14496-12, top-level boxes).
async function isWhole(file) {
  let at = 0;
  let found = false;
  for (let count = 0; count < 1000 && at + 8 <= file.size; count += 1) {
    const view = new DataView(await file.slice(at, at + 16).arrayBuffer());
    const type = String.fromCharCode(...new Uint8Array(view.buffer, 4, 4));
    if (type === "moof") return false;
    if (type === "mdat") found = true;
    let size = view.getUint32(0);
    if (size === 1 && view.byteLength === 16) size = Number(view.getBigUint64(8));
    if (size < 8) break;
    at += size;
  }
  return found;
}

export async function compare(file, wasmSrc) {
  const c2pa = await createC2pa({
    wasmSrc: new URL(wasmSrc, location.href).href,
    settings: {
      verify: {
        verifyAfterReading: true, verifyTrust: false, remoteManifestFetch: false, ocspFetch: false,
      },
    },
  });
  try {
    const kind = await kindOf(file);
    const reader = await c2pa.reader.fromBlob(kind, file);
    if (!reader) return "none";
    const store = await reader.manifestStore();
    await reader.free();
    const results = store.validation_results?.activeManifest;
    if (!results) return "unreadable";
    const codes = (kind) => (results[kind] || []).map((status) => status.code);
    if (codes("failure").some((code) => DIFFERS.test(code))) {
      const fragmented = FRAGMENTED.has(kind) && !(await isWhole(file));
      return fragmented ? "unreadable" : "differs";
    }
    // The absence of failures is not a match: the comparison has to be there, by a statement
    // that is signed. Nor is a match one where part of what was signed is missing.
    const done = codes("success");
    const whole = codes("failure").every((code) => NOT_OURS.test(code));
    const compared = done.some((code) => COMPARED.test(code));
    const signed = done.includes("claimSignature.validated");
    if (!(whole && compared && signed)) return "unreadable";
    return codes("informational").some((code) => LEAVES_OUT.test(code)) ? "partly" : "matches";
  } finally {
    c2pa.dispose();
  }
}
