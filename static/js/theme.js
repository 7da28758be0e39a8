// Runs in the head, before the first paint: otherwise the page would flash in the other theme.
const savedTheme = localStorage.getItem("theme");
if (savedTheme) document.documentElement.dataset.theme = savedTheme;
