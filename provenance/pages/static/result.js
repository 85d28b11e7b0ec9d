// Beside the release: a slider over the copy that this browser kept or is given. And the link.
import { keptCopy } from "./kept-copy.js";

const section = document.getElementById("compare");
const stage = document.getElementById("stage");
if (section && stage) {
  const release = document.getElementById("release");
  const copy = document.getElementById("copy");
  const slider = document.getElementById("slider");
  const boxes = document.getElementById("boxes");
  const showBoxes = document.getElementById("show-boxes");
  const chooseRow = document.getElementById("choose-row");
  const place = () => stage.style.setProperty("--at", `${slider.value}%`);
  const mark = () => {
    // An SVG element has no property of that name.
    boxes.toggleAttribute("hidden", !(showBoxes && showBoxes.checked));
  };
  const arrange = () => {
    // One of another shape, a screenshot for one, would be stretched over the release.
    const shape = (picture) => picture.naturalWidth / picture.naturalHeight;
    const isAlike = Math.abs(shape(copy) / shape(release) - 1) < 0.05;
    stage.classList.toggle("sliding", isAlike);
    stage.classList.toggle("apart", !isAlike);
    for (const part of [slider, ...slider.labels]) part.hidden = !isAlike;
  };
  const unreadable = document.getElementById("copy-unreadable");
  const show = (file, chosen) => {
    const address = URL.createObjectURL(file);
    unreadable.textContent = "";
    copy.onload = () => {
      document.getElementById("copy-figure").hidden = false;
      document.getElementById("slider-row").hidden = false;
      arrange();
      place();
      mark();
    };
    copy.onerror = () => {
      URL.revokeObjectURL(address);
      // What was shown before is not the file that is chosen now.
      document.getElementById("copy-figure").hidden = true;
      document.getElementById("slider-row").hidden = true;
      stage.classList.remove("sliding", "apart");
      boxes.toggleAttribute("hidden", true);
      // Of a copy that nobody put here, nobody expects a picture.
      if (chosen) unreadable.textContent = unreadable.dataset.says;
    };
    copy.src = address;
  };
  slider.addEventListener("input", place);
  release.addEventListener("load", () => {
    if (!document.getElementById("copy-figure").hidden) arrange();
  });
  if (showBoxes) showBoxes.addEventListener("change", mark);
  chooseRow.hidden = false;
  document.getElementById("copy-file").addEventListener("change", (event) => {
    if (event.target.files[0]) show(event.target.files[0], true);
  });
  const kept = await keptCopy(section.dataset.report);
  if (kept) show(kept, false);
}

const copyLink = document.getElementById("copy-link");
if (navigator.clipboard) {
  copyLink.hidden = false;
  copyLink.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById("link").value);
    document.getElementById("copy-status").textContent = copyLink.dataset.copied;
  });
}
