// Loads the console; what cannot be started says so.
import init from "console.js";
try {
  await init({ module_or_path: "console.wasm" });
} catch (error) {
  console.error(error);
  const progress = document.getElementById("progress");
  if (progress) progress.textContent = "The console could not start. Reload the page. If that does not help, this browser may be too old.";
}
