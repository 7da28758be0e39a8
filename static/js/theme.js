// In the head, before anything is drawn: no flash of the wrong theme.
const chosen = localStorage.getItem("theme");
if (chosen) document.documentElement.dataset.theme = chosen;
