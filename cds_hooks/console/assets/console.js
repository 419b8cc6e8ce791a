// Small helps that the pages do without where scripts are off.
"use strict";
const offerCopies = () => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
  }
};
offerCopies();
document.addEventListener("htmx:after:swap", offerCopies);
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied";
  }
  setTimeout(() => { button.textContent = label; }, 2000);
});

// What changed is told to those who do not see it.
document.addEventListener("htmx:after:swap", () => {
  const progress = document.getElementById("progress");
  if (progress && !document.getElementById("waiting")) {
    progress.textContent = "The answer has arrived.";
  }
});

// A page that may not follow its consultation any more says so, and stays as it is.
document.addEventListener("htmx:response:error", (event) => {
  const over = document.getElementById("session-over");
  if (over && [401, 403, 404].includes(event.detail.ctx.response.status)) {
    over.hidden = false;
    document.getElementById("waiting")?.remove();
  }
});
