// Makes the fingerprint of a file in this browser. The field of the file has no name, so the
// form never sends it; without this script the fingerprint can be typed, or an address given.
import { sha256 } from "./sha256.js";

const row = document.getElementById("file-row");
const input = document.getElementById("file");
const digest = document.getElementById("digest");
const status = document.getElementById("file-status");
let asked = 0;

row.hidden = false;
input.addEventListener("change", async () => {
  const file = input.files[0];
  asked += 1;
  const mine = asked;
  if (!file) {
    status.textContent = "";
    return;
  }
  status.textContent = row.dataset.hashing;
  digest.value = "";
  try {
    const found = await sha256(file);
    // Another file may have been chosen meanwhile.
    if (mine !== asked) return;
    digest.value = found;
    status.textContent = row.dataset.hashed;
  } catch (problem) {
    console.warn("fingerprint:", problem);
    if (mine === asked) status.textContent = row.dataset.failed;
  }
});
