/* Writes site/: the page with the models that ship, by `export --format=web`, which writes such a site for any model. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const MODELS = ["photo_x4", "mobile_x4", "fidelity_x4", "perceptual_x4"]; // the first is the one that the page begins with
const root = fileURLToPath(new URL("..", import.meta.url)), own = `${root}.venv/bin/python`;
const python = process.env.PYTHON ?? (existsSync(own) ? own : "python3");

rmSync(`${root}web/site`, { recursive: true, force: true });
for (const model of MODELS) {
  const { status } = spawnSync(python, ["-m", "srgan_tf.export", `--model=${model}`, "--format=web", "--quantize=float16",
    "--litert_js=web/node_modules/@litertjs", "--output=web/site"], { cwd: root, stdio: "inherit" });
  if (status) process.exit(status);
}
