// Sends one file and shows how far it is; without this script the form sends itself.
import { keepCopy } from "./kept-copy.js";

const form = document.getElementById("check");
const drop = document.getElementById("drop");
const input = document.getElementById("file");
const chosen = document.getElementById("chosen");
const button = form.querySelector("button");
const bar = document.getElementById("progress");
const status = document.getElementById("status");

function choose(files) {
  if (!files || files.length === 0) return;
  const transfer = new DataTransfer();
  transfer.items.add(files[0]);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change"));
}

input.addEventListener("change", () => {
  const file = input.files[0];
  chosen.hidden = !file;
  chosen.textContent = file ? file.name : "";
  status.textContent = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  choose(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => choose(event.clipboardData.files));

function fail(text) {
  button.disabled = false;
  bar.hidden = true;
  status.textContent = text;
  status.focus();
}

form.noValidate = true;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const file = input.files[0];
  if (!file || file.size === 0) {
    fail(form.dataset.noFile);
    input.focus();
    return;
  }
  const address = new URL(form.action);
  address.searchParams.set("name", file.name.slice(0, 400));
  const request = new XMLHttpRequest();
  request.open("PUT", address);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.responseType = "json";
  let told = -10;
  request.upload.addEventListener("progress", (step) => {
    if (!step.lengthComputable) return;
    const share = Math.floor((100 * step.loaded) / step.total);
    bar.value = share;
    // Screen readers are told every tenth, not every packet.
    if (share >= told + 10) {
      told = share;
      status.textContent = form.dataset.sending.replace("%%", `${share}%`);
    }
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    status.textContent = form.dataset.checking;
  });
  request.addEventListener("load", async () => {
    if (request.status === 200 && request.response) {
      await keepCopy(request.response.id, file);
      location.assign(request.response.url);
    } else if (request.status === 413) fail(form.dataset.tooLarge);
    else if (request.status === 429 || request.status === 503) fail(form.dataset.busy);
    else if (request.status === 400 && file.size === 0) fail(form.dataset.noFile);
    else fail(form.dataset.failed);
  });
  request.addEventListener("error", () => fail(form.dataset.failed));
  button.disabled = true;
  bar.hidden = false;
  bar.value = 0;
  request.send(file);
});
window.addEventListener("pageshow", (event) => {
  button.disabled = false;
  bar.hidden = true;
  // Whoever comes back sees the page as they left it, and nothing is on its way any more.
  if (event.persisted) status.textContent = "";
});

const device = document.getElementById("device");
if (device) {
  device.hidden = false;
  const answer = document.getElementById("device-answer");
  // What is said of one file is not said of the next, nor in its place once that is chosen.
  let asked = 0;
  input.addEventListener("change", () => {
    asked += 1;
    answer.textContent = "";
  });
  document.getElementById("device-button").addEventListener("click", async () => {
    const file = input.files[0];
    asked += 1;
    const mine = asked;
    const say = (what) => {
      if (mine === asked) answer.textContent = device.dataset[what];
    };
    if (!file) {
      say("noFile");
      input.focus();
      return;
    }
    say("loading");
    try {
      const reader = await import(device.dataset.reader);
      say(await reader.compare(file, device.dataset.wasm));
    } catch (problem) {
      console.warn("check on my device:", problem);
      say("unreadable");
    }
  });
}
