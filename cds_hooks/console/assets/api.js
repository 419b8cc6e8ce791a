// Swagger UI on the service's own document; it validates nowhere else and asks nobody else.
"use strict";
const place = document.getElementById("api");
window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  deepLinking: false,
  queryConfigEnabled: false,
  presets: [window.SwaggerUIBundle.presets.apis],
});
