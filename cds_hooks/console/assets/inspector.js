// What a fired hook does is told to those who do not see it; its end, however the page learns of it.
"use strict";
const progress = document.getElementById("progress");
document.addEventListener("stage", (event) => {
  progress.textContent = event.detail?.data ?? "";
});
document.addEventListener("htmx:after:swap", () => {
  const ended = document.querySelector("#walk [data-ended]");
  if (ended) {
    document.getElementById("following")?.remove();
    progress.textContent = ended.dataset.ended;
  }
});
