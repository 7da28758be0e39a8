"use strict";
// Theme, copying, times that count on, polling that respects people, and a lost network told in words.
(() => {
  const $ = (selector) => document.querySelector(selector);
  const say = (text) => {
    const said = $("#said");
    said.textContent = "";
    setTimeout(() => {
      said.textContent = text;
    }, 50);
  };

  // --- Theme: system, light, dark, in turn.
  const themes = { "": "light", light: "dark", dark: "" };
  const showTheme = () => {
    const theme = document.documentElement.dataset.theme || "";
    $("#theme")?.setAttribute("aria-label", `Theme: ${theme || "as the system"}. Change it.`);
  };
  $("#theme")?.addEventListener("click", () => {
    const next = themes[document.documentElement.dataset.theme || ""];
    if (next) {
      document.documentElement.dataset.theme = next;
      localStorage.setItem("theme", next);
    } else {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("theme");
    }
    showTheme();
    say(`Theme: ${next || "as the system"}`);
  });
  showTheme();

  // --- Copy buttons.
  const copied = (button) => {
    button.classList.add("copied");
    say("Copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      copied(button);
    } catch {
      // The browser refuses: select the text, so that the keyboard can copy it.
      const text = button.parentElement.querySelector("code, .uri");
      if (text) getSelection().selectAllChildren(text);
      say("The browser does not allow copying. The text is selected: press Ctrl and C.");
    }
  });

  // --- Times: the same words as endpoints/templatetags/ui.py.
  const elapsed = (seconds) => {
    if (seconds < 5) return "just now";
    for (const [limit, size, unit] of [
      [60, 1, "s"],
      [3600, 60, "min"],
      [86400, 3600, "h"],
    ]) {
      if (seconds < limit) return `${Math.floor(seconds / size)} ${unit} ago`;
    }
    const days = Math.floor(seconds / 86400);
    return days === 1 ? "1 day ago" : `${days} days ago`;
  };
  const setText = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const countOn = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      setText(time, elapsed((Date.now() - Date.parse(time.dateTime)) / 1000));
    }
  };

  // --- The live part: never while hidden or paused, and it says how old it is.
  const live = () => $("#live[hx-get]");
  const marker = $("#marker");
  let paused = false,
    offline = false,
    updatedAt = Date.now();
  const mark = () => {
    if (!marker) return;
    const word = offline ? "Offline" : paused ? "Paused" : "Live";
    marker.dataset.is = word.toLowerCase();
    setText(marker.querySelector("span"), `${word} · updated ${elapsed((Date.now() - updatedAt) / 1000)}`);
  };
  $("#pause")?.addEventListener("click", (event) => {
    paused = !paused;
    event.currentTarget.setAttribute("aria-pressed", String(paused));
    setText(event.currentTarget, paused ? "Resume" : "Pause");
    if (!paused && live()) htmx.trigger(live(), "refresh");
    mark();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target === live() && (document.hidden || paused)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && live()) htmx.trigger(live(), "refresh");
  });

  // --- The network.
  const lost = () => {
    offline = true;
    setText($("#offline"), "The dashboard cannot be reached. What you see may be out of date; it is tried again.");
    mark();
  };
  const found = () => {
    updatedAt = Date.now();
    if (offline) {
      offline = false;
      setText($("#offline"), "");
      say("Connected again");
    }
    mark();
  };
  const refused = (sentence) => {
    const note = $("#refused") || $("#main").insertAdjacentElement("afterbegin", document.createElement("p"));
    Object.assign(note, { id: "refused", className: "note warning", role: "alert" });
    note.textContent = sentence || "That was not accepted. Load the page again, then try once more.";
  };
  for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, lost);
  document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
    if (xhr.status >= 500) lost();
    else if (xhr.status !== 401)
      refused(xhr.getResponseHeader("Content-Type")?.startsWith("text/plain") && xhr.responseText);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) found();
  });

  // --- CSRF: a sign-in in another tab changes the token, so it is read when it is sent, and Django looks at the field first.
  const token = () => {
    const name = $("meta[name=csrf-cookie-name]").content;
    return document.cookie
      .split("; ")
      .find((part) => part.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  };
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (!token()) return;
    detail.headers["X-CSRFToken"] = token();
    if (detail.parameters.csrfmiddlewaretoken) detail.parameters.csrfmiddlewaretoken = token();
  });
  document.addEventListener(
    "submit",
    ({ target }) => {
      const field = target.elements.csrfmiddlewaretoken;
      if (field && token()) field.value = token();
    },
    true,
  );

  // --- A swap leaves open what a person opened, and the title follows.
  if (window.Idiomorph) {
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
      !(name === "open" && node.localName === "details");
  }
  document.addEventListener("htmx:afterSwap", countOn);
  document.addEventListener("htmx:afterSettle", () => {
    const title = $("#live")?.dataset.title;
    if (title) document.title = title;
  });

  // --- Forms: one click is one request, and errors get the focus.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button?.dataset.busy)
      setTimeout(() => {
        button.disabled = true;
        button.textContent = button.dataset.busy;
      });
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  $("[data-focus]")?.focus();

  setInterval(() => {
    if (!document.hidden) {
      countOn();
      mark();
    }
  }, 1000);
  countOn();
  mark();
})();
