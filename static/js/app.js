"use strict";
// Theme, copy buttons, relative times, the polled part of a page, connection errors, CSRF tokens, and forms.
(() => {
  const $ = (selector) => document.querySelector(selector);
  // Clearing the text first makes screen readers announce the same text twice in a row.
  const announce = (text) => {
    const announcer = $("#announcer");
    announcer.textContent = "";
    setTimeout(() => {
      announcer.textContent = text;
    }, 50);
  };

  // --- Theme: the button cycles through system, light and dark.
  const themes = { "": "light", light: "dark", dark: "" };
  const showTheme = () => {
    const theme = document.documentElement.dataset.theme || "";
    $("#theme")?.setAttribute("aria-label", `Change the theme. Now: ${theme || "system"}.`);
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
    announce(`Theme: ${next || "system"}`);
  });
  showTheme();

  // --- Copy buttons.
  const confirmCopied = (button) => {
    button.classList.add("copied");
    announce("Copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      confirmCopied(button);
    } catch {
      // The browser denies access to the clipboard. Select the text, so that the user can copy it.
      const text = button.parentElement.querySelector("code, .uri");
      if (text) getSelection().selectAllChildren(text);
      announce("Your browser blocks copying. The text is selected: press Ctrl+C.");
    }
  });

  // --- Relative times, formatted as in endpoints/templatetags/ui.py.
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
  // An unchanged text is left alone, so that a selection in it survives.
  const setText = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const updateRelativeTimes = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      setText(time, elapsed((Date.now() - Date.parse(time.dateTime)) / 1000));
    }
  };

  // --- The live part. It is not polled while the tab is hidden or the user paused it.
  const live = () => $("#live[hx-get]");
  const liveStatus = $("#live-status");
  let paused = false,
    offline = false,
    updatedAt = Date.now();
  const updateLiveStatus = () => {
    if (!liveStatus) return;
    const status = offline ? "Offline" : paused ? "Paused" : "Live";
    liveStatus.dataset.status = status.toLowerCase();
    setText(liveStatus.querySelector("span"), `${status} · updated ${elapsed((Date.now() - updatedAt) / 1000)}`);
  };
  $("#pause")?.addEventListener("click", (event) => {
    paused = !paused;
    event.currentTarget.setAttribute("aria-pressed", String(paused));
    setText(event.currentTarget, paused ? "Resume" : "Pause");
    if (!paused && live()) htmx.trigger(live(), "refresh");
    updateLiveStatus();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target === live() && (document.hidden || paused)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && live()) htmx.trigger(live(), "refresh");
  });

  // --- Connection errors and refused requests.
  const showOffline = () => {
    offline = true;
    setText($("#offline"), "Endpoint Desk cannot be reached. This page may be out of date. Trying again…");
    updateLiveStatus();
  };
  const showOnline = () => {
    updatedAt = Date.now();
    if (offline) {
      offline = false;
      setText($("#offline"), "");
      announce("Connected again");
    }
    updateLiveStatus();
  };
  const showRequestError = (message) => {
    const alert = $("#request-error") || $("#main").insertAdjacentElement("afterbegin", document.createElement("p"));
    Object.assign(alert, { id: "request-error", className: "alert warning", role: "alert" });
    alert.textContent = message || "The request was refused. Reload the page, then try again.";
  };
  for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, showOffline);
  document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
    if (xhr.status >= 500) showOffline();
    // A 401 leads to the sign-in: accounts/middleware.py answers it with HX-Redirect.
    else if (xhr.status !== 401)
      showRequestError(xhr.getResponseHeader("Content-Type")?.startsWith("text/plain") && xhr.responseText);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) showOnline();
  });
  // A 304 brings the tag for the next poll, and when Azure last confirmed what is shown.
  document.addEventListener("htmx:afterRequest", ({ target, detail: { xhr } }) => {
    if (target !== live() || xhr.status !== 304) return;
    const headers = {
      ...JSON.parse(target.getAttribute("hx-headers")),
      "If-None-Match": xhr.getResponseHeader("ETag"),
    };
    target.setAttribute("hx-headers", JSON.stringify(headers));
    const time = $("#confirmed time");
    const confirmedAt = xhr.getResponseHeader("X-Confirmed-At");
    if (!time || !confirmedAt) return;
    Object.assign(time, { dateTime: confirmedAt, title: new Date(confirmedAt).toUTCString() });
    updateRelativeTimes();
  });

  // --- CSRF. A sign-in in another tab changes the token, so read the cookie whenever a form is sent. Django reads the
  // form field before the header: https://docs.djangoproject.com/en/5.2/howto/csrf/#using-csrf-protection-with-ajax
  const csrfToken = () => {
    const name = $("meta[name=csrf-cookie-name]").content;
    return document.cookie
      .split("; ")
      .find((part) => part.startsWith(`${name}=`))
      ?.slice(name.length + 1);
  };
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (!csrfToken()) return;
    detail.headers["X-CSRFToken"] = csrfToken();
    if (detail.parameters.csrfmiddlewaretoken) detail.parameters.csrfmiddlewaretoken = csrfToken();
  });
  document.addEventListener(
    "submit",
    ({ target }) => {
      const field = target.elements.csrfmiddlewaretoken;
      if (field && csrfToken()) field.value = csrfToken();
    },
    true,
  );

  // --- Swaps: a <details> that the user opened stays open, and the title shows the new state.
  // https://github.com/bigskysoftware/idiomorph#lifecycle-hooks
  if (window.Idiomorph) {
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
      !(name === "open" && node.localName === "details");
  }
  document.addEventListener("htmx:afterSwap", updateRelativeTimes);
  document.addEventListener("htmx:afterSettle", () => {
    const title = $("#live")?.dataset.title;
    if (title) document.title = title;
  });

  // --- Forms: a double click sends one request, and errors get the focus.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    // Disabled only after the submit event: before it, the browser would leave the button out of the form.
    if (button?.dataset.busy)
      setTimeout(() => {
        button.disabled = true;
        button.textContent = button.dataset.busy;
      });
  });
  // A page from the back/forward cache is out of date, and its button is still disabled: https://web.dev/articles/bfcache
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  $("[data-focus]")?.focus();

  setInterval(() => {
    if (!document.hidden) {
      updateRelativeTimes();
      updateLiveStatus();
    }
  }, 1000);
  updateRelativeTimes();
  updateLiveStatus();
})();
