"use strict";
// Tries the service. Operations and parameters are read from /openapi.json; nothing else is loaded.

const at = (id) => document.getElementById(id);
const PHOTOS = "photos";
const WORDS = {
  accept: { zh: "合格", en: "accept" },
  review: { zh: "需人工复核", en: "review" },
  reject: { zh: "不合格", en: "reject" },
  none: { zh: "没有应答", en: "no answer" },
  wait: { zh: "处理中……", en: "working ..." },
  "/v1/check": { zh: "检查照片", en: "Check a photo" },
  "/v1/normalize": { zh: "制作合格照片", en: "Make a compliant photo" },
  profile: { zh: "标准", en: "Profile" },
  "captured-before": { zh: "判断照片新旧的日期（如毕业日期）", en: "Day its age is judged against, such as graduation" },
  background: { zh: "背景", en: "Background" },
  rotate: { zh: "允许旋转以摆正双眼", en: "May be turned to level the eyes" },
  keep: { zh: "保留", en: "keep" },
  auto: { zh: "不合格时更换", en: "replaced when it fails" },
  true: { zh: "是", en: "yes" },
  false: { zh: "否", en: "no" },
};
// What has no words here goes by its own name.
const word = (name) => WORDS[name]?.[lang] || name;
let lang = navigator.language.startsWith("zh") ? "zh" : "en";
let operations = [];
let profiles = [];
let file = null;
let last = null;

function speak() {
  document.documentElement.lang = lang;
  at("language").textContent = lang === "zh" ? "English" : "中文";
  for (const element of document.querySelectorAll("[data-zh]")) element.textContent = element.dataset[lang];
  for (const option of at("operation").options) option.textContent = `${word(option.dataset.path)} (${option.dataset.path})`;
  if (last) show(last);
}

async function load() {
  const api = await (await fetch("/openapi.json")).json();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if ((operation.tags || []).includes(PHOTOS)) operations.push({ path, method, ...operation });
    }
  }
  at("operation").replaceChildren(...operations.map((op, index) => {
    const option = new Option(op.summary, index);
    option.dataset.path = op.path;
    return option;
  }));
  speak();
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
    case "background": return [
      ...["keep", "auto"].map((v) => new Option(word(v), v)),
      ...(chosen?.backgrounds || []).map((color) => new Option(lang === "zh" ? color.zh : color.name, color.name)),
    ];
    case "rotate": return ["false", "true"].map((v) => new Option(word(v), v));
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
    // What was chosen before stays, where it can still be chosen.
    const before = at(input.id)?.value;
    if (before && (!choices.length || choices.some((choice) => choice.value === before))) input.value = before;
    label.append(word(parameter.name), input);
    return label;
  });
  at("parameters").replaceChildren(...rows);
}

function choose(chosen) {
  if (!chosen) return;
  file = chosen;
  URL.revokeObjectURL(at("before").src);
  at("before").src = URL.createObjectURL(file);
  at("name").textContent = file.name;
  // An answer to another photo is none to this one.
  last = null;
  at("answer").hidden = true;
}

async function send(event) {
  event.preventDefault();
  if (!file) return at("photo").click();
  const operation = operations[at("operation").value];
  const query = new URLSearchParams({ lang });
  for (const input of at("parameters").querySelectorAll("input, select")) if (input.value) query.set(input.name, input.value);
  const body = new FormData();
  body.append("photo", file);
  last = null;
  at("answer").hidden = false;
  at("answer").className = at("verdict").className = "wait";
  at("verdict").textContent = word("wait");
  at("submit").disabled = true;
  const line = `${operation.method.toUpperCase()} ${operation.path}?${query}`;
  try {
    const answer = await fetch(`${operation.path}?${query}`, { method: operation.method, body, headers: { Accept: "application/json", ...authorization() } });
    last = { line, status: answer.status, id: answer.headers.get("x-request-id"), value: await answer.json() };
  } catch (error) {
    last = { line, status: 0, value: { title: WORDS.none[lang], detail: String(error) } };
  }
  at("submit").disabled = false;
  show(last);
}

function show({ line, status, id, value }) {
  const report = value.report || value;
  at("answer").hidden = false;
  at("answer").className = "";
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
at("parameters").addEventListener("change", (event) => { if (event.target.name === "profile") fields(); });
at("photo").addEventListener("change", (event) => choose(event.target.files[0]));
at("form").addEventListener("submit", send);
for (const name of ["dragover", "dragleave", "drop"]) {
  at("drop").addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") choose(event.dataTransfer.files[0]);
  });
}
// What the browser cannot show is no reason not to send it.
at("before").addEventListener("load", () => { at("before").hidden = false; });
at("before").addEventListener("error", () => { at("before").hidden = true; });
speak();
load();
