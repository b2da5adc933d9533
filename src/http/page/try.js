"use strict";
// Tries the service. Operations and parameters are read from /openapi.json; nothing else is loaded.

const at = (id) => document.getElementById(id);
const PHOTOS = "photos";
const WORDS = {
  accept: { zh: "合格", en: "accept" },
  review: { zh: "需人工复核", en: "review" },
  reject: { zh: "不合格", en: "reject" },
  none: { zh: "没有应答", en: "no answer" },
};
let lang = navigator.language.startsWith("zh") ? "zh" : "en";
let operations = [];
let profiles = [];
let file = null;
let last = null;

function speak() {
  document.documentElement.lang = lang;
  at("language").textContent = lang === "zh" ? "English" : "中文";
  for (const element of document.querySelectorAll("[data-zh]")) element.textContent = element.dataset[lang];
  if (last) show(last);
}

async function load() {
  const api = await (await fetch("/openapi.json")).json();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if ((operation.tags || []).includes(PHOTOS)) operations.push({ path, method, ...operation });
    }
  }
  at("operation").replaceChildren(...operations.map((op, index) => new Option(`${op.summary} (${op.path})`, index)));
  await loadProfiles();
  fields();
}

async function loadProfiles() {
  const answer = await fetch("/v1/profiles", { headers: authorization() });
  profiles = answer.ok ? await answer.json() : [];
}

const authorization = () => (at("key").value ? { Authorization: `Bearer ${at("key").value}` } : {});

function options(name) {
  const chosen = profiles.find((profile) => profile.id === at("parameter-profile")?.value) || profiles.find((p) => p.default);
  switch (name) {
    case "profile": return profiles.map((p) => new Option(`${p.title[lang]} (${p.id})`, p.id, p.default, p.default));
    case "background": return ["keep", "auto", ...(chosen?.backgrounds || []).map((color) => color.name)].map((v) => new Option(v, v));
    case "rotate": return ["false", "true"].map((v) => new Option(v, v));
    default: return [];
  }
}

function fields() {
  const operation = operations[at("operation").value];
  const rows = operation.parameters.filter((parameter) => parameter.name !== "lang").map((parameter) => {
    const label = document.createElement("label");
    const choices = options(parameter.name);
    const input = document.createElement(choices.length ? "select" : "input");
    if (choices.length) input.append(...choices);
    else if (parameter.schema?.format === "date") input.type = "date";
    input.id = `parameter-${parameter.name}`;
    input.name = parameter.name;
    label.title = parameter.description || "";
    label.append(parameter.name, input);
    return label;
  });
  at("parameters").replaceChildren(...rows);
}

function choose(chosen) {
  if (!chosen) return;
  file = chosen;
  URL.revokeObjectURL(at("before").src);
  at("before").src = URL.createObjectURL(file);
  at("before").hidden = false;
}

async function send(event) {
  event.preventDefault();
  if (!file) return at("photo").click();
  const operation = operations[at("operation").value];
  const query = new URLSearchParams({ lang });
  for (const input of at("parameters").querySelectorAll("input, select")) if (input.value) query.set(input.name, input.value);
  const body = new FormData();
  body.append("photo", file);
  const line = `${operation.method.toUpperCase()} ${operation.path}?${query}`;
  try {
    const answer = await fetch(`${operation.path}?${query}`, { method: operation.method, body, headers: { Accept: "application/json", ...authorization() } });
    last = { line, status: answer.status, id: answer.headers.get("x-request-id"), value: await answer.json() };
  } catch (error) {
    last = { line, status: 0, value: { title: WORDS.none[lang], detail: String(error) } };
  }
  show(last);
}

function show({ line, status, id, value }) {
  const report = value.report || value;
  at("answer").hidden = false;
  at("verdict").className = report.verdict || "problem";
  at("verdict").textContent = report.verdict ? WORDS[report.verdict][lang] : `${status} ${value.title}`;
  at("detail").textContent = value.detail || (value.report ? report.actions.map((a) => a.text[lang]).join(lang === "zh" ? "；" : "; ") : "");
  at("after").hidden = !value.jpeg;
  if (value.jpeg) at("made").src = at("save").href = `data:image/jpeg;base64,${value.jpeg}`;
  const order = ["fail", "warn", "undetermined", "pass"];
  const checks = [...(report.checks || [])].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  at("checks").replaceChildren(...checks.map((check) => {
    const item = document.createElement("li");
    item.className = check.status;
    const title = document.createElement("b");
    title.textContent = `${check.title[lang]} `;
    const hint = document.createElement("small");
    hint.textContent = check.hint ? check.hint[lang] : "";
    item.append(title, check.message[lang], hint);
    return item;
  }));
  const short = { ...value, ...(value.jpeg ? { jpeg: `(${value.jpeg.length} characters of Base64)` } : {}) };
  at("raw").textContent = `${line}\n${status}  x-request-id: ${id}\n\n${JSON.stringify(short, null, 2)}`;
}

at("language").addEventListener("click", () => { lang = lang === "zh" ? "en" : "zh"; speak(); fields(); });
at("operation").addEventListener("change", fields);
at("key").addEventListener("change", async () => { await loadProfiles(); fields(); });
at("photo").addEventListener("change", (event) => choose(event.target.files[0]));
at("form").addEventListener("submit", send);
for (const name of ["dragover", "dragleave", "drop"]) {
  at("drop").addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") choose(event.dataTransfer.files[0]);
  });
}
speak();
load();
