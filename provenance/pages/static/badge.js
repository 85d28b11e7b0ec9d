// <provenance-badge token="..." for="ID">: the answer for one file, on one page, until a date.
//
// What it shows is bound by a signed token to the file's digest and the page's origin. The
// element checks the signature, where it stands, and the bytes it stands beside, every time and
// again whenever they change, and asks the service that signed it whether it would still say so.
// It can say no more than that: a hostile page can draw anything, so it links to the answer.
const HOME = new URL(import.meta.url).origin;
const MOST = 64 * 1024 * 1024;
// A page may stay open for days: what was found is not said to be of now for longer than this.
const LASTS_MS = 60 * 60 * 1000;
// Of a picture, a video, or sound: it shows something else now.
const CHANGES = ["load", "loadstart", "emptied", "error"];
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { display: inline-block; max-width: 100%; font: 600 14px/1.4 system-ui, sans-serif; }
a { display: inline-block; padding: .4em .8em; border-radius: .5em; border: 1.5px solid #27313b;
  background: #eceff2; color: #27313b; text-decoration: none; min-height: 24px; }
a:focus-visible { outline: 3px solid #0a4f8f; outline-offset: 2px; }
.official { background: #e2f3f1; color: #0b4f4a; border-color: #0b4f4a; }
.altered { background: #fbe9e7; color: #7a1f13; border-color: #7a1f13; }
.official-withdrawn, .lookalike, .undetermined { background: #fdf0d5; color: #5c3d00; border-color: #5c3d00; }
.wrong, .checking { background: #fff; color: #27313b; border-style: dashed; }
small { display: block; font-weight: 400; }
`);

function bytesOf(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

let known;
function fromHome() {
  known ??= (async () => {
    const answer = await fetch(`${HOME}/.well-known/provenance-keys.json`, {
      credentials: "omit", redirect: "error",
    });
    if (!answer.ok) throw new Error(`keys: ${answer.status}`);
    return (await answer.json()).keys;
  })();
  // One that failed is asked for again.
  known.catch(() => { known = undefined; });
  return known;
}

// What the token says, if the service at the script's own address signed it. The algorithm
// is ours to choose: what the header says is compared, never obeyed.
async function claimsOf(token, keys) {
  const [head, body, signature, ...more] = token.split(".");
  if (more.length || !signature) return null;
  const header = JSON.parse(new TextDecoder().decode(bytesOf(head)));
  if (header.alg !== "Ed25519" || header.typ !== "provenance-badge+jwt") return null;
  const jwk = keys.find((key) => key.kid === header.kid);
  if (!jwk || jwk.kty !== "OKP" || jwk.crv !== "Ed25519") return null;
  const key = await crypto.subtle.importKey(
    "jwk", { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, { name: "Ed25519" }, false, ["verify"],
  );
  const signed = new TextEncoder().encode(`${head}.${body}`);
  const good = await crypto.subtle.verify({ name: "Ed25519" }, key, bytesOf(signature), signed);
  return good ? JSON.parse(new TextDecoder().decode(bytesOf(body))) : null;
}

// In a frame the page around it is the one that people see; where the browser does not
// name it, nobody knows whose page this is.
function standsOn(origin) {
  if (location.origin !== origin) return false;
  if (window.top === window) return true;
  const above = location.ancestorOrigins;
  return Boolean(above && above.length && [...above].every((one) => one === origin));
}

// A stream has no address, whatever the medium showed before it.
function addressOf(medium) {
  if (!medium || medium.srcObject) return "";
  return medium.currentSrc || medium.src || medium.href || "";
}

async function digestOf(address, signal) {
  if (!address) return null;
  const answer = await fetch(address, { credentials: "same-origin", signal });
  if (!answer.ok || Number(answer.headers.get("Content-Length")) > MOST) return null;
  const kind = (answer.headers.get("Content-Type") || "").split(";")[0].trim();
  const data = await answer.arrayBuffer();
  if (data.byteLength > MOST) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return { kind, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
}

// A release may have been withdrawn since: only the service knows.
async function stillSaid(token) {
  const wanted = `${HOME}/badge-standing?token=${encodeURIComponent(token)}`;
  const answer = await fetch(wanted, { credentials: "omit", redirect: "error" });
  if (!answer.ok) throw new Error(`standing: ${answer.status}`);
  return (await answer.json()).stands === true;
}

class ProvenanceBadge extends HTMLElement {
  static observedAttributes = ["token", "for"];
  #link = document.createElement("a");
  #words = {};
  #medium = null;
  #address = "";
  #run = null;
  #timer = 0;
  #ends = Infinity;
  #again = () => {
    if (!document.hidden && Date.now() >= this.#ends) this.#begin();
  };
  #watch = new MutationObserver((records) => {
    const medium = this.#beside();
    if (
      medium !== this.#medium || addressOf(medium) !== this.#address ||
      records.some((record) => medium?.contains(record.target))
    ) this.#begin();
  });
  #heard = (event) => {
    if (event.target === this.#beside()) this.#begin();
  };

  constructor() {
    super();
    // Once: an element that is moved is connected again.
    const root = this.attachShadow({ mode: "closed" });
    root.adoptedStyleSheets = [sheet];
    this.#link.rel = "noopener";
    this.#link.href = HOME;
    root.append(this.#link);
  }

  connectedCallback() {
    // These events do not bubble; and the medium may be another element by then.
    for (const kind of CHANGES) document.addEventListener(kind, this.#heard, true);
    document.addEventListener("visibilitychange", this.#again);
    window.addEventListener("pageshow", this.#again);
    this.#watch.observe(document, {
      subtree: true, childList: true, attributeFilter: ["id", "src", "srcset", "href"],
    });
    this.#begin();
  }

  disconnectedCallback() {
    for (const kind of CHANGES) document.removeEventListener(kind, this.#heard, true);
    document.removeEventListener("visibilitychange", this.#again);
    window.removeEventListener("pageshow", this.#again);
    clearTimeout(this.#timer);
    this.#watch.disconnect();
    this.#run?.abort();
    this.#run = null;
  }

  attributeChangedCallback() {
    // Before it is connected there is nothing to check again.
    if (this.#run) this.#begin();
  }

  #beside() {
    return document.getElementById(this.getAttribute("for") || "");
  }

  // What was said of other bytes is gone at once, and what is found out of them comes too late.
  #begin() {
    this.#run?.abort();
    const { signal } = this.#run = new AbortController();
    this.#medium = this.#beside();
    this.#address = addressOf(this.#medium);
    this.#link.href = HOME;
    this.#show("checking", this.#words.checking || "…");
    clearTimeout(this.#timer);
    this.#ends = Date.now() + LASTS_MS;
    this.#check(signal).then(
      (answer) => answer && !signal.aborted && this.#show(...answer),
      (problem) => {
        if (signal.aborted) return;
        console.warn("provenance-badge:", problem);
        this.#show("wrong", this.#words.unchecked || "?");
      },
    ).then(() => {
      if (!signal.aborted) this.#timer = setTimeout(this.#again, this.#ends - Date.now());
    });
  }

  #show(kind, text, below, link) {
    this.#link.className = kind;
    this.#link.textContent = text;
    if (link) this.#link.href = link;
    this.dataset.state = kind;
    if (below) {
      const small = document.createElement("small");
      small.textContent = below;
      this.#link.append(small);
    }
  }

  async #speak(signal) {
    const language = this.lang || document.documentElement.lang || navigator.language;
    const wanted = `${HOME}/badge-words?lang=${encodeURIComponent(language)}`;
    const answer = await fetch(wanted, { credentials: "omit", redirect: "error", signal });
    if (!answer.ok) throw new Error(`words: ${answer.status}`);
    return answer.json();
  }

  // What is to be shown; nothing yet while the medium has yet to say what it shows.
  async #check(signal) {
    const words = await this.#speak(signal);
    if (signal.aborted) return null;
    this.#words = words;
    this.#show("checking", words.checking);
    const token = this.getAttribute("token") || "";
    // Where nobody can tell, a token is not called invalid: without a key from home, or on a
    // page that came without TLS, where a browser has no cryptography.
    if (!crypto.subtle) return ["wrong", words.unchecked, words.open];
    const keys = await fromHome();
    let claims = null;
    try {
      claims = await claimsOf(token, keys);
    } catch (problem) {
      // A browser without Ed25519 cannot tell; a token that cannot be read is none.
      if (problem.name === "NotSupportedError") return ["wrong", words.unchecked, words.open];
    }
    if (signal.aborted) return null;
    if (!claims) return ["wrong", words.invalid];
    const link = `${HOME}/r/${encodeURIComponent(claims.report)}`;
    if (!(claims.exp > Date.now() / 1000)) return ["wrong", words.expired, words.open, link];
    const medium = this.#medium;
    if (claims.iss !== HOME || !standsOn(claims.origin) || !medium) {
      return ["wrong", words.wrong, words.open, link];
    }
    // Until a picture is there, its address is that of the one before it.
    if (medium.complete === false) return null;
    this.#address = addressOf(medium);
    let found = null;
    try {
      found = await digestOf(this.#address, signal);
    } catch {
      found = null;
    }
    // Bytes that may not be read.
    if (!found) return ["wrong", words.unchecked, words.open, link];
    if (found.sha256 !== claims.sha256) {
      // Another format: a network between may have turned the same picture into it.
      const turned = found.kind && claims.media_type && found.kind !== claims.media_type;
      return ["wrong", turned ? words.unchecked : words.wrong, words.open, link];
    }
    if (!(await stillSaid(token))) return ["wrong", words.changed, words.open, link];
    if (!signal.aborted) this.#ends = Math.min(this.#ends, claims.exp * 1000);
    const label = words[`label.${claims.verdict}`];
    return [claims.verdict, claims.test ? `TEST. ${label}` : label, words.rechecked, link];
  }
}
customElements.define("provenance-badge", ProvenanceBadge);
