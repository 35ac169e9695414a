// Loads the console; what cannot be started says so.
import init from "console.js";
try {
  await init({ module_or_path: "console.wasm" });
} catch (error) {
  console.error(error);
  const starting = document.getElementById("starting");
  if (starting) starting.textContent = "The console could not be started. Reload the page; if it stays, this browser is too old for it.";
}
