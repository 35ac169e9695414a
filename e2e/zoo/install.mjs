// Published servers, each installed in a directory of its own that outlives the run: one that cannot be installed
// hurts no other, and a second run downloads nothing.

import { execFile } from "node:child_process";
import { access, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

import { NODE } from "../lib/newer-node.mjs";

const INSTALL_MS = 900_000;
/** What installs Python packages: pip takes twenty times as long for an environment of its own. */
const UV = "0.13.8";

/** Where the servers are kept: PERMESSO_ZOO_CACHE, else a directory in the user's cache. */
export const CACHE =
  process.env.PERMESSO_ZOO_CACHE ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), ".cache"), "permesso-zoo");

/**
 * Installs a server unless it is there, and gives how it is started: `{command, args, bin}`, where `bin` has its
 * programs. Nothing that was published after the day `before` comes with it. An error says how the installation failed.
 */
export async function install({ registry, package: name, version, program }, before) {
  const directory = path.join(CACHE, registry, `${name.replace("/", "+")}@${version}`);
  const wanted = JSON.stringify({ name, version, before, on: `${process.platform}-${process.arch}` });
  const stamp = path.join(directory, ".installed");
  if ((await readFile(stamp, "utf8").catch(() => "")) !== wanted) {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    await INSTALLERS[registry](directory, name, version, before);
    await writeFile(stamp, wanted);
  }
  return STARTERS[registry](directory, name, program);
}

const INSTALLERS = {
  async npm(directory, name, version, before) {
    await writeFile(path.join(directory, "package.json"), '{"private":true}\n');
    // No script of a package runs: what is compiled comes as a package of its own.
    const options = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"];
    await run("npm", ["install", "--prefix", directory, ...options, `--before=${before}`, `${name}@${version}`]);
  },
  async pypi(directory, name, version, before) {
    const uv = await pythonInstaller();
    await run(uv, ["venv", "--quiet", "--allow-existing", "--python", "python3", directory]);
    const options = ["--quiet", "--python", path.join(directory, "bin/python"), "--exclude-newer", before];
    await run(uv, ["pip", "install", ...options, `${name}==${version}`]);
  },
};

const STARTERS = {
  async npm(directory, name, program) {
    const home = path.join(directory, "node_modules", name);
    const { bin } = JSON.parse(await readFile(path.join(home, "package.json"), "utf8"));
    const script = typeof bin === "string" ? bin : bin[program ?? Object.keys(bin)[0]];
    return { command: NODE, args: [path.join(home, script)], bin: path.join(directory, "node_modules/.bin") };
  },
  async pypi(directory, name, program) {
    const bin = path.join(directory, "bin");
    return { command: path.join(bin, program ?? name), args: [], bin };
  },
};

async function pythonInstaller() {
  const home = path.join(CACHE, `uv@${UV}`);
  const uv = path.join(home, "bin/uv");
  if (!(await access(uv).then(() => true, () => false))) {
    await run("python3", ["-m", "venv", home]);
    await run(path.join(home, "bin/python"), ["-m", "pip", "install", "--quiet", `uv==${UV}`]);
  }
  return uv;
}

function run(program, args) {
  const env = { ...process.env, UV_CACHE_DIR: path.join(CACHE, "uv-cache") };
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: CACHE, env, timeout: INSTALL_MS, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (!error) return resolve();
      const said = `${stdout}${stderr}`.trim().split("\n").filter((line) => line.trim() !== "");
      reject(new Error(said.slice(-3).join(" | ").slice(-300) || error.message));
    });
  });
}
