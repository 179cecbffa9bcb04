// @ts-check
// The network on LiteRT.js: in WebAssembly, or on the GPU where that finds the same joints.
// S crop side.

import {
  getWebGpuDevice, loadAndCompile, loadLiteRt, supportsFeature, Tensor,
} from '@litertjs/core';

import {decode} from './decode.js';

/**
 * @typedef {import('./contract.js').Contract} Contract
 * @typedef {import('@litertjs/core').CompiledModel} Model
 */

const RUNTIME = new URL('../node_modules/@litertjs/core/wasm/', import.meta.url);
/** A GPU computes an int8 file in floating point: other joints than everywhere else. */
const FOR_GPUS = ['float16', 'float32'];
/** What joints may lie apart, in crop sides, and their scores. */
const NEAR = {joints: 0.005, scores: 0.05};
const ROUNDS = 5;

/** @type {Promise<unknown> | undefined} LiteRT.js is loaded once a page */
let runtime;

/**
 * Compiles a model for WebAssembly.
 * @param {Uint8Array<ArrayBuffer>} content of a .tflite
 * @returns {Promise<Model>}
 */
export async function compiled(content) {
  runtime ??= threadsRun().then(threads => loadLiteRt(RUNTIME.href, {threads}));
  await runtime;
  return loadAndCompile(content, {accelerator: 'wasm'});
}

/**
 * @param {Model} model
 * @param {Float32Array} pixels S x S x 3
 * @param {number} size S
 * @returns {Promise<Float32Array>} heatmaps
 */
export async function run(model, pixels, size) {
  const input = new Tensor(pixels, [1, size, size, 3]);
  try {
    const [output] = await model.run(input);
    const heatmaps = /** @type {Float32Array} */ (await output.data());
    output.delete();
    return heatmaps;
  } finally {
    input.delete();
  }
}

/**
 * Whether this browser has a GPU of its own, and the file is one for GPUs.
 * @param {Contract} contract
 */
export function gpuMayRun({model}) {
  const device = /** @type {any} */ (getWebGpuDevice());
  return FOR_GPUS.includes(model.weights) && device && !device.adapterInfo?.isFallbackAdapter;
}

/**
 * The model on the GPU; null where it runs there only in part, finds other joints in a crop of
 * somebody than WebAssembly does, or is not sooner done.
 * @param {Uint8Array<ArrayBuffer>} content of the .tflite
 * @param {Contract} contract
 * @param {Model} exact in WebAssembly
 * @param {Float32Array} pixels of the crop
 * @returns {Promise<Model | null>}
 */
export async function onGpu(content, contract, exact, pixels) {
  /** @type {Model | undefined} */
  let model;
  try {
    model = await loadAndCompile(content, {accelerator: 'webgpu'});
    const whole = model.options.accelerator === 'webgpu' && model.isFullyAccelerated;
    if (whole) {
      const expected = await timed(exact, pixels, contract);
      const received = await timed(model, pixels, contract);
      if (received.milliseconds < expected.milliseconds && alike(received, expected, contract)) {
        return model;
      }
    }
  } catch (error) {
    console.warn('WebGPU is not used:', error);
  }
  model?.delete();
  return null;
}

/**
 * Joints and scores in a crop, and the shortest time of some rounds after a first one.
 * @param {Model} model
 * @param {Float32Array} pixels
 * @param {Contract} contract
 */
async function timed(model, pixels, {image, heatmaps: shape, decode: rule}) {
  const found = decode(await run(model, pixels, image.size), shape, rule);
  let milliseconds = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    await run(model, pixels, image.size);
    milliseconds = Math.min(milliseconds, performance.now() - started);
  }
  return {...found, milliseconds};
}

/**
 * @typedef {{joints: {x: number, y: number}[], scores: number[]}} Joints
 * @param {Joints} one
 * @param {Joints} other
 * @param {Contract} contract joints that it would not show may lie anywhere
 */
function alike(one, other, {image, score}) {
  return other.joints.every(({x, y}, joint) => {
    const apart = Math.hypot(one.joints[joint].x - x, one.joints[joint].y - y);
    const hidden = other.scores[joint] < score.threshold;
    return Math.abs(one.scores[joint] - other.scores[joint]) <= NEAR.scores &&
        (hidden || apart <= NEAR.joints * image.size);
  });
}

/**
 * Threads need an isolated page. LiteRT.js has them in its build with relaxed SIMD only, which
 * Safari does not run.
 */
async function threadsRun() {
  return globalThis.crossOriginIsolated && await supportsFeature('relaxedSimd') &&
      await supportsFeature('threads');
}
