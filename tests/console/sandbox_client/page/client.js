// What the CDS Hooks Sandbox sends, as its published source and its observed requests show it; the
// code is our own. Each step names the file of github.com/cds-hooks/sandbox (Apache-2.0) that does it.
"use strict";

const USER = "Practitioner/COREPRACTITIONER1"; // reducers/patient-reducers.js, defaultUser
const SEVERITY = { info: 0, warning: 1, critical: 2, error: 3 };
const state = { services: {}, patient: null, fhir: "", hook: "patient-view" };
const at = (id) => document.getElementById(id);
const say = (text) => { at("state").textContent = text; };

// retrieve-data-helpers/jwt-generator.js. Each call gets a token of its own for its very address.
let key = null;
const part = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const text = (value) => new TextEncoder().encode(value);

async function token(audience) {
  if (!key) {
    const jwk = await (await fetch("key.json")).json();
    key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-384" }, false, ["sign"]);
  }
  const header = part(text(JSON.stringify({
    alg: "ES384",
    typ: "JWT",
    kid: "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f",
    jku: "https://sandbox.cds-hooks.org/.well-known/jwks.json",
  })));
  const payload = part(text(JSON.stringify({
    iss: "https://sandbox.cds-hooks.org",
    aud: audience,
    exp: Math.round(Date.now() / 1000 + 300),
    iat: Math.round(Date.now() / 1000),
    jti: crypto.randomUUID(),
  })));
  const signed = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-384" }, key, text(`${header}.${payload}`));
  return `${header}.${payload}.${part(signed)}`;
}

// axios with `method`, `url`, `data` and `headers`: JSON both ways, anything but 2xx is an error.
async function send(method, url, headers, data) {
  const body = data === undefined ? undefined : JSON.stringify(data);
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await fetch(url, { method, headers: { ...headers, ...type }, body });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const said = await answer.text();
  try { return JSON.parse(said); } catch { return said; }
}

const signedBy = async (url) => ({ Accept: "application/json", Authorization: `Bearer ${await token(url)}` });

// ServicesEntry/services-entry.jsx, discovery-services-retrieval.js, cds-services-reducers.js: what
// was typed is used as it is, so a slash at its end gives `//id`; one id twice overwrites.
async function discover(typed) {
  let url = typed.trim();
  if (!/^(https?:)?\/\//i.test(url)) url = `http://${url}`;
  const found = await send("GET", url, await signedBy(url));
  if (!found || !found.services || !found.services.length) throw new Error("no services");
  for (const service of found.services) state.services[`${url}/${service.id}`] = service;
}

// service-exchange.js, encodeUriParameters: query-string sorts the parameters, joins those of one
// name by a comma and encodes the values, unresolved tokens too.
function encoded(template) {
  const [path, query] = template.split("?");
  if (query === undefined) return template;
  const values = {};
  for (const each of query.split("&")) {
    const [name, value] = each.split(/=(.*)/s).map((one) => decodeURIComponent((one || "").replace(/\+/g, " ")));
    values[name] = name in values ? `${values[name]},${value}` : value;
  }
  const names = Object.keys(values).sort();
  return `${path}?${names.map((name) => `${name}=${encodeURIComponent(values[name])}`).join("&")}`;
}

function daysAgo(days) {
  return new Date(Date.now() - days * 86400000).toISOString().slice(0, 10);
}

function completed(template) {
  return encoded(template
    .replace(/{{\s*context\.patientId\s*}}/g, state.patient.id)
    .replace(/{{\s*user\s*}}/g, USER)
    .replace(/{{\s*context\.userId\s*}}/g, USER)
    .replace(/{{\s*today\(\)\s*-\s*(\d+)\s*days?\s*}}/g, (_, days) => daysAgo(Number(days))));
}

// service-exchange.js, prefetchDataPromises: all at once; what fails or is empty is left out.
async function prefetched(templates) {
  const found = {};
  await Promise.all(Object.entries(templates).map(async ([name, template]) => {
    try {
      const data = await send("GET", `${state.fhir}/${completed(template)}`, { Accept: "application/json+fhir" });
      if (data && Object.keys(data).length) found[name] = data;
    } catch (error) {
      console.log(`Unable to prefetch ${name}`, error.message);
    }
  }));
  return found;
}

// service-exchange.js, callServices. The order of the members is the Sandbox's.
async function call(url, context = {}) {
  const templates = state.services[url].prefetch || {};
  const request = {
    hookInstance: crypto.randomUUID(),
    hook: state.hook,
    fhirServer: state.fhir,
    context: { patientId: state.patient.id, userId: USER, ...context },
  };
  const data = await prefetched(templates);
  if (Object.keys(data).length) request.prefetch = data;
  try {
    const answer = await send("POST", url, await signedBy(url), request);
    const given = answer && Object.keys(answer).length;
    return { url, request, answer: given ? answer : "No response returned. Check developer tools for more details." };
  } catch {
    return { url, request, answer: "Could not get a response from the CDS Service. See developer tools for more details" };
  }
}

// card-list.jsx: feedback goes out only for what has a uuid, and nobody waits for it.
async function feedback(url, entry) {
  const address = `${url}/feedback`;
  const told = { ...entry, outcomeTimestamp: new Date().toISOString() };
  await send("POST", address, await signedBy(address), { feedback: [told] });
  say("Feedback was sent.");
}

function button(label, act) {
  const made = document.createElement("button");
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

// react-markdown with remark-gfm and rehype-raw makes live elements of HTML in `detail`. Here it is
// put into the page as it is, which runs more than theirs: handlers of events too.
async function renderDetail(detail) {
  const place = document.createElement("div");
  place.className = "detail";
  place.innerHTML = await (await fetch("markdown", { method: "POST", body: detail })).text();
  return place;
}

async function drawn(card, url) {
  const place = document.createElement("article");
  place.className = card.indicator;
  const summary = document.createElement("h2");
  summary.textContent = card.summary;
  const source = document.createElement("p");
  source.className = "source";
  source.textContent = `Source: ${card.source.label}`;
  const actions = document.createElement("div");
  actions.className = "actions";
  for (const one of card.suggestions || []) {
    actions.append(button(one.label, () => card.uuid && one.uuid && feedback(url, {
      card: card.uuid, outcome: "accepted", acceptedSuggestions: [{ id: one.uuid }],
    })));
  }
  for (const link of card.links || []) actions.append(button(link.label, () => window.open(link.url, "_blank")));
  if (card.uuid) {
    const reasons = card.overrideReasons || [];
    const dismiss = (reason) => () => {
      const why = reason && { overrideReason: { reason: { code: reason.code, system: reason.system } } };
      feedback(url, { card: card.uuid, outcome: "overridden", ...why });
      place.remove();
    };
    for (const reason of reasons) actions.append(button(`Dismiss: ${reason.display}`, dismiss(reason)));
    if (!reasons.length) actions.append(button("Dismiss", dismiss(null)));
  }
  place.append(summary, source, ...(card.detail ? [await renderDetail(card.detail)] : []), actions);
  return place;
}

async function show(exchanges, waiting = 0) {
  const cards = exchanges.flatMap(({ url, answer }) => (answer.cards || []).map((card) => ({ card, url })));
  cards.sort((one, other) => SEVERITY[other.card.indicator] - SEVERITY[one.card.indicator]);
  const made = await Promise.all(cards.map(({ card, url }) => drawn(card, url)));
  at("cards").replaceChildren(...made);
  if (!made.length) at("cards").textContent = "No recommendations to display";
  at("request").textContent = JSON.stringify(exchanges.map((each) => each.request), null, 2);
  at("response").textContent = JSON.stringify(exchanges.map((each) => each.answer), null, 2);
  const failed = exchanges.map((each) => each.answer).filter((answer) => typeof answer === "string");
  say(failed[0] || (waiting ? `Waiting for ${waiting} more ...` : "Answered."));
}

// Cards of other services do not wait for the slowest: each arrival draws the list again.
at("open").addEventListener("click", async () => {
  const exchanges = [];
  const urls = Object.keys(state.services).filter((url) => state.services[url].hook === state.hook);
  say("Calling ...");
  await Promise.all(urls.map(async (url) => {
    exchanges.push(await call(url));
    if (exchanges.length < urls.length) await show(exchanges, urls.length - exchanges.length);
  }));
  await show(exchanges);
});

at("settings").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { discovery, fhir, patient } = Object.fromEntries(new FormData(event.target));
  state.services = {};
  state.fhir = fhir.trim().replace(/\/$/, "");
  try {
    state.patient = await send("GET", `${state.fhir}/Patient/${patient}`, { Accept: "application/json+fhir" });
    await discover(discovery);
  } catch (error) {
    say(`Failed to connect. See console for details. (${error.message})`);
    return;
  }
  at("patient").textContent = `Patient ${state.patient.id}`;
  at("open").disabled = false;
  say(`${Object.keys(state.services).length} services`);
});
