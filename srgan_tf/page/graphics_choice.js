/* Whether a model runs on the processor or on the graphics card: offered where there is one, for models that it computes as
   the processor does. */
import { renew } from "./engine.js";

const $ = (id) => document.getElementById(id);
const FLOAT = ["none", "float16"]; // quantizations: the accelerator does not compute in int8
const INT8 = "This model computes in int8, which only the processor does.";
/* For tests, whose graphics card is software: it is taken too, however slow it is. */
const FORCED = new URLSearchParams(location.search).get("webgpu") === "force";

let found = false, wanted = false; // a graphics card; that it is used
let said = ""; // of the model that is chosen

const fits = ({ quantization, place }) => place !== "server" && FLOAT.includes(quantization);

/** Looks for a graphics card that is none of software. */
export async function find(models) {
  if (!models.some(fits)) return;
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  const { isFallbackAdapter } = adapter?.info ?? {};
  found = Boolean(adapter) && (FORCED || !(isFallbackAdapter ?? adapter.isFallbackAdapter));
}

/** Shows the choice for a model, or why there is none. */
export function show(model, going) {
  const box = $("device"), possible = found && fits(model);
  box.parentElement.hidden = !found;
  box.disabled = going || !possible;
  box.value = possible && wanted ? "card" : "processor";
  $("device_note").textContent = !found ? "" : possible ? said : INT8;
}

/** What a job is to use: "" is the processor. */
export const wish = (model) => (!(found && wanted && fits(model)) ? "" : FORCED ? "force" : "trial");

/** What a job said of it: {message, refused}. */
export function told({ message, refused }) {
  said = message;
  if (refused) wanted = false;
}

/** It was chosen, or another model was. */
export function forget() {
  said = "";
}

export function choose() {
  wanted = $("device").value === "card";
  renew(); // a trial that failed is made anew
  forget();
}
