// Shortcuts of the console. Each presses what is on the page: without this all works by hand.
const OFF = "mod-keys-off";
const stored = () => {
  try { return localStorage.getItem(OFF) === "1"; } catch { return false; }
};
const store = (off) => {
  try { if (off) localStorage.setItem(OFF, "1"); else localStorage.removeItem(OFF); } catch { /* Not kept. */ }
};

const box = document.getElementById("keys-on");
if (box) {
  box.disabled = false;
  box.checked = !stored();
  box.addEventListener("change", () => store(!box.checked));
}

const rows = () => [...document.querySelectorAll("#cases .case")];
const step = (by) => {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((one) => one.contains(document.activeElement));
  const next = all[at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1)];
  next.querySelector("h2 a").focus();
};
const press = (key) => {
  const row = document.activeElement && document.activeElement.closest(".case");
  const found = (row || document.getElementById("case") || document.body).querySelector(`[data-key="${key}"]`);
  if (!found) return false;
  if (key === "e") {
    const open = document.getElementById("escalate");
    if (open) {
      open.open = true;
      open.querySelector("textarea").focus();
      return true;
    }
  }
  found.click();
  return true;
};

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (stored() || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const acts = {
    j: () => step(1),
    k: () => step(-1),
    c: () => press("c"),
    r: () => press("r"),
    e: () => press("e"),
    d: () => press("d"),
    u: () => press("u"),
    "?": () => { location.href = document.querySelector('nav a[href^="/mod/help"]').href; },
  };
  const act = acts[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// What was typed outlives a session that ends meanwhile: kept in this tab until it is sent.
const DRAFT = `mod-typed:${location.pathname}`;
const typed = document.querySelector("form.decide #facts");
if (typed) {
  try {
    if (!typed.value) typed.value = sessionStorage.getItem(DRAFT) || "";
    typed.addEventListener("input", () => sessionStorage.setItem(DRAFT, typed.value));
  } catch { /* Not kept. */ }
}
// What was done needs no draft any more.
if (document.querySelector(".told")) {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith("mod-typed:")) sessionStorage.removeItem(key);
  } catch { /* Nothing was kept. */ }
}
