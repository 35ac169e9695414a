// Before the first paint: the theme that was chosen, if one was. The console changes it later.
try {
  const theme = localStorage.getItem("permesso.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* storage is closed: the system's theme it is */ }
