// <provenance-badge token="..." for="ID">: the answer for one file, on one page, until a date.
//
// What it shows is bound by a signed token to the file's digest and the page's origin. The
// element checks the signature, where it stands, and the bytes it stands beside, every time,
// and asks the service that signed it whether it would still say so.
// It can say no more than that: a hostile page can draw anything, so it links to the answer.
const HOME = new URL(import.meta.url).origin;
const MOST = 64 * 1024 * 1024;
const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { display: inline-block; max-width: 100%; font: 600 14px/1.4 system-ui, sans-serif; }
a { display: inline-block; padding: .4em .8em; border-radius: .5em; border: 1.5px solid #27313b;
  background: #eceff2; color: #27313b; text-decoration: none; min-height: 24px; }
a:focus-visible { outline: 3px solid #0a4f8f; outline-offset: 2px; }
.official { background: #e2f3f1; color: #0b4f4a; border-color: #0b4f4a; }
.altered { background: #fbe9e7; color: #7a1f13; border-color: #7a1f13; }
.official-withdrawn, .lookalike, .undetermined { background: #fdf0d5; color: #5c3d00; border-color: #5c3d00; }
.wrong { background: #fff; color: #27313b; border-style: dashed; }
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
    return (await answer.json()).keys;
  })();
  return known;
}

// What the token says, if the service at the script's own address signed it. The algorithm
// is ours to choose: what the header says is compared, never obeyed.
async function claimsOf(token) {
  const [head, body, signature, ...more] = token.split(".");
  if (more.length || !signature) return null;
  const header = JSON.parse(new TextDecoder().decode(bytesOf(head)));
  if (header.alg !== "Ed25519" || header.typ !== "provenance-badge+jwt") return null;
  const jwk = (await fromHome()).find((key) => key.kid === header.kid);
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

async function digestOf(medium) {
  const address = medium.currentSrc || medium.src || medium.href;
  if (!address) return null;
  const answer = await fetch(address, { credentials: "same-origin" });
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
  #link = document.createElement("a");
  #words = {};

  connectedCallback() {
    const root = this.attachShadow({ mode: "closed" });
    root.adoptedStyleSheets = [sheet];
    this.#link.rel = "noopener";
    this.#link.href = HOME;
    root.append(this.#link);
    this.#check().catch((problem) => {
      console.warn("provenance-badge:", problem);
      this.#show("wrong", this.#words.unchecked || "?");
    });
  }

  #show(kind, text, below) {
    this.#link.className = kind;
    this.#link.textContent = text;
    this.dataset.state = kind;
    if (below) {
      const small = document.createElement("small");
      small.textContent = below;
      this.#link.append(small);
    }
  }

  async #check() {
    const language = this.lang || document.documentElement.lang || navigator.language;
    const wanted = `${HOME}/badge-words?lang=${encodeURIComponent(language)}`;
    this.#words = await (await fetch(wanted, { credentials: "omit", redirect: "error" })).json();
    const words = this.#words;
    this.#show("wrong", words.checking);
    let claims = null;
    try {
      claims = await claimsOf(this.getAttribute("token") || "");
    } catch (problem) {
      // A browser without Ed25519 cannot tell; a token that cannot be read is none.
      if (problem.name === "NotSupportedError") {
        this.#show("wrong", words.unchecked, words.open);
        return;
      }
    }
    if (!claims) return this.#show("wrong", words.invalid);
    this.#link.href = `${HOME}/r/${encodeURIComponent(claims.report)}`;
    if (!(claims.exp > Date.now() / 1000)) return this.#show("wrong", words.expired, words.open);
    if (claims.iss !== HOME || !standsOn(claims.origin)) {
      return this.#show("wrong", words.wrong, words.open);
    }
    const medium = document.getElementById(this.getAttribute("for") || "");
    if (!medium) return this.#show("wrong", words.wrong, words.open);
    let found = null;
    try {
      found = await digestOf(medium);
    } catch {
      found = null;
    }
    // Bytes that may not be read, or that a network between has turned into another format.
    if (!found || (found.kind && claims.media_type && found.kind !== claims.media_type)) {
      return this.#show("wrong", words.unchecked, words.open);
    }
    if (found.sha256 !== claims.sha256) return this.#show("wrong", words.wrong, words.open);
    if (!(await stillSaid(this.getAttribute("token")))) {
      return this.#show("wrong", words.changed, words.open);
    }
    const label = words[`label.${claims.verdict}`];
    return this.#show(claims.verdict, claims.test ? `TEST. ${label}` : label, words.rechecked);
  }
}
customElements.define("provenance-badge", ProvenanceBadge);
