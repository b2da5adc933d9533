"use strict";
(() => {
  const root = document.documentElement, form = document.querySelector(".filter"), cards = [...document.querySelectorAll("article")];
  const store = (key, value) => { try { return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value); } catch { return null; } };
  let name = () => {};
  const setLang = lang => { root.dataset.lang = root.lang = lang; store("gradphoto-lang", lang); name(); };
  const setTheme = theme => { root.dataset.theme = theme; store("gradphoto-theme", theme); };
  if (store("gradphoto-lang")) setLang(store("gradphoto-lang"));
  if (store("gradphoto-theme")) setTheme(store("gradphoto-theme"));
  document.getElementById("lang").onclick = () => setLang(root.dataset.lang === "zh" ? "en" : "zh");
  document.getElementById("theme").onclick = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    setTheme(dark ? "light" : "dark");
  };

  const counts = new Map(), titles = new Map();
  for (const item of document.querySelectorAll("li[data-id]")) {
    if (!titles.has(item.dataset.id)) titles.set(item.dataset.id, item.querySelector("b").cloneNode(true));
  }
  for (const card of cards) {
    card.reasons = card.dataset.reasons.split(" ").filter(Boolean);
    for (const id of card.reasons) counts.set(id, (counts.get(id) || 0) + 1);
  }
  const reason = form.elements.reason;
  for (const [id, count] of [...counts].sort((a, b) => b[1] - a[1])) reason.add(new Option(`${id} (${count})`, id));
  name = () => {
    for (const option of reason.options) {
      const title = titles.get(option.value)?.querySelector(`[lang=${root.dataset.lang}]`).textContent;
      if (title) option.text = `${title} (${counts.get(option.value)})`;
    }
  };
  name();

  const show = () => {
    const kinds = new Set([...form.elements.kind].filter(box => box.checked).map(box => box.value));
    const text = form.elements.text.value.trim().toLowerCase();
    let shown = 0;
    for (const card of cards) {
      card.hidden = !(kinds.has(card.dataset.kind) && (!reason.value || card.reasons.includes(reason.value)) &&
        (!text || card.textContent.toLowerCase().includes(text)));
      if (!card.hidden) shown++;
    }
    form.querySelector("output").textContent = `${shown} / ${cards.length}`;
  };
  const fromAddress = () => {
    const wanted = new URLSearchParams(location.hash.slice(1)).get("reason");
    if (wanted !== null) {
      if (!counts.has(wanted)) reason.add(new Option(wanted, wanted));
      reason.value = wanted;
      form.scrollIntoView();
    }
    show();
  };
  for (const event of ["input", "change"]) form.addEventListener(event, show);
  // Photos further down are loaded when they come into view, which on paper they never do.
  addEventListener("beforeprint", () => { for (const image of document.images) image.loading = "eager"; });
  addEventListener("hashchange", fromAddress);
  fromAddress();

  const dialog = document.querySelector("dialog"), large = dialog.querySelector(".large");
  document.querySelector("main").addEventListener("click", event => {
    const photo = event.target.closest(".photo");
    if (!photo) return;
    large.style.aspectRatio = photo.style.aspectRatio;
    large.replaceChildren(...[...photo.children].map(child => child.cloneNode(true)));
    dialog.showModal();
  });
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
})();
