// @ts-check
// Joints over time: the one-euro filter (Casiez, Roussel and Vogel, CHI 2012).

/**
 * @typedef {import('./contract.js').Smoothing} SmoothingRule
 * @typedef {import('./crop.js').Point} Point
 */

export class OneEuro {
  /**
   * @param {SmoothingRule} rule
   * @param {number} threshold least score of a joint that is followed
   */
  constructor(rule, threshold) {
    this.rule = rule;
    this.threshold = threshold;
    this.seconds = NaN;
    /** @type {({at: Point, speed: Point} | null)[]} */
    this.known = [];
  }

  /** Starts anew. */
  forget() {
    this.known = [];
  }

  /**
   * Smoothed joints. A joint that is not followed starts anew, and so does everything where
   * the time is not later than the last frame's.
   * @param {Point[]} joints pixels
   * @param {ArrayLike<number>} scores
   * @param {number} seconds time of the frame
   * @param {number} side of the crop the joints were found in, pixels
   * @returns {Point[]}
   */
  smooth(joints, scores, seconds, side) {
    const period = seconds - this.seconds;
    if (!(period > 0)) this.known = [];
    this.seconds = seconds;
    const found = joints.map((joint, i) => this.filtered(joint, this.known[i], period, side));
    this.known = found.map((each, i) => scores[i] >= this.threshold ? each : null);
    return joints.map((joint, i) => this.known[i]?.at ?? joint);
  }

  /**
   * @param {Point} joint
   * @param {{at: Point, speed: Point} | null | undefined} last
   * @param {number} period seconds
   * @param {number} side
   */
  filtered(joint, last, period, side) {
    if (!last) return {at: joint, speed: {x: 0, y: 0}};
    const {min_cutoff, beta, derivative_cutoff} = this.rule;
    const newest = {x: (joint.x - last.at.x) / period, y: (joint.y - last.at.y) / period};
    const speed = mix(newest, last.speed, weight(derivative_cutoff, period));
    const cutoff = min_cutoff + beta * Math.hypot(speed.x, speed.y) / side;
    return {at: mix(joint, last.at, weight(cutoff, period)), speed};
  }
}

/**
 * @param {Point} now
 * @param {Point} before
 * @param {number} share of the new one
 */
function mix(now, before, share) {
  return {
    x: share * now.x + (1 - share) * before.x,
    y: share * now.y + (1 - share) * before.y,
  };
}

/**
 * Share of the new value in a low-pass filter.
 * @param {number} cutoff Hz
 * @param {number} period seconds
 */
function weight(cutoff, period) {
  return 1 / (1 + 1 / (2 * Math.PI * cutoff * period));
}
