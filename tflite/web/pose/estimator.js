// @ts-check
// Frames in, joints of one person out, on LiteRT.js.

import {checkModel, readContract} from './contract.js';
import {
  apply, compose, crop, cropMatrix, invert, nextRegion, uprightMatrix,
} from './crop.js';
import {decode} from './decode.js';
import {compiled, gpuMayRun, onGpu, run} from './runner.js';
import {mean, squares} from './search.js';
import {Track} from './track.js';

/**
 * @typedef {import('./contract.js').Contract} Contract
 * @typedef {import('./crop.js').Region} Region
 * @typedef {import('./track.js').Pose} Pose
 * @typedef {{data: Uint8ClampedArray, width: number, height: number, rotation?: number,
 *   mirrored?: boolean}} Frame RGBA, such as an ImageData
 * @typedef {import('./crop.js').Matrix} Matrix
 * @typedef {{pose: Pose | null, heatmaps: Float32Array, region: Region,
 *   milliseconds: number}} Found joints in the upright frame, null where nobody was found;
 *   heatmaps of the region that was looked at last; what it took
 */

const CLOSER = 3;

export class PoseEstimator {
  /**
   * @param {Contract} contract
   * @param {import('@litertjs/core').CompiledModel} model
   */
  constructor(contract, model) {
    this.contract = contract;
    this.model = model;
    /** @type {import('@litertjs/core').CompiledModel | null} */
    this.gpu = null;
    this.track = new Track(contract);
  }

  /**
   * Loads pose.json, the model that it names beside it, and the runtime.
   * @param {URL} url of pose.json
   * @param {() => Promise<Frame>} [example] gives a picture of somebody; with it the GPU runs
   *   a float16 file where it finds the same joints as WebAssembly in that, and sooner
   * @returns {Promise<PoseEstimator>}
   */
  static async load(url, example) {
    const contract = readContract(await (await fetched(url)).text());
    const file = await fetched(new URL(encodeURIComponent(contract.model.file), url));
    const content = new Uint8Array(await file.arrayBuffer());
    await checkModel(contract, content);
    const estimator = new PoseEstimator(contract, await compiled(content));
    if (example && gpuMayRun(contract)) await estimator.tryGpu(content, await example());
    return estimator;
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} content of the model
   * @param {Frame} picture of somebody
   */
  async tryGpu(content, picture) {
    const {size, range} = this.contract.image;
    const {region} = await this.find(picture);
    const pixels = crop(picture, cropMatrix(region, size), size, range);
    this.gpu = await onGpu(content, this.contract, this.model, pixels);
  }

  /** What runs the network. */
  get accelerator() {
    return this.gpu ? 'WebGPU' : 'WebAssembly';
  }

  /** Gives its memory back; it finds nothing afterwards. */
  close() {
    this.model.delete();
    this.gpu?.delete();
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
    const view = this.track.view(frame.width, frame.height, frame.rotation, frame.mirrored);
    const started = performance.now();
    const heatmaps = await this.run(frame, view.matrix);
    const pose = this.track.update(heatmaps, view, seconds);
    const milliseconds = performance.now() - started;
    return {pose, heatmaps, region: view.region, milliseconds};
  }

  /**
   * The surest person in a photograph: the square with the highest mean score, then three
   * looks closer.
   * @param {Frame} frame
   * @returns {Promise<Found>}
   */
  async find(frame) {
    const {contract} = this;
    const started = performance.now();
    const {matrix, width, height} = uprightMatrix(
        frame.width, frame.height, frame.rotation ?? 0, frame.mirrored ?? false);
    const places = squares(width, height, contract);
    let best = await this.look(frame, matrix, places[0]);
    for (const place of places.slice(1)) {
      const found = await this.look(frame, matrix, place);
      if (mean(found.pose.scores) > mean(best.pose.scores)) best = found;
    }
    for (let closer = 0; closer < CLOSER && places.length > 1; closer++) {
      const {joints, scores} = best.pose;
      const region = nextRegion(joints, scores, width, height, contract.crop);
      best = await this.look(frame, matrix, region);
    }
    const there = mean(best.pose.scores) >= contract.score.presence;
    const milliseconds = performance.now() - started;
    return {...best, pose: there ? best.pose : null, milliseconds};
  }

  /**
   * @param {Frame} frame
   * @param {Matrix} upright from the stored frame to the upright one
   * @param {Region} region of the upright frame
   */
  async look(frame, upright, region) {
    const {image, heatmaps: shape, decode: rule} = this.contract;
    const matrix = cropMatrix(region, image.size);
    const heatmaps = await this.run(frame, compose(matrix, upright));
    const {joints, scores} = decode(heatmaps, shape, rule);
    const back = invert(matrix);
    return {pose: {joints: joints.map(joint => apply(back, joint)), scores}, heatmaps, region};
  }

  /**
   * @param {Frame} frame
   * @param {Matrix} matrix from the stored frame to the crop
   * @returns {Promise<Float32Array>} heatmaps
   */
  async run(frame, matrix) {
    const {size, range} = this.contract.image;
    const pixels = crop(frame, matrix, size, range);
    if (this.gpu) {
      try {
        return await run(this.gpu, pixels, size);
      } catch {  // browsers take the GPU away, for instance from pages in the background
        this.gpu.delete();
        this.gpu = null;
      }
    }
    return run(this.model, pixels, size);
  }
}

/** @param {URL} url */
async function fetched(url) {
  const response = await fetch(url).catch(error => {
    throw new Error(`${url.pathname} could not be loaded: ${error.message}`);
  });
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  return response;
}
