// @ts-check
// Frames in, joints of one person out, on LiteRT.js.

import {loadAndCompile, loadLiteRt, supportsFeature, Tensor} from '@litertjs/core';

import {checkModel, readContract} from './contract.js';
import {crop} from './crop.js';
import {Track} from './track.js';

/**
 * @typedef {import('./contract.js').Contract} Contract
 * @typedef {import('./crop.js').Region} Region
 * @typedef {import('./track.js').Pose} Pose
 * @typedef {{data: Uint8ClampedArray, width: number, height: number, rotation?: number,
 *   mirrored?: boolean}} Frame RGBA, such as an ImageData
 * @typedef {Pose & {heatmaps: Float32Array, region: Region, milliseconds: number}} Found
 *   joints in the upright frame; heatmaps of its region; what the network took
 */

const RUNTIME = new URL('../node_modules/@litertjs/core/wasm/', import.meta.url);

export class PoseEstimator {
  /**
   * @param {Contract} contract
   * @param {import('@litertjs/core').CompiledModel} model
   */
  constructor(contract, model) {
    this.contract = contract;
    this.model = model;
    this.track = new Track(contract);
  }

  /**
   * Loads pose.json, the model that it names beside it, and the runtime. Once a page.
   * @param {URL} url of pose.json
   * @returns {Promise<PoseEstimator>}
   */
  static async load(url) {
    const contract = readContract(await (await fetched(url)).text());
    const file = await fetched(new URL(contract.model.file, url));
    const content = new Uint8Array(await file.arrayBuffer());
    await checkModel(contract, content);
    await loadLiteRt(RUNTIME.href, {threads: await threadsRun()});
    const model = await loadAndCompile(content, {accelerator: 'wasm'});
    return new PoseEstimator(contract, model);
  }

  /** Forgets the person, for instance when another film starts. */
  forget() {
    this.track = new Track(this.contract);
  }

  /**
   * The next frame of a film or a camera.
   * @param {Frame} frame
   * @param {number} seconds its time; where that is not later than the last frame's,
   *   smoothing starts anew
   * @returns {Promise<Found>}
   */
  async next(frame, seconds) {
    const {image} = this.contract;
    const view = this.track.view(frame.width, frame.height, frame.rotation, frame.mirrored);
    const started = performance.now();
    const pixels = crop(frame, view.matrix, image.size, image.range);
    const heatmaps = await this.run(pixels);
    const pose = this.track.update(heatmaps, view, seconds);
    const milliseconds = performance.now() - started;
    return {...pose, heatmaps, region: view.region, milliseconds};
  }

  /**
   * @param {Float32Array} pixels of a crop
   * @returns {Promise<Float32Array>} heatmaps
   */
  async run(pixels) {
    const {size} = this.contract.image;
    const input = new Tensor(pixels, [1, size, size, 3]);
    try {
      const [output] = await this.model.run(input);
      const heatmaps = /** @type {Float32Array} */ (await output.data());
      output.delete();
      return heatmaps;
    } finally {
      input.delete();
    }
  }
}

/**
 * Threads need an isolated page. LiteRT.js has them in its build with relaxed SIMD only, which
 * Safari does not run.
 */
async function threadsRun() {
  return globalThis.crossOriginIsolated && await supportsFeature('relaxedSimd') &&
      await supportsFeature('threads');
}

/** @param {URL} url */
async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  return response;
}
