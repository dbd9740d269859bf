"use strict";
/* Search, fold, unfold. Without it the report is complete: only these controls are missing. */
(() => {
  const find = (selector) => Array.from(document.querySelectorAll(selector));
  const search = document.getElementById("search");
  const found = document.getElementById("found");
  const cards = find("details.card");
  const items = find("[data-search]").map((element) => ({ element, text: null }));
  const opened = new Map(cards.map((card) => [card, card.open]));
  document.getElementById("controls").hidden = false;

  const isFound = (item, words) => {
    item.text ??= item.element.textContent.toLowerCase();
    return words.every((word) => item.text.includes(word));
  };

  const count = (kind, selector) => {
    const all = find(selector);
    const shown = all.filter((one) => !one.hidden).length;
    return all.length ? `${shown.toLocaleString("en")} of ${all.length.toLocaleString("en")} ${kind}` : "";
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of items) item.element.hidden = words.length > 0 && !isFound(item, words);
    for (const list of find("ol.steps")) {
      const empty = !list.querySelector(":scope > li:not([hidden])");
      list.hidden = empty;
      if (list.previousElementSibling?.tagName === "H3") list.previousElementSibling.hidden = empty;
    }
    const counts = [count("objects", "details.card:not(.no-op)"), count("steps", "ol.steps > li")];
    found.textContent = words.length ? counts.filter(Boolean).join(", ") : "";
  };

  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 60);
  });

  const fold = (open) => {
    for (const one of find("main details")) {
      if (!one.closest("[hidden]")) one.open = open;
    }
  };
  document.getElementById("unfold").addEventListener("click", () => fold(true));
  document.getElementById("fold").addEventListener("click", () => fold(false));

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && typing) {
      search.value = "";
      filter();
      search.blur();
    }
  });

  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let one = target; one; one = one.parentElement) {
      if (one.tagName === "DETAILS") one.open = true;
      one.hidden = false;
    }
    target.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

  addEventListener("beforeprint", () => {
    for (const card of cards) {
      opened.set(card, card.open);
      card.open = true;
    }
  });
  addEventListener("afterprint", () => {
    for (const card of cards) card.open = opened.get(card);
  });
})();
