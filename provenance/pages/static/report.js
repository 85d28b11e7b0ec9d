// Makes the fingerprint of a file in this browser. The field of the file has no name, so the
// form never sends it; without this script the fingerprint can be typed, or an address given.
import { sha256 } from "./sha256.js";

const row = document.getElementById("file-row");
const input = document.getElementById("file");
const digest = document.getElementById("digest");
const status = document.getElementById("file-status");
let asked = 0;
let made = "";
let running = null;

async function fingerprint(file, mine) {
  status.textContent = row.dataset.hashing;
  digest.value = "";
  try {
    const found = await sha256(file);
    // Another file may have been chosen meanwhile.
    if (mine !== asked) return false;
    digest.value = made = found;
    status.textContent = row.dataset.hashed;
    return true;
  } catch (problem) {
    console.warn("fingerprint:", problem);
    if (mine === asked) status.textContent = row.dataset.failed;
    return false;
  }
}

row.hidden = false;
input.addEventListener("change", () => {
  const file = input.files[0];
  asked += 1;
  running = null;
  if (!file) {
    status.textContent = "";
    // Of a file that is not meant any more; what somebody typed stays.
    if (digest.value === made) digest.value = "";
    return;
  }
  const own = running = fingerprint(file, asked);
  own.then(() => {
    if (running === own) running = null;
  });
});
// A report that is sent before its file's fingerprint is there would be about no file.
let waits = false;
input.form.addEventListener("submit", async (event) => {
  if (!running) return;
  event.preventDefault();
  if (waits) return;
  waits = true;
  status.scrollIntoView({ block: "center" });
  let good = false;
  while (running) good = await running;
  waits = false;
  if (good) input.form.requestSubmit();
});
