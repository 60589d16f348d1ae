/* Writes site/: the page with the models that ship for LiteRT, then perceptual_x4, by `export --format=web`. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const EXPORTS = [[], ["--model=perceptual_x4", "--quantize=float16"]]; // none named: those that ship as .tflite
const root = fileURLToPath(new URL("..", import.meta.url)), own = `${root}.venv/bin/python`;
const python = process.env.PYTHON ?? (existsSync(own) ? own : "python3");

rmSync(`${root}web/site`, { recursive: true, force: true });
for (const flags of EXPORTS) {
  const { status } = spawnSync(python, ["-m", "srgan_tf.export", ...flags, "--format=web",
    "--litert_js=web/node_modules/@litertjs", "--output=web/site"], { cwd: root, stdio: "inherit" });
  if (status) process.exit(status);
}
