// Evidence over the release it resembles: a slider between the two. What has another shape, a
// screenshot for one, would be stretched: it stays below the release.
for (const section of document.querySelectorAll(".beside")) {
  const stage = section.querySelector(".stage.with-copy");
  const row = section.querySelector(".slider-row");
  if (!stage || !row) continue;
  const [release, copy] = stage.querySelectorAll("img");
  const slider = row.querySelector("input");
  const place = () => stage.style.setProperty("--at", `${slider.value}%`);
  const shape = (picture) => picture.naturalWidth / picture.naturalHeight;
  const arrange = () => {
    // Of a picture that is not there yet it is no number, which is near to none.
    const isAlike = Math.abs(shape(copy) / shape(release) - 1) < 0.05;
    stage.classList.toggle("sliding", isAlike);
    row.hidden = !isAlike;
  };
  slider.addEventListener("input", place);
  for (const picture of [release, copy]) picture.addEventListener("load", arrange);
  place();
  arrange();
}
