// @ts-check
// pose.json: what must agree between the model and this code. K joints.

/**
 * @typedef {{file: string, sha256: string, weights: string}} ModelFile
 * @typedef {{name: string, dtype: string, size: number, range: [number, number]}} Image
 * @typedef {{name: string, dtype: string, height: number, width: number,
 *   stride: number}} Heatmaps
 * @typedef {{log_floor: number, max_move: number}} Decode
 * @typedef {{threshold: number, presence: number}} Score a joint below threshold is not to be
 *   shown; nobody is there where the mean of all scores is below presence
 * @typedef {{rule: string, sides: number[]}} Search of squares, as shares of the longer side
 * @typedef {{hips: number[], shoulders: number[], threshold: number, body_margin: number,
 *   torso_margin: number, smallest: number}} Crop
 * @typedef {{min_cutoff: number, beta: number, derivative_cutoff: number}} Smoothing
 * @typedef {{version: number, model: ModelFile, image: Image, heatmaps: Heatmaps,
 *   joints: string[], flip_pairs: [number, number][], limbs: [number, number][],
 *   decode: Decode, score: Score, crop: Crop, search: Search,
 *   smoothing: Smoothing}} Contract
 */

export const VERSION = 1;

const RULES = {
  decode: 'argmax_log_parabola', crop: 'box', search: 'squares', smoothing: 'one_euro',
};

/** Of contracts that were written before these had a field. */
const PRESENCE = 0.2;
const SEARCH = {rule: 'squares', sides: [1, 0.75, 0.5]};

/**
 * Reads the text of pose.json.
 * @param {string} text
 * @returns {Contract}
 * @throws {Error} a newer version, or rules that this code does not know
 */
export function readContract(text) {
  const content = JSON.parse(text);
  if (content.version !== VERSION) {
    throw new Error(`pose.json: expected version ${VERSION}. Received: ${content.version}`);
  }
  content.search ??= SEARCH;
  content.score.presence ??= PRESENCE;
  for (const [part, rule] of Object.entries(RULES)) {
    if (content[part].rule !== rule) {
      throw new Error(`pose.json: ${part}: expected ${rule}. Received: ${content[part].rule}`);
    }
  }
  for (const tensor of [content.image, content.heatmaps]) {
    if (tensor.dtype !== 'float32') {
      throw new Error(`pose.json: ${tensor.name}: expected float32. Received: ${tensor.dtype}`);
    }
  }
  return content;
}

/**
 * Makes sure that a model file is the contract's.
 * @param {Contract} contract
 * @param {Uint8Array<ArrayBuffer>} content of the .tflite
 */
export async function checkModel(contract, content) {
  if (!globalThis.crypto?.subtle) {
    throw new Error('This page works only over https or on localhost.');
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  const received = Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('');
  if (received !== contract.model.sha256) {
    throw new Error(
        `${contract.model.file} is not the file that pose.json describes. ` +
        `Expected SHA-256 ${contract.model.sha256}. Received: ${received}`);
  }
}
