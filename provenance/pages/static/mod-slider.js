// Evidence over the release it resembles: a slider between the two.
for (const section of document.querySelectorAll(".beside")) {
  const stage = section.querySelector(".stage.with-copy");
  const row = section.querySelector(".slider-row");
  if (!stage || !row) continue;
  const slider = row.querySelector("input");
  const place = () => stage.style.setProperty("--at", `${slider.value}%`);
  slider.addEventListener("input", place);
  row.hidden = false;
  stage.classList.add("sliding");
  place();
}
