// @ts-check
// One person through a film: searched, found, followed, let go.

import {apply, compose, cropMatrix, invert, nextRegion, uprightMatrix} from './crop.js';
import {decode} from './decode.js';
import {mean, squares} from './search.js';
import {OneEuro} from './smoothing.js';

/**
 * @typedef {import('./contract.js').Contract} Contract
 * @typedef {import('./crop.js').Matrix} Matrix
 * @typedef {import('./crop.js').Point} Point
 * @typedef {import('./crop.js').Region} Region
 * @typedef {{matrix: Matrix, region: Region, width: number, height: number}} CropView
 *   from the stored frame to the crop, and the upright frame
 * @typedef {{joints: Point[], scores: number[]}} Pose joints in the upright frame
 */

export class Track {
  /** @param {Contract} contract */
  constructor(contract) {
    this.contract = contract;
    this.oneEuro = new OneEuro(contract.smoothing, contract.crop.threshold);
    /** @type {Region | null} */
    this.region = null;
    this.searched = 0;
    this.frame = {width: 0, height: 0};
  }

  /**
   * How to look at a frame; one of another size starts everything anew.
   * @param {number} width of the stored frame
   * @param {number} height of the stored frame
   * @param {number} [rotation] degrees clockwise that turn it upright
   * @param {boolean} [mirrored] whether it shows a mirror image
   * @returns {CropView}
   */
  view(width, height, rotation = 0, mirrored = false) {
    const upright = uprightMatrix(width, height, rotation, mirrored);
    if (upright.width !== this.frame.width || upright.height !== this.frame.height) {
      this.region = null;
      this.searched = 0;
      this.oneEuro.forget();
    }
    this.frame = {width: upright.width, height: upright.height};
    const region = this.region ?? this.nextSquare();
    const matrix = compose(cropMatrix(region, this.contract.image.size), upright.matrix);
    return {matrix, region, ...this.frame};
  }

  nextSquare() {
    const places = squares(this.frame.width, this.frame.height, this.contract);
    return places[this.searched % places.length];
  }

  /**
   * @param {ArrayLike<number>} heatmaps of the crop, H x W x K
   * @param {CropView} view the frame's
   * @param {number} seconds its time
   * @returns {Pose | null} null where nobody is there
   */
  update(heatmaps, view, seconds) {
    const {contract} = this;
    const found = decode(heatmaps, contract.heatmaps, contract.decode);
    if (!this.region) this.searched++;
    if (mean(found.scores) < contract.score.presence) {
      this.region = null;
      this.oneEuro.forget();
      return null;
    }
    const back = invert(cropMatrix(view.region, contract.image.size));
    const raw = found.joints.map(joint => apply(back, joint));
    const joints = this.oneEuro.smooth(raw, found.scores, seconds, view.region.side);
    this.region = nextRegion(
        joints, found.scores, view.width, view.height, contract.crop);
    return {joints, scores: found.scores};
  }
}
